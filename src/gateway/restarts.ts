// Restarts of pipelines, with their engines or without. Owns nothing: the generations are the table's, the engines the
// supervisor's.
import type { Engine } from '../engines/engine.ts';
import type { Renewal } from '../engines/renewal.ts';
import type { Supervisor } from '../engines/supervisor.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import type { RestartMode } from '../pipelines/generations.ts';
import type { PipelineShown } from './pipeline-facts.ts';
import type { Line, PipelineTable } from './pipeline-table.ts';
import type { Renewals, Renewed } from './renewals.ts';

export interface RestartRequest {
  /** Default `replace`. */
  readonly mode?: RestartMode | undefined;
  /** Whether its engines are renewed. Default: no. */
  readonly engines?: boolean | undefined;
}

export interface Restarted {
  /** The number of the next. */
  readonly generation: number;
  /** How each of its engines is renewed; none where that was not asked. */
  readonly engines: readonly Renewal[];
  readonly pipeline: PipelineShown;
}

export interface RestartsOptions {
  readonly table: PipelineTable;
  readonly supervisor: Supervisor;
  readonly renewals: Renewals;
  /** Aborts when the gateway leaves. */
  readonly leaving: AbortSignal;
}

export class Restarts {
  readonly #options: RestartsOptions;

  constructor(options: RestartsOptions) {
    this.#options = options;
  }

  /** A generation has another state. */
  get changes(): PipelineTable['changes'] {
    return this.#options.table.changes;
  }

  list(): readonly PipelineShown[] {
    const { table } = this.#options;
    return table.lines().map((line) => table.shown(line));
  }

  /** Throws `not_found`. */
  get(name: string): PipelineShown {
    const { table } = this.#options;
    return table.shown(table.line(name));
  }

  /** Throws `not_found`, `server_shutdown`, `restart_under_way`, `too_many_generations`: nothing has changed then. */
  async restart(name: string, request: RestartRequest = {}): Promise<Restarted> {
    const [restarted] = await this.#restart([name], request);
    return restarted as Restarted;
  }

  /** Every pipeline; an engine that several ask is renewed once. Throws as `restart`, if one of them cannot be. */
  restartAll(request: RestartRequest = {}): Promise<readonly Restarted[]> {
    return this.#restart(Object.keys(this.#options.table.config.pipelines), request);
  }

  async #restart(
    names: readonly string[],
    { mode = 'replace', engines = false }: RestartRequest,
  ): Promise<readonly Restarted[]> {
    const { table, renewals } = this.#options;
    const asked = names.flatMap((name) => this.#enginesOf(this.#checked(name, mode)));
    const plan = engines ? await renewals.plan([...new Set(asked.map((engine) => engine.name))]) : [];
    // Meanwhile somebody else may have asked, or the gateway may leave.
    const lines = names.map((name) => this.#checked(name, mode));
    const wanted = lines.map((line) => this.#enginesOf(line).map((engine) => engine.name));
    const renewed = renewals.begin(plan, lines, mode);
    // Who restarts a pipeline asks for its engines, those that have failed for good among them.
    for (const engine of asked)
      if (engine.life.state === 'failed' && !renewed.has(engine.name)) engine.start();
    const generations = lines.map((line) => this.#next(line, mode, renewed));
    return lines.map((line, at) => ({
      generation: generations[at] ?? 0,
      engines: plan.filter((one) => wanted[at]?.includes(one.name)),
      pipeline: table.shown(line),
    }));
  }

  #next(line: Line, mode: RestartMode, renewed: Renewed): number {
    const { table, supervisor, renewals } = this.#options;
    const { name, next } = line;
    const engineOf = (wanted: string) => renewed.get(wanted) ?? supervisor.get(wanted);
    try {
      return line.restart(mode, table.builder(name, engineOf));
    } catch (error) {
      renewals.forget(name, next);
      throw error;
    }
  }

  #enginesOf({ current }: Line): readonly Engine[] {
    return current ? [...this.#options.table.enginesOf(current)] : [];
  }

  #checked(name: string, mode: RestartMode): Line {
    const { table, leaving } = this.#options;
    if (leaving.aborted)
      throw new GreenroomError(
        'server_shutdown',
        `pipeline ${name} is not restarted: the gateway is leaving`,
      );
    const line = table.line(name);
    line.check(mode);
    return line;
  }
}
