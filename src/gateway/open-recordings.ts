// The recordings that a configuration wants, in their folder of the data directory.
import { randomUUID } from 'node:crypto';
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Decoders } from '../audio/decoding/decoders.ts';
import type { RecordingsConfig } from '../config/types.ts';
import { shippedFile } from '../engines/locate.ts';
import type { Clock } from '../lifecycle/clock.ts';
import type { Scope } from '../lifecycle/scope.ts';
import { Recordings } from '../recordings/recordings.ts';
import type { Store } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';
import { version } from '../version.ts';
import { RecordingsLedger } from './recordings-ledger.ts';

export interface OpenRecordings {
  readonly recordings: Recordings;
  /** What is to be written waits until then. A folder that is there already is looked after from now on. */
  start(): Promise<void>;
}

export function openRecordings(parts: {
  readonly config: RecordingsConfig;
  /** The data directory. */
  readonly directory: string;
  /** Closes them, after the sessions and before the log. */
  readonly scope: Scope;
  readonly clock: Clock;
  readonly decoders: Decoders;
  readonly log: Log;
  /** Undefined: nothing is kept of sessions. */
  readonly store: Store | undefined;
}): OpenRecordings {
  const { config, directory, scope, clock, log, decoders, store } = parts;
  const { begins, importBytesMax, ...limits } = config;
  const root = join(directory, 'recordings');
  const recordings = new Recordings({
    ...{ file: shippedFile('recordings'), root, limits, version, begins, clock, log },
    ...{ decoders, importBytesMax },
  });
  if (store) new RecordingsLedger({ store, recordings, newId: randomUUID });
  scope.defer('recordings', { close: () => recordings.close(), destroy: () => recordings.destroy() });
  return {
    recordings,
    async start() {
      // Where nothing was ever recorded no thread is started for it before it is.
      const there = await lstat(root).then(
        () => true,
        () => false,
      );
      recordings.start(there || begins === 'on');
    },
  };
}
