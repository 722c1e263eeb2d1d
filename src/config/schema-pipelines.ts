// The `pipelines:` of a configuration, by kind.
import * as z from 'zod';
import { bridgeHeaders, bridgeUrl } from './schema-bridge.ts';
import { choice, duration, isRecord, named, type Refused, section, seeBranch, text } from './schema-parts.ts';
import { tasksSchema } from './schema-tasks.ts';

const what = 'How a session is answered.';

/** Told of every kind, whichever is meant. */
const anyKind = choice(['echo', 'cascade', 'bridge'], what);

const engineName = (description: string) =>
  z
    .string({
      error: ({ input }) => `${input === undefined ? 'is missing; ' : ''}expected the name of an engine`,
    })
    .describe(description);

const everyPipeline = {
  needs: z.array(engineName('An engine.')).default([]).describe('Further engines that must be ready first.'),
  instructions: text('Instructions that sessions begin with.', 65_536).optional(),
  voice: text('Voice that sessions begin with.', 256).optional(),
};

const ofCascade: Refused = Object.fromEntries(
  ['hear', 'think', 'language', 'filler', 'voices', 'tasks'].map((key) => [
    key,
    `\`${key}\` is of \`kind: cascade\`${key === 'tasks' ? ' and `kind: bridge`' : ''}`,
  ]),
);
const ofBridge: Refused = Object.fromEntries(
  ['url', 'key', 'headers', 'openTimeout', 'transcribe'].map((key) => [
    key,
    `\`${key}\` is of \`kind: bridge\``,
  ]),
);

const echo = section(
  {
    kind: anyKind.extract(['echo']).describe(what),
    speak: engineName('Engine that speaks.'),
    vad: engineName('Engine that hears voice activity.'),
    ...everyPipeline,
  },
  'Speech is played back, text is spoken.',
  { ...ofCascade, ...ofBridge },
);

const fillerTextsMax = 16;

const filler = section(
  {
    after: duration('2s', 'From the beginning of an answer to its first sentence.'),
    text: z
      .union([text('What is said.', 500), z.array(text('What is said.', 500)).min(1).max(fillerTextsMax)], {
        error: `expected a text, or 1 to ${fillerTextsMax} of them`,
      })
      .describe('What is said; several take turns.')
      .default(['One moment, please.', 'Let me think.']),
  },
  'What the voice says, once a turn, while `think` is slow. Never in a text answer.',
);

const cascade = section(
  {
    kind: anyKind.extract(['cascade']).describe(what),
    hear: engineName('Engine that transcribes. Without one callers type: their audio is refused.').optional(),
    think: engineName('Engine that chats.'),
    speak: engineName('Engine that speaks. Without one every answer is text.').optional(),
    vad: engineName(
      'Engine that hears voice activity, for `hear`. Default: the one of `builtin: silero`, where there is one.',
    ).optional(),
    language: z
      .string()
      .regex(/^[a-z]{2,3}$/, 'expected a language of two or three small letters (ISO 639), such as en')
      .describe('What callers speak. Default: the engine finds out.')
      .optional(),
    filler: filler.optional(),
    voices: z
      .array(text('A voice of the engine that speaks.', 256))
      .max(256)
      .describe(
        'Voices that sessions may choose. Default: those of `builtin: flite`; of others none is known.',
      )
      .optional(),
    tasks: tasksSchema,
    ...everyPipeline,
  },
  'What is said is transcribed, thought about and answered aloud.',
  ofBridge,
);

const bridge = section(
  {
    kind: anyKind.extract(['bridge']).describe(what),
    url: bridgeUrl,
    key: text('Key that is sent along, best as env:NAME.').optional(),
    headers: bridgeHeaders,
    openTimeout: duration('10s', 'Upstream has to give its session within this time.', { minMs: 1 }),
    transcribe: text(
      'Model by which upstream writes down what callers say, which it does only when asked: for the record, and for `tasks`.',
      256,
    ).optional(),
    tasks: tasksSchema,
    ...everyPipeline,
  },
  'An upstream Realtime server answers, with guardrails between it and the caller.',
  Object.fromEntries(
    ['hear', 'think', 'speak', 'vad', 'language', 'filler', 'voices'].map((key) => [
      key,
      `\`${key}\` is not of \`kind: bridge\`: upstream hears, thinks and speaks`,
    ]),
  ),
);

const kinds = ['echo', 'cascade', 'bridge'];

const pipeline = z
  .union([echo, cascade, bridge], {
    error: ({ input }) => seeBranch(Math.max(0, isRecord(input) ? kinds.indexOf(String(input['kind'])) : 0)),
  })
  .describe('A pipeline.');

export const pipelinesSchema = named(
  pipeline,
  'Pipelines by name; a session chooses one by `model`.',
).optional();
