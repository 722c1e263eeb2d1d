// What the gateway keeps of its life, and where: a store in its data directory, or nothing at all.
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Config } from '../config/types.ts';
import type { LoadHistory } from '../engines/loads.ts';
import { shippedFile } from '../engines/locate.ts';
import type { Clock } from '../lifecycle/clock.ts';
import type { Scope } from '../lifecycle/scope.ts';
import { noRecords, type SessionRecords, storedRecords } from '../sessions/records.ts';
import type { Archive } from '../store/archive.ts';
import { SqliteStore } from '../store/sqlite-store.ts';
import type { Store } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';
import { operations } from '../telemetry/operations.ts';
import { Seldom } from '../telemetry/seldom.ts';

/** Of the data directory. */
export const databaseName = 'greenroom.db';

/** That the disk is slow is told once in so long. */
const slowToldEveryMs = 10_000;

export interface Records {
  /** Undefined where nothing is kept. */
  readonly store: (Store & Archive) | undefined;
  readonly sessions: SessionRecords;
  readonly loads: LoadHistory | undefined;
  /** Everything waits until then. Rejects with `store_unusable`. */
  start(): Promise<void>;
}

export interface RecordsOptions {
  readonly config: Config['store'];
  /** The data directory. */
  readonly directory: string;
  /** Closes the store, after whatever writes to it and before the log. */
  readonly scope: Scope;
  readonly clock: Clock;
  readonly log: Log;
}

export function openRecords({ config, directory, scope, clock, log }: RecordsOptions): Records {
  if (config.kind === 'none')
    return { store: undefined, sessions: noRecords, loads: undefined, start: async () => undefined };
  const seldom = new Seldom(clock, slowToldEveryMs);
  const store = new SqliteStore({
    file: shippedFile('store'),
    path: join(directory, databaseName),
    newRun: () => randomUUID(),
    retention: { keepMs: config.keepMs, bytesMax: config.bytesMax },
    clock,
    handOver: (rows, work) => operations.during('store batch', `of ${rows} rows`, work),
    onSlow: (rows, ms) => {
      const untold = seldom.may('batch');
      const facts = { rows, ms: Math.round(ms), untold };
      if (untold !== undefined)
        log.warn(facts, `the store took ${facts.ms} ms to write ${rows} rows to ${databaseName}`);
    },
    onTrouble: (message) => log.warn({}, message),
  });
  scope.defer('store', { close: () => store.close(), destroy: () => store.destroy() });
  return {
    store,
    sessions: storedRecords(store, clock),
    loads: {
      lastLoads: (modelKey, count) => store.lastLoads(modelKey, count),
      record: (row) => store.write({ type: 'engine_run', row }),
    },
    start: () => store.start(),
  };
}
