// The engines that a configuration wants, none of them started yet.
import { join } from 'node:path';
import type { Config } from '../config/types.ts';
import { Supervisor, type SupervisorOptions } from '../engines/supervisor.ts';
import type { Clock } from '../lifecycle/clock.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { Log } from '../telemetry/log.ts';
import { withoutTokens } from './access.ts';
import type { Records } from './records.ts';

export function openEngines(parts: {
  readonly config: Config;
  /** Of the whole gateway. */
  readonly scope: Scope;
  /** The data directory. */
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly mask: (text: string) => string;
  readonly records: Records;
  readonly attempts: number | undefined;
  readonly find: SupervisorOptions['find'];
}): Supervisor {
  const { config, scope, directory, records, attempts, find, ...rest } = parts;
  return new Supervisor({
    ...rest,
    scope: scope.child('engines', { kind: 'engines', order: 'parallel' }),
    logDirectory: join(directory, 'engines'),
    logLimits: config.log,
    engines: config.engines,
    inherited: withoutTokens(config),
    loads: records.loads,
    // Every session may have an answer under way, and none is turned away that was let in.
    waitingMax: config.sessions.max,
    ...(attempts !== undefined && { attempts }),
    ...(find && { find }),
  });
}
