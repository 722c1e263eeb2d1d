// Restarts of pipelines: of one or all, with their engines or without. Owns nothing; the generations are the table's, the
// engines the supervisor's.
import { GreenroomError } from '../lifecycle/errors.ts';
import type { RestartMode } from '../pipelines/generations.ts';
import { type PipelineShown, pipelineShown } from './pipeline-facts.ts';
import type { PipelineTable } from './pipeline-table.ts';

export interface RestartRequest {
  /** Default `replace`. */
  readonly mode?: RestartMode;
  /** Whether its engines are renewed. Default: no. */
  readonly engines?: boolean;
}

export interface Restarted {
  readonly pipeline: PipelineShown;
  /** The number of the next. */
  readonly generation: number;
}

export interface RestartsOptions {
  readonly table: PipelineTable;
  readonly supervisor: import('../engines/supervisor.ts').Supervisor;
  /** Aborts when the gateway leaves. */
  readonly leaving: AbortSignal;
}

export class Restarts {
  readonly #options: RestartsOptions;

  constructor(options: RestartsOptions) {
    this.#options = options;
  }

  /** Throws `not_found`, `server_shutdown`, `restart_under_way`, `too_many_generations`: nothing has changed then. */
  restart(name: string, { mode = 'replace' }: RestartRequest): Restarted {
    const { table, supervisor, leaving } = this.#options;
    if (leaving.aborted)
      throw new GreenroomError(
        'server_shutdown',
        `pipeline ${name} is not restarted: the gateway is leaving`,
      );
    const line = table.line(name);
    const generation = line.restart(
      mode,
      table.builder(name, (engine) => supervisor.get(engine)),
    );
    return { pipeline: pipelineShown(line), generation };
  }
}
