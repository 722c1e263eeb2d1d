// The shapes of the HTTP surface's answers, for /openapi.json; tests hold them against what is really answered.
import * as z from 'zod';
import { logLevels } from '../config/types.ts';
import { rungs } from '../engines/state.ts';
import { clientSecretRequest } from './client-secret-route.ts';
import { consoleSchemas } from './console/console-schemas.ts';
import { eventSchemas } from './events/event-schemas.ts';
import { pipelineSchemas } from './pipeline-routes.ts';
import { playbackSchemas } from './playback-schemas.ts';
import { recordingSchemas } from './recording-schemas.ts';
import { reloadSchemas } from './reload-routes.ts';
import { sessionSchemas } from './session-schemas.ts';
import { turnSchemas } from './turn-schemas.ts';

const ms = z.number().describe('Milliseconds.');
const named = (name: string) => z.string().describe(name);

const errorBody = z
  .strictObject({
    error: z.strictObject({
      code: named('One word of the table of failure codes.'),
      message: named('For people: the facts and the next step.'),
      type: z.enum([
        'invalid_request_error',
        'server_error',
        'not_found_error',
        'unavailable_error',
        'auth_error',
      ]),
      details: z.record(z.string(), z.unknown()),
    }),
  })
  .meta({ id: 'Error' });

const rung = z.enum(rungs);
const engineState = z.enum(['idle', 'starting', 'ready', 'stopping', 'backoff', 'failed', 'stopped']);

const engine = z
  .strictObject({
    name: z.string(),
    kind: z.enum(['builtin', 'worker', 'run', 'url']),
    state: engineState,
    rung: rung.nullable().describe('The last step of the readiness ladder that was shown.'),
    progress: z.number().min(0).max(1).nullable().describe('Where the engine says it.'),
    text: z.string().nullable(),
    elapsedMs: ms.describe('Of the current attempt; once it has ended, how long it took.'),
    expectedMs: ms.nullable().describe('How long such a load took before; null when there was none.'),
    etaMs: ms.nullable().describe('Left of a load under way, as far as is known.'),
    rungMs: z.partialRecord(rung, ms),
    attempt: z.int(),
    pid: z.int().nullable(),
    port: z.int().nullable(),
    address: z.string().nullable().describe('Where it is asked over HTTP; null: by calls alone.'),
    offers: z.array(z.enum(['chat', 'transcribe', 'speak', 'embed', 'vad'])),
    model: z.string().nullable().describe('What it calls its model, where that is known.'),
    start: z.enum(['eager', 'lazy']),
    lanes: z.int().nullable().describe('Calls at a time, of one that is asked by calls alone.'),
    activeCalls: z.int(),
    waitingCalls: z.int(),
    ending: z.enum(['stopped', 'idle', 'restart']).nullable(),
    evidence: z.partialRecord(rung, z.string()).describe('Of each step who showed it, and how.'),
    failure: z
      .strictObject({
        code: z.string(),
        message: z.string(),
        cause: z
          .string()
          .nullable()
          .describe('One word, where it is known: out_of_memory, file_missing, ...'),
        logTail: z.array(z.string()),
      })
      .nullable(),
  })
  .meta({ id: 'Engine' });

const task = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    session: z.string(),
    trigger: z.enum(['tool', 'api', 'end']),
    state: z
      .enum(['started', 'progress', 'done', 'failed', 'cancelled', 'unclean'])
      .describe('`unclean`: its gateway was gone before it had ended.'),
    startedAtMs: z.number().describe('Ms since the epoch.'),
    endedAtMs: z.number().nullable().describe('Ms since the epoch.'),
    progress: z
      .strictObject({
        pieces: z.int().describe('Of what its engine said: tokens, as a rule.'),
        chars: z.int(),
        elapsedMs: ms,
      })
      .nullable()
      .describe('Null of a session that has ended.'),
    result: z.unknown().describe('As its schema has it; null before it is done.'),
    raw: z.string().nullable().describe('What its engine said, where that was no result.'),
    error: z.strictObject({ code: z.string(), message: z.string() }).nullable(),
  })
  .meta({ id: 'Task' });

const model = z
  .strictObject({
    id: z.string(),
    object: z.literal('model'),
    created: z.int(),
    owned_by: z.literal('greenroom'),
  })
  .meta({ id: 'Model' });

const tree: z.ZodType = z
  .strictObject({
    name: z.string(),
    kind: z.string(),
    state: z.enum(['open', 'closing', 'closed', 'held', 'releasing', 'running', 'overdue']),
    ageMs: ms,
    get children() {
      return z.array(tree).optional();
    },
  })
  .meta({ id: 'TreeNode' });

const health = z
  .strictObject({
    status: z.enum(['starting', 'healthy', 'overloaded', 'shutting_down', 'failed']),
    version: z.string(),
    pid: z.int(),
    uptime_ms: ms,
    engines: z.array(engine),
    sessions: z.strictObject({ open: z.int(), max: z.int() }),
    loop_delay_ms: z
      .strictObject({ p50: ms, p99: ms, max: ms, stalls: z.int() })
      .describe('Of the last minute; stalls since the start.'),
    memory: z
      .strictObject({
        resident_bytes: z.int(),
        heap_used_bytes: z.int(),
        heap_bytes: z.int(),
        heap_limit_bytes: z.int(),
      })
      .describe('Of the process of the gateway; engines have their own.'),
  })
  .meta({ id: 'Health' });

const clientSecret = z
  .strictObject({
    value: z.string().describe('To be given in place of a token.'),
    expires_at: z.int().describe('Seconds since the epoch.'),
    session: z.record(z.string(), z.unknown()).describe('What a session opened with it begins with.'),
  })
  .meta({ id: 'ClientSecret' });

const log = z
  .strictObject({
    level: z.enum(logLevels),
    cleanup: z.boolean().describe('Whether every release is logged: what, whose, how long it took.'),
  })
  .meta({ id: 'Log' });

const modelName = z
  .string()
  .optional()
  .describe('An engine, `NAME/` and a model of its own, or an alias; default the first that offers it.');
const stream = z.boolean().optional().describe('As server-sent events.');

const chatRequest = z
  .looseObject({ model: modelName, messages: z.array(z.looseObject({ role: z.string() })).min(1), stream })
  .meta({ id: 'ChatRequest' });
const promptRequest = z
  .looseObject({ model: modelName, prompt: z.string(), max_tokens: z.int().optional(), stream })
  .meta({ id: 'PromptRequest' });
const embeddingRequest = z
  .looseObject({ model: modelName, input: z.union([z.string(), z.array(z.string())]) })
  .meta({ id: 'EmbeddingRequest' });
const speechRequest = z
  .looseObject({ model: modelName, input: z.string(), voice: z.string().optional() })
  .meta({ id: 'SpeechRequest' });
const transcriptionForm = z
  .looseObject({ model: modelName, file: z.string().describe('The file.'), stream })
  .meta({ id: 'TranscriptionForm' });
const generation = z
  .looseObject({ text: z.string(), done: z.literal(true), finish_reason: z.string() })
  .describe('As a stream: `{token, done}` an event.')
  .meta({ id: 'Generation' });

const list = (of: z.ZodType) => z.strictObject({ object: z.literal('list'), data: z.array(of) });

export const apiSchemas = {
  error: errorBody,
  alive: z.strictObject({ status: z.literal('alive') }),
  ready: z.strictObject({ status: z.literal('ready') }),
  health,
  models: list(model),
  ...sessionSchemas(task),
  task,
  tasks: list(task),
  engine,
  engines: list(engine),
  lines: list(z.string()),
  tree,
  clientSecretRequest,
  clientSecret,
  log,
  logChange: log.partial().meta({ id: 'LogChange' }),
  shuttingDown: z.strictObject({ status: z.literal('shutting_down') }),
  ...{ chatRequest, promptRequest, embeddingRequest, speechRequest, transcriptionForm, generation },
  answerOrEvents: z.record(z.string(), z.unknown()).meta({ id: 'AnswerOrEvents' }),
  text: z.string().describe('Plain text.').meta({ id: 'Text' }),
  audio: z.string().describe('Bytes.').meta({ id: 'Audio' }),
  bytes: z.unknown().meta({ id: 'Bytes' }),
  ...eventSchemas,
  ...recordingSchemas,
  ...playbackSchemas,
  ...pipelineSchemas,
  ...reloadSchemas,
  ...turnSchemas,
  ...consoleSchemas,
  anything: z.record(z.string(), z.unknown()),
} as const;

export type ApiSchemaName = keyof typeof apiSchemas;
