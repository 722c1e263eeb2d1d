// The schema of greenroom.yaml as a whole, with every default. What comes out is renamed into `Config` by
// normalise.ts, so that no zod type leaves this folder.
import * as z from 'zod';
import { enginesSchema } from './schema-engines.ts';
import { callerToken, eventsSchema } from './schema-events.ts';
import { choice, duration, listenAddress, section, size, text, wholeNumber } from './schema-parts.ts';
import { pipelinesSchema } from './schema-pipelines.ts';
import { recordingsSchema } from './schema-recordings.ts';
import { storeSchema } from './schema-store.ts';
import { logLevels } from './types.ts';

const lobby = section(
  {
    wait: duration(
      '60s',
      'An answer waits so long for the engines of its pipeline; then its caller is told what is missing.',
      { minMs: 1 },
    ),
    audio: section(
      {
        age: duration('30s', 'Audio older than this is dropped.', { minMs: 1 }),
        bytes: size('4MiB', 'Audio kept per session.'),
        bytesTotal: size('64MiB', 'Audio kept for all sessions together.'),
      },
      'Audio that is kept while engines load.',
    ).prefault({}),
  },
  'Where sessions wait until their engines are ready.',
).prefault({});

const sessions = section(
  {
    max: wholeNumber(1, 1_000_000, 'Sessions at a time; further ones are refused.').default(200),
    lobby,
    keepalive: duration('15s', 'A ping goes out so often; a client that misses two is gone.', { minMs: 100 }),
    drain: duration(
      '10m',
      'After a restart, sessions may stay so long with the pipeline that they began with; then they are closed.',
      { minMs: 1 },
    ),
    queueBytesMax: size(
      '8MiB',
      'Output that a client has not read; with more, nothing is read from it until it has.',
      1024,
    ),
    resume: duration(
      '30s',
      'A client that was lost, and has asked for resumption, may come back to its session for so long.',
      { minMs: 0, maxMs: 3_600_000 },
    ),
    record: z
      .boolean()
      .default(false)
      .describe('Every session is recorded from its beginning; each can be switched.'),
  },
  'Sessions.',
).prefault({});

/** Errors of secrets never show the value. */
const secret = z
  .string({ error: 'expected text such as "env:GREENROOM_TOKEN"' })
  .min(1, 'a token cannot be empty')
  .describe('A token, best as env:NAME.');

const secrets = (description: string) =>
  z
    .array(secret, { error: 'expected a list such as ["env:GREENROOM_TOKEN"]' })
    .default([])
    .describe(description);

const origin = z
  .string()
  .transform((written, context) => {
    const parsed = URL.parse(written);
    const plain =
      parsed !== null && /^https?:$/.test(parsed.protocol) && /^\w+:\/\/[^/?#@]+\/?$/.test(written);
    if (plain) return parsed.origin;
    const message = `expected an origin such as https://example.org, got ${JSON.stringify(written.slice(0, 80))}`;
    context.issues.push({ code: 'custom', message, input: written });
    return z.NEVER;
  })
  .describe('An origin, such as https://example.org.');

const auth = section(
  {
    tokens: z
      .array(callerToken(secret), { error: 'expected a list such as ["env:GREENROOM_TOKEN"]' })
      .default([])
      .describe('Tokens of callers. They may watch every topic and publish on none, unless they say it.'),
    admin: secrets('Tokens of administrators.'),
    origins: z.array(origin).default([]).describe('Origins of web pages that may connect, besides our own.'),
  },
  'Who may connect. Without it, only this machine may, and is trusted.',
).prefault({});

const aliases = z
  .record(z.string().min(1).max(128), text('Name of a pipeline.', 64))
  .default({})
  .describe('Pipelines by a glob of model names, such as "gpt-*"; the first that matches decides.');

const tls = section(
  {
    cert: text('Certificate chain, a PEM file; relative to this file.'),
    key: text('Its private key, a PEM file; relative to this file.'),
  },
  'TLS of the door: https:// and wss:// in place of http:// and ws://.',
).optional();

export const configSchema = section(
  {
    $schema: z.string().optional().describe('The JSON Schema, for editors.'),
    listen: listenAddress(
      '127.0.0.1:7460',
      'Address of the door: HOST:PORT, or a port of this machine only. IPv6 in quotes: "[::1]:7460".',
    ),
    data: text('Data directory; relative to this file.').optional(),
    engines: enginesSchema,
    pipelines: pipelinesSchema,
    aliases,
    unknownModel: choice(['refuse', 'default'], 'What a session that names an unknown model gets.').default(
      'refuse',
    ),
    sessions,
    events: eventsSchema,
    auth,
    tls,
    limits: section(
      {
        connections: wholeNumber(
          16,
          1_000_000,
          'Connections at a time; beyond, who has said nothing for the longest makes room.',
        ).default(10_000),
      },
      'Limits of the door.',
    ).prefault({}),
    store: storeSchema,
    recordings: recordingsSchema,
    shutdown: section(
      { total: duration('3s', 'A shutdown may take so long in all.', { minMs: 500, maxMs: 60_000 }) },
      'Leaving.',
    ).prefault({}),
    log: section(
      {
        level: choice(logLevels, 'The least important lines to log.').default('info'),
        cleanup: z.boolean().default(false).describe('Log every release: what, whose, how long it took.'),
        size: size('10MiB', 'A log file that would be larger is followed by a new one.', 1024),
        keep: wholeNumber(0, 1000, 'Log files of before that are kept; of an engine, also its runs.').default(
          5,
        ),
      },
      'Logging.',
    ).prefault({}),
  },
  'Configuration of greenroom.',
);

export type RawConfig = z.output<typeof configSchema>;
