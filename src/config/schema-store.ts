// The `store:` of a configuration: a word, or how much is kept.
import * as z from 'zod';
import { choice, duration, isRecord, notYet, section, seeBranch, size } from './schema-parts.ts';
import type { StoreConfig } from './types.ts';

const dayMs = 86_400_000;

const kind = choice(
  ['sqlite', 'none'],
  'Where sessions, what was said in them, and the loads of engines are kept: in greenroom.db of the data directory, or nowhere. With `keep` or `size` in its place: in greenroom.db.',
  notYet(['postgres']),
);

const kept = section(
  {
    keep: duration('30d', 'A session is kept for so long after its end, and what was said in it.', {
      minMs: 60_000,
      maxMs: 36_500 * dayMs,
    }),
    size: size(
      '1GiB',
      'So much is kept at most; beyond it the oldest sessions that have ended go before their time.',
      1024 * 1024,
    ),
  },
  'In greenroom.db of the data directory.',
  notYet(['url']),
);

export const storeSchema = z
  .union([kind, kept], { error: ({ input }) => seeBranch(isRecord(input) ? 1 : 0) })
  .default('sqlite')
  .describe(kind.description ?? '');

export function storeConfig(raw: z.output<typeof storeSchema>): StoreConfig {
  if (raw === 'none') return { kind: 'none' };
  const { keep, size: bytesMax } = raw === 'sqlite' ? kept.parse({}) : raw;
  return { kind: 'sqlite', keepMs: keep, bytesMax };
}
