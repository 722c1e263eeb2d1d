// The configuration, read again while the gateway runs: checked first, its differences told, and what of them can be had
// without a new start applied, without a session that is dropped. One at a time.

import { appliedOver, type Difference, differencesOf, isSameEngine } from '../config/differences.ts';
import type { LoadedConfig } from '../config/load.ts';
import type { SecretRegistry } from '../config/secrets.ts';
import type { Config, EngineConfig } from '../config/types.ts';
import type { Renewal } from '../engines/renewal.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import type { Log } from '../telemetry/log.ts';
import { operations } from '../telemetry/operations.ts';
import type { PipelineTable } from './pipeline-table.ts';
import type { Renewals } from './renewals.ts';

export interface ReloadRequest {
  /** Only what would be done. Default: no. */
  readonly dryRun?: boolean | undefined;
}

export interface Reloaded {
  /** What was read, for people. */
  readonly source: string;
  readonly applied: boolean;
  readonly differences: readonly Difference[];
  /** How each engine that is another gets there. */
  readonly engines: readonly Renewal[];
  /** Of each pipeline that was built anew, the generation that is current now. */
  readonly pipelines: readonly { readonly name: string; readonly generation: number }[];
}

export interface ReloadsOptions {
  readonly table: PipelineTable;
  readonly renewals: Renewals;
  readonly secrets: SecretRegistry;
  /** Reads and checks it as a start does; undefined: there is none that could be read. */
  readonly load: (() => Promise<LoadedConfig>) | undefined;
  /** What has no parts of its own: limits, the log. */
  readonly onApplied: (config: Config) => void;
  readonly log: Log;
  /** Aborts when the gateway leaves. */
  readonly leaving: AbortSignal;
}

interface Plan {
  readonly config: Config;
  readonly differences: readonly Difference[];
  readonly engines: readonly Renewal[];
  readonly before: Config;
}

export class Reloads {
  readonly #options: ReloadsOptions;
  #state: 'still' | 'reloading' = 'still';

  constructor(options: ReloadsOptions) {
    this.#options = options;
  }

  /**
   * Throws what a start throws of a configuration (`config_invalid`, `config_not_found`, `secret_missing`), and
   * `restart_under_way`, `too_many_generations`, `server_shutdown`, `invalid_request`: nothing has changed then.
   */
  async reload({ dryRun = false }: ReloadRequest): Promise<Reloaded> {
    const { load, log } = this.#options;
    this.#mustRun();
    if (!load)
      throw new GreenroomError(
        'invalid_request',
        'this gateway was given its configuration by a program, and has none to read again',
      );
    if (this.#state === 'reloading')
      throw new GreenroomError('restart_under_way', 'the configuration is being reloaded already');
    this.#state = 'reloading';
    try {
      const { config, source, secrets } = await load();
      const plan = await this.#plan(config);
      this.#mustRun();
      const { differences, engines } = plan;
      if (dryRun) return { source, applied: false, differences, engines, pipelines: [] };
      this.#options.secrets.adopt(secrets);
      const pipelines = operations.during('config reload', null, () => this.#apply(plan));
      const paths = differences.map(({ path, change }) => `${path} ${change}`);
      log.info({ source, differences }, `configuration reloaded: ${paths.join(', ') || 'no difference'}`);
      return { source, applied: true, differences, engines, pipelines };
    } finally {
      this.#state = 'still';
    }
  }

  async #plan(after: Config): Promise<Plan> {
    const { table, renewals } = this.#options;
    const before = table.config;
    const changed = Object.values(after.engines).flatMap((next) => {
      const old = before.engines[next.name];
      return old && !isSameEngine(old, next) ? [[old, next] as const] : [];
    });
    return {
      ...{ before, config: appliedOver(before, after), differences: differencesOf(before, after) },
      engines: await renewals.planChange(changed),
    };
  }

  /** In one turn of the loop. */
  #apply({ before, config, engines }: Plan): Reloaded['pipelines'] {
    const { table, renewals, onApplied } = this.#options;
    const inPlace = new Set(engines.filter(({ way }) => way !== 'beside').map(({ name }) => name));
    const others = [...Object.keys(before.engines), ...Object.keys(config.engines)].filter(
      (name) => !inPlace.has(name) && !sameEngine(before.engines[name], config.engines[name]),
    );
    // What they wait for would be put in the place of what is read now.
    const waiting = new Set(renewals.waitingFor(inPlace));
    const outdated = this.#outdated(before, config, new Set(others), waiting);
    for (const name of outdated)
      table
        .lines()
        .find((line) => line.name === name)
        ?.check('replace');
    table.configure(config);
    for (const name of new Set(others)) renewals.replace(name, config.engines[name]);
    for (const name of Object.keys(config.engines)) {
      const [old, next] = [before.engines[name], config.engines[name]];
      if (next && old && inPlace.has(name)) renewals.inPlace(next, 'restart');
      // What is needed of it may be another, for its next instance.
      else if (next && old && sameEngine(old, next)) renewals.inPlace(next, 'note');
    }
    for (const name of Object.keys(before.pipelines)) if (!config.pipelines[name]) table.remove(name);
    const built = outdated.map((name) => ({ name, generation: renewals.rebuild(name) }));
    renewals.askAgain();
    renewals.sweep();
    onApplied(config);
    return built;
  }

  /** Pipelines that are new or different, or have an engine that is another, or wait for one that is to be another. */
  #outdated(
    before: Config,
    config: Config,
    engines: ReadonlySet<string>,
    waiting: ReadonlySet<string>,
  ): readonly string[] {
    const { table } = this.#options;
    const differ = new Set(
      differencesOf(before, config).flatMap(({ path, change }) =>
        path.startsWith('pipelines.') && change !== 'removed' ? path.slice('pipelines.'.length) : [],
      ),
    );
    return Object.keys(config.pipelines).filter((name) => {
      if (differ.has(name) || waiting.has(name)) return true;
      const current = table.lines().find((line) => line.name === name)?.current;
      return (
        current !== undefined && [...table.enginesOf(current)].some((engine) => engines.has(engine.name))
      );
    });
  }

  #mustRun(): void {
    if (this.#options.leaving.aborted)
      throw new GreenroomError(
        'server_shutdown',
        'the configuration is not reloaded: the gateway is leaving',
      );
  }
}

function sameEngine(before: EngineConfig | undefined, after: EngineConfig | undefined): boolean {
  return before !== undefined && after !== undefined && isSameEngine(before, after);
}
