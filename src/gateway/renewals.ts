// Engines that are started anew with a pipeline: made beside those that are there, put in their place when the generation
// that asks them is current, dropped when no generation asks them any more. Owns those that nobody knows by name.
import type { EngineConfig } from '../config/types.ts';
import type { Engine } from '../engines/engine.ts';
import { availableBytes } from '../engines/memory.ts';
import { type Renewal, renewalOf } from '../engines/renewal.ts';
import type { Supervisor } from '../engines/supervisor.ts';
import { messageOf } from '../lifecycle/errors.ts';
import type { RestartMode } from '../pipelines/generations.ts';
import type { Log } from '../telemetry/log.ts';
import type { Line, PipelineTable } from './pipeline-table.ts';

export interface RenewalsOptions {
  readonly table: PipelineTable;
  readonly supervisor: Supervisor;
  readonly log: Log;
  /** Default: the system is asked. */
  readonly available?: () => Promise<number | null>;
}

/** Those that were made for the generations of one restart, by name. */
export type Renewed = ReadonlyMap<string, Engine>;

interface Pending {
  readonly engines: Renewed;
  /** Pipelines that are restarted with them: they get them by themselves. */
  readonly pipelines: ReadonlySet<string>;
}

export class Renewals {
  readonly #options: RenewalsOptions;
  /** Of generations that are not current yet, as `NAME/NUMBER`. */
  readonly #pending = new Map<string, Pending>();
  /** Nobody is given them by name; a generation may still ask them. */
  readonly #retired = new Set<Engine>();

  constructor(options: RenewalsOptions) {
    this.#options = options;
    options.table.changes.listen(({ pipeline, generation, state }) => {
      const key = `${pipeline}/${generation}`;
      const pending = this.#pending.get(key);
      if (pending && (state === 'current' || state === 'closed')) {
        this.#pending.delete(key);
        if (state === 'current') this.#put(pipeline, pending);
        else this.#giveUp(pending);
      }
      if (state === 'current' || state === 'closed') this.sweep();
    });
  }

  plan(names: readonly string[]): Promise<readonly Renewal[]> {
    const { supervisor, available = availableBytes } = this.#options;
    const configs = names.flatMap((name) => supervisor.configs().find((each) => each.name === name) ?? []);
    return Promise.all(configs.map((config) => renewalOf(config, config, available)));
  }

  /** @param changed as it is, and as it is to be */
  planChange(changed: readonly (readonly [EngineConfig, EngineConfig])[]): Promise<readonly Renewal[]> {
    const { available = availableBytes } = this.#options;
    return Promise.all(changed.map(([before, after]) => renewalOf(before, after, available)));
  }

  /** What the plan says, for what is built next: those beside are made, the others are asked to restart. */
  begin(plan: readonly Renewal[], lines: readonly Line[], mode: RestartMode): Renewed {
    const { supervisor } = this.#options;
    const engines = new Map<string, Engine>();
    for (const { name, way } of plan) {
      const config = supervisor.configs().find((each) => each.name === name);
      if (!config) continue;
      if (way === 'beside') engines.set(name, supervisor.beside(config));
      if (way === 'in_place') supervisor.renew(supervisor.get(name), config);
    }
    const pipelines = new Set(lines.map(({ name }) => name));
    if (engines.size > 0)
      for (const { name, next } of lines) this.#pending.set(`${name}/${next}`, { engines, pipelines });
    // Before they are known by name: who looks on sees them start.
    for (const engine of engines.values())
      if (mode === 'seamless' || engine.status().start === 'eager') engine.start();
    return engines;
  }

  /** What was begun for a generation that is not to be. */
  forget(pipeline: string, generation: number): void {
    const key = `${pipeline}/${generation}`;
    const pending = this.#pending.get(key);
    this.#pending.delete(key);
    if (pending) this.#giveUp(pending);
    this.sweep();
  }

  /** Another engine of this name, or none, is to be known; the one before serves those who have it. */
  replace(name: string, config: EngineConfig | undefined): void {
    const { supervisor } = this.#options;
    const known = supervisor.configs().some((each) => each.name === name);
    const engine = config && supervisor.beside(config);
    const before = engine ? supervisor.put(engine) : known ? supervisor.withdraw(name) : undefined;
    if (before) this.#retired.add(before);
    // Where it is started from it is looked for by its name.
    if (config?.start === 'eager') engine?.start();
  }

  /** Pipelines that wait for a generation with engines of these names. */
  waitingFor(names: ReadonlySet<string>): readonly string[] {
    return [...this.#pending].flatMap(([key, { engines }]) =>
      [...engines.keys()].some((name) => names.has(name)) ? key.slice(0, key.lastIndexOf('/')) : [],
    );
  }

  /** The engine that is there is to be another: at once, or with its next instance. */
  inPlace(config: EngineConfig, when: 'restart' | 'note'): void {
    const { supervisor } = this.#options;
    const engine = supervisor.get(config.name);
    if (when === 'restart') supervisor.renew(engine, config);
    else supervisor.note(engine, config);
  }

  /** The next generation of a pipeline, with the engines that are known now. Returns its number. */
  rebuild(name: string): number {
    const { table, supervisor } = this.#options;
    return table.line(name).restart(
      'replace',
      table.builder(name, (engine) => supervisor.get(engine)),
    );
  }

  /** Who reloads the configuration asks for every engine, those that have failed for good among them. */
  askAgain(): void {
    const { supervisor } = this.#options;
    for (const { name, state } of supervisor.list()) if (state === 'failed') supervisor.get(name).start();
  }

  /** Drops those that no generation asks any more. */
  sweep(): void {
    const { table, supervisor, log } = this.#options;
    for (const engine of this.#retired) {
      if (table.asks(engine)) continue;
      this.#retired.delete(engine);
      void supervisor
        .drop(engine, table.config.sessions.drainMs)
        .catch((error: unknown) =>
          log.error({ error }, `engine ${engine.name}: the instance of before: ${messageOf(error)}`),
        );
    }
  }

  /** Those that nobody else waits for, and nobody knows. */
  #giveUp({ engines }: Pending): void {
    const { supervisor } = this.#options;
    for (const engine of engines.values()) {
      const waited = [...this.#pending.values()].some((other) => other.engines === engines);
      if (!waited && supervisor.known(engine.name) !== engine) this.#retired.add(engine);
    }
  }

  /** The engines have other users too: they get them in a generation of their own. */
  #put(pipeline: string, { engines, pipelines }: Pending): void {
    const { table, supervisor, log } = this.#options;
    const before = new Set<Engine>();
    const now = table.line(pipeline).current;
    for (const engine of engines.values()) {
      const one = now && table.enginesOf(now).has(engine) && supervisor.put(engine);
      if (one) before.add(one);
    }
    for (const engine of before) this.#retired.add(engine);
    for (const { current, name } of table.lines()) {
      if (pipelines.has(name) || !current) continue;
      if (![...table.enginesOf(current)].some((each) => before.has(each))) continue;
      try {
        this.rebuild(name);
      } catch (error) {
        log.warn({ error, pipeline: name }, `pipeline ${name} keeps its engines: ${messageOf(error)}`);
      }
    }
  }
}
