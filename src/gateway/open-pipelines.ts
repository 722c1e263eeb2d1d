// The pipelines that a configuration wants, and who restarts them.
import type { Config } from '../config/types.ts';
import type { Supervisor } from '../engines/supervisor.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { SessionRegistry } from '../sessions/registry.ts';
import type { Log } from '../telemetry/log.ts';
import { PipelineTable } from './pipeline-table.ts';
import { Renewals } from './renewals.ts';
import { Restarts } from './restarts.ts';

export function openPipelines(parts: {
  readonly config: Config;
  readonly supervisor: Supervisor;
  readonly sessions: SessionRegistry;
  /** Of the whole gateway. */
  readonly scope: Scope;
  readonly log: Log;
  /** Aborts when the gateway leaves. */
  readonly leaving: AbortSignal;
}): { readonly pipelines: PipelineTable; readonly restarts: Restarts } {
  const { supervisor, log, leaving } = parts;
  const table = new PipelineTable(parts);
  const renewals = new Renewals({ table, supervisor, log });
  return { pipelines: table, restarts: new Restarts({ table, supervisor, renewals, leaving }) };
}
