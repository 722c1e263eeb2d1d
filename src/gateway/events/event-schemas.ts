// The shapes of what events answer over HTTP, for /openapi.json.
import * as z from 'zod';

const ms = z.number().describe('Milliseconds.');
const counts = z.record(z.string(), z.int());

const client = z
  .strictObject({
    id: z.string(),
    remote: z.string().describe('Address and port of the watcher.'),
    transport: z.enum(['websocket', 'websocket-bare', 'sse', 'sse-bare']),
    topics: z.array(z.string()),
    policy: z.enum(['evict', 'skip', 'conflate']),
    state: z
      .enum(['live', 'waiting', 'blocked', 'leaving', 'closed'])
      .describe('Level with what is published; catching up; not reading; told to go; gone.'),
    pace: z.enum(['well', 'lagging']),
    lagEvents: z
      .int()
      .nullable()
      .describe('Events on its topics that it was not given; null: too many to count.'),
    unsentMs: ms.describe('Age of the oldest event that could not be sent.'),
    silentMs: ms.describe('Age of the probe that was not answered.'),
    rttMs: ms.nullable().describe('Of its last probe.'),
    latency: z
      .strictObject({ lastMs: ms.nullable(), p99Ms: ms.nullable(), maxMs: ms.nullable() })
      .describe('From publication until the system had it; of the last minute or two.'),
    events: z.int(),
    bytes: z.int(),
    gaps: z.int(),
    lastId: z.string().describe('The last event that it was given, or need not be.'),
    ageMs: ms,
  })
  .meta({ id: 'Client' });

const producer = z
  .strictObject({
    id: z.string(),
    kind: z.enum(['unix', 'http', 'websocket', 'process']),
    state: z.enum(['open', 'left']),
    remote: z.string().nullable(),
    pid: z.int().nullable(),
    connections: z.int(),
    connectedAt: z.int().describe('ms since 1970.'),
    leftAt: z.int().nullable(),
    accepted: z.int(),
    bytes: z.int(),
    rejected: counts.describe('By failure code.'),
    last: z.strictObject({ id: z.string(), ts: z.int() }).nullable(),
  })
  .meta({ id: 'Producer' });

const published = z
  .strictObject({
    accepted: z.int(),
    id: z.string().nullable().describe('Of the last event that was taken.'),
    topic: z.string().nullable().describe('Where that one went.'),
    rejectedCount: z.int(),
    rejected: z
      .array(z.strictObject({ line: z.int(), code: z.string(), message: z.string() }))
      .describe('The first 100.'),
  })
  .meta({ id: 'Published' });

const watcherRequest = z
  .looseObject({ type: z.enum(['subscribe', 'unsubscribe', 'publish', 'pong', 'ping']) })
  .meta({ id: 'WatcherRequest' });

const list = (of: z.ZodType) => z.strictObject({ object: z.literal('list'), data: z.array(of) });

export const eventSchemas = {
  clients: list(client),
  producers: list(producer),
  published,
  watcherRequest,
  eventStream: z
    .string()
    .describe('Events, and control messages as `event: control`.')
    .meta({ id: 'EventStream' }),
  heard: z.strictObject({ accepted: z.int() }),
};
