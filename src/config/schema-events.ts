// The `events:` of a configuration: what the hub keeps, and what it does with watchers that are slow. And which topics a
// token grants.
import * as z from 'zod';
import { choice, duration, isRecord, section, seeBranch, size, wholeNumber } from './schema-parts.ts';
import type { EventsConfig } from './types.ts';

export const eventsSchema = section(
  {
    history: section(
      {
        events: wholeNumber(1, 10_000_000, 'Events that are kept.').default(100_000),
        bytes: size('64MiB', 'Their bytes.', 1024),
        age: duration('10m', 'An event is kept for so long.', { minMs: 1000 }),
      },
      'What a watcher that comes back can still get: as much as all three allow.',
    ).prefault({}),
    slow: section(
      {
        warn: duration('1s', 'A watcher is warned when what could not be sent to it is so old.', {
          minMs: 10,
        }),
        act: duration('2s', 'The policy is applied to it when it is so old.', { minMs: 20 }),
        policy: choice(
          ['evict', 'skip', 'conflate'],
          'What is done with a slow watcher that has not said it: it is sent away and may come back for everything; it is given nothing but what is new; it is given the newest of each key. Whatever it does not get, it is told.',
        ).default('evict'),
      },
      'Watchers that do not read.',
    ).prefault({}),
    keepalive: duration('20s', 'A watcher gets a sign of life so often.', { minMs: 100 }),
  },
  'The hub.',
).prefault({});

export function eventsConfig({ history, slow, keepalive }: z.output<typeof eventsSchema>): EventsConfig {
  return {
    history: { events: history.events, bytes: history.bytes, ageMs: history.age },
    slow: { warnMs: slow.warn, actMs: slow.act, policy: slow.policy },
    keepaliveMs: keepalive,
  };
}

const topicPattern = z
  .string()
  .min(1)
  .max(255)
  .regex(
    /^(?!greenroom(\.|$))[^\s,]+$/,
    'expected topics such as "machine.>"; those of greenroom itself are for administrators',
  )
  .describe('Topics: tokens separated by dots, `*` for one, `>` at the end for all that follow.');

const topicPatterns = (description: string) =>
  z.array(topicPattern, { error: 'expected a list such as ["machine.>"]' }).describe(description);

/** A token, or a token with what it grants. */
export function callerToken<Token extends z.core.SomeType>(token: Token) {
  const granting = section(
    {
      token,
      watch: topicPatterns('Topics whose events it may watch.').default(['>']),
      publish: topicPatterns('Topics that it may publish on.').default([]),
    },
    'A token, and which events it grants.',
  );
  return z.union([token, granting], { error: ({ input }) => seeBranch(isRecord(input) ? 1 : 0) });
}
