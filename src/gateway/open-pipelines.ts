// The pipelines that a configuration wants, and who restarts them.
import type { LoadedConfig } from '../config/load.ts';
import type { SecretRegistry } from '../config/secrets.ts';
import type { Config } from '../config/types.ts';
import type { Supervisor } from '../engines/supervisor.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { SessionRegistry } from '../sessions/registry.ts';
import type { Door } from './door.ts';
import type { GatewayLog } from './gateway-log.ts';
import { sessionLimits } from './open-sessions.ts';
import { PipelineTable } from './pipeline-table.ts';
import { Reloads } from './reloads.ts';
import { Renewals } from './renewals.ts';
import { Restarts } from './restarts.ts';

/** What is done to pipelines while the gateway runs. */
export interface Changes {
  readonly restarts: Restarts;
  readonly reloads: Reloads;
}

export function openPipelines(parts: {
  readonly config: Config;
  readonly supervisor: Supervisor;
  readonly sessions: SessionRegistry;
  /** Of the whole gateway. */
  readonly scope: Scope;
  readonly log: GatewayLog;
  readonly door: Pick<Door, 'limit'>;
  readonly secrets: SecretRegistry;
  /** Undefined: the configuration cannot be read again. */
  readonly reload?: (() => Promise<LoadedConfig>) | undefined;
  /** Aborts when the gateway leaves. */
  readonly leaving: AbortSignal;
}): Changes & { readonly pipelines: PipelineTable } {
  const { supervisor, sessions, log, leaving, door, secrets, reload: load } = parts;
  const table = new PipelineTable(parts);
  const renewals = new Renewals({ table, supervisor, log });
  const onApplied = (config: Config) => {
    sessions.limit(sessionLimits(config));
    door.limit(config.limits.connections);
    const { level, cleanup } = config.log;
    if (level !== log.settings.level || cleanup !== log.settings.cleanup) log.change({ level, cleanup });
  };
  return {
    pipelines: table,
    restarts: new Restarts({ table, supervisor, renewals, leaving }),
    reloads: new Reloads({ table, renewals, secrets, load, onApplied, log, leaving }),
  };
}
