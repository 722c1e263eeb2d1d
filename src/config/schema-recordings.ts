// The `recordings:` of a configuration: how much is kept.
import type * as z from 'zod';
import { duration, section, size, wholeNumber } from './schema-parts.ts';
import type { RecordingsConfig } from './types.ts';

const dayMs = 86_400_000;

export const recordingsSchema = section(
  {
    keep: duration('30d', 'A recording is kept for so long after its end.', {
      minMs: 60_000,
      maxMs: 36_500 * dayMs,
    }),
    count: wholeNumber(1, 1_000_000, 'So many are kept at most; the oldest go.').default(1000),
    size: size('10GiB', 'So much is kept at most; the oldest go.', 1024 * 1024),
    import: size('256MiB', 'So large may one be that is brought along (`POST /api/recordings`).', 1024),
  },
  'Recordings of sessions, in recordings/ of the data directory.',
).prefault({});

export function recordingsConfig(
  { keep, count, size: bytesMax, import: importBytesMax }: z.output<typeof recordingsSchema>,
  record: boolean,
): RecordingsConfig {
  return { begins: record ? 'on' : 'off', keepMs: keep, countMax: count, bytesMax, importBytesMax };
}
