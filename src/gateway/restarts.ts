// Restarts of pipelines, with their engines or without. Owns nothing: the generations are the table's, the engines the
// supervisor's.
import type { Renewal } from '../engines/renewal.ts';
import type { Supervisor } from '../engines/supervisor.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import type { RestartMode } from '../pipelines/generations.ts';
import { type PipelineShown, pipelineShown } from './pipeline-facts.ts';
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

  list(): readonly PipelineShown[] {
    return this.#options.table.lines().map((line) => this.#shown(line));
  }

  /** Throws `not_found`. */
  get(name: string): PipelineShown {
    return this.#shown(this.#options.table.line(name));
  }

  /** Throws `not_found`, `server_shutdown`, `restart_under_way`, `too_many_generations`: nothing has changed then. */
  async restart(name: string, { mode = 'replace', engines = false }: RestartRequest): Promise<Restarted> {
    const { table, supervisor, renewals } = this.#options;
    const { current } = this.#checked(name, mode);
    const names = engines && current ? [...table.enginesOf(current)].map((engine) => engine.name) : [];
    const plan = await renewals.plan(names);
    // Meanwhile somebody else may have asked, or the gateway may leave.
    const line = this.#checked(name, mode);
    const generation = line.next;
    const renewed = renewals.begin(plan, name, generation);
    const engineOf = (wanted: string) => renewed.get(wanted) ?? supervisor.get(wanted);
    this.#askAgain(line, renewed);
    try {
      line.restart(mode, table.builder(name, engineOf));
    } catch (error) {
      renewals.forget(name, generation);
      throw error;
    }
    for (const engine of renewed.values()) if (mode === 'seamless' || isEager(engine)) engine.start();
    return { generation, engines: plan, pipeline: this.#shown(line) };
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

  /** Who restarts a pipeline asks for its engines, those that have failed for good among them. */
  #askAgain(line: Line, renewed: Renewed): void {
    const { current } = line;
    if (!current) return;
    for (const engine of this.#options.table.enginesOf(current))
      if (engine.life.state === 'failed' && !renewed.has(engine.name)) engine.start();
  }

  #shown(line: Line): PipelineShown {
    return pipelineShown(line, (built) => [...this.#options.table.enginesOf(built)]);
  }
}

const isEager = (engine: { status(): { readonly start: string } }): boolean =>
  engine.status().start === 'eager';
