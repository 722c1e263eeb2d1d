// The shapes of what is answered about sessions, for /openapi.json.
import * as z from 'zod';

const ms = z.number().describe('Milliseconds.');
const wall = z.number().describe('Ms since the epoch.');
const cursor = z.string().nullable().describe('For `cursor` of the next question; null: nothing follows.');

const session = z
  .strictObject({
    id: z.string(),
    pipeline: z.string(),
    generation: z.int().describe('Of the pipeline: the session keeps it to its end.'),
    state: z
      .enum(['lobby', 'ready', 'failed', 'away', 'closing', 'closed', 'unclean'])
      .describe(
        '`away`: its caller was lost and may come back. `closed`: it has ended. `unclean`: its gateway was gone before it had ended. The others are open.',
      ),
    ageMs: ms.describe('Of one that has ended: how long it was open.'),
    remote: z.string().describe('Address and port of the caller.'),
    items: z.int(),
    response: z.string().nullable().describe('The answer under way.'),
    pendingBytes: z.int().describe('Sent and not taken yet.'),
    awayLeftMs: z
      .int()
      .nullable()
      .describe('Ms for which its caller may still come back; null while it is there.'),
    openedAtMs: wall,
    closedAtMs: wall.nullable().describe('Of an unclean one: when it was found.'),
    reason: z.string().nullable().describe('Why it ended.'),
    closeCode: z.int().nullable().describe('Of its WebSocket.'),
    answers: z.int().nullable().describe('Those that ended; null while it is open.'),
    recordings: z.int().nullable().describe('Null where the store was not asked.'),
    matches: z
      .array(
        z.strictObject({
          item: z.string().describe('Its id.'),
          role: z.string().nullable(),
          atMs: wall,
          excerpt: z.string(),
        }),
      )
      .optional()
      .describe('The first items that a search has found, three at most.'),
  })
  .meta({ id: 'Session' });

const engineOf = z.strictObject({ engine: z.string(), model: z.string().nullable() }).nullable();

const item = z
  .strictObject({
    id: z.string(),
    previousId: z.string().nullable().describe('What it was put after.'),
    type: z.string().describe('`message`, `function_call`, `function_call_output`.'),
    role: z.string().nullable(),
    status: z.string(),
    name: z.string().nullable().describe('Of a function call.'),
    callId: z.string().nullable(),
    text: z
      .string()
      .nullable()
      .describe('Text, transcript, arguments or output; null: nobody wrote it down.'),
    heardMs: ms.nullable().describe('Of an answer that was cut off: how much of it was heard.'),
    source: z
      .looseObject({ think: engineOf.optional(), speak: engineOf.optional() })
      .nullable()
      .describe('Which engine and model thought and spoke it, where that is known.'),
    filler: z.string().nullable().describe('What of its text was said to pass the time.'),
    createdAtMs: wall,
    updatedAtMs: wall,
    deletedAtMs: wall.nullable().describe('When its caller took it out of the conversation.'),
  })
  .meta({ id: 'SessionItem' });

const take = z
  .strictObject({
    id: z.string().describe('SESSION/TAKE'),
    session: z.string(),
    take: z.int(),
    pipeline: z.string(),
    state: z.string().describe('As in /api/recordings.'),
    reason: z.string().nullable(),
    startedAtMs: wall,
    endedAtMs: wall.nullable(),
    bytes: z.int(),
    durationMs: ms,
    container: z.string().describe('`wav`'),
  })
  .meta({ id: 'SessionRecording' });

const run = z
  .strictObject({
    id: z.string(),
    engine: z.string(),
    kind: z.string(),
    spawnedAtMs: wall,
    readyAtMs: wall.nullable(),
    endedAtMs: wall.nullable(),
    loadMs: ms.nullable(),
    outcome: z.string().nullable().describe('`stopped`, `unclean` or an error code; null while it runs.'),
  })
  .meta({ id: 'EngineRun' });

/** @param task the schema of background work */
export const sessionSchemas = <Task extends z.ZodType>(task: Task) =>
  ({
    sessions: z.strictObject({ object: z.literal('list'), data: z.array(session), nextCursor: cursor }),
    items: z.strictObject({ object: z.literal('list'), data: z.array(item), nextCursor: cursor }),
    sessionWhole: z
      .strictObject({
        session,
        recordings: z.array(take),
        tasks: z.array(task),
        items: z.array(item),
        nextCursor: cursor.describe('For /api/sessions/{id}/items; null: these are all.'),
      })
      .meta({ id: 'SessionWhole' }),
    sessionRemoved: z
      .strictObject({
        id: z.string(),
        deleted: z.literal(true),
        items: z.int(),
        tasks: z.int(),
        recordings: z.int(),
      })
      .describe('How much of it went; 0: nothing was there any more.')
      .meta({ id: 'SessionRemoved' }),
    transcript: z.string().describe('A file.').meta({ id: 'Transcript' }),
    engineRuns: z.strictObject({ object: z.literal('list'), data: z.array(run) }),
  }) as const;
