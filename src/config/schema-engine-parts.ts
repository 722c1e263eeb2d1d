// What engines of several kinds have in common: when they start, who may wait for them, how they are asked whether
// they are ready.
import * as z from 'zod';
import { choice, duration, notGiven, type Refused, section, text, wholeNumber } from './schema-parts.ts';
import { referenceOf } from './secrets.ts';
import type { CapabilityName } from './types.ts';

const capabilities = ['chat', 'transcribe', 'speak', 'embed', 'vad'] as const satisfies CapabilityName[];

/** Of every engine. */
export const everyEngine = {
  start: choice(
    ['eager', 'lazy'],
    'When it is started: with the gateway, or when somebody first needs it. Default eager; lazy in a group.',
  ).optional(),
  waiting: section(
    {
      max: wholeNumber(0, 100_000, 'Calls that may wait for it; further ones are refused.').default(64),
      time: duration('60s', 'A call waits so long; then it is told what is missing.', { minMs: 1 }),
    },
    'Calls that wait until it is ready.',
  ).prefault({}),
  drain: duration('10s', 'A stop or restart waits so long for the calls under way.'),
  cancelGrace: duration('2s', 'A cancelled call may go on for so long before its result is dropped.'),
};

/** Of those that greenroom starts and stops. */
export const ownEngine = {
  idle: notGiven(
    duration('10m', 'Unloaded when nobody has used it for so long. Default: never.', { minMs: 1 }),
  ),
  group: z
    .string()
    .regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, 'expected a name of small letters, digits, - and _')
    .describe('Of the engines of one group one is loaded at a time.')
    .optional(),
  stopGrace: duration(
    '10s',
    'From the request to stop to KILL; never longer than what is left of the shutdown.',
  ),
  log: z.boolean().default(true).describe('Keep its output in engines/NAME/ of the data directory.'),
};

export const offers = z
  .array(choice(capabilities, 'What the engine can do.'))
  .describe('What the engine can do.')
  .refine((list) => new Set(list).size === list.length, 'each capability stands once')
  .optional();

const stallText = 'The start has failed when there is no sign of progress for so long.';
const totalText = 'The start as a whole may take so long.';
const limits = {
  stall: duration('120s', stallText, { minMs: 1 }),
  total: duration('600s', totalText, { minMs: 1 }),
};

const insideOnly = (key: string): string =>
  `\`ready.${key}\` is for engines that are asked over HTTP; greenroom asks this kind itself`;

const insideRefused: Refused = Object.fromEntries(
  [
    ...['http', 'status', 'loading', 'body', 'log', 'owned'],
    ...['generate', 'generateTimeout', 'probeTimeout'],
  ].map((key) => [key, insideOnly(key)]),
);

export const readyInside = section(
  limits,
  'How long the engine may take to become ready.',
  insideRefused,
).prefault({});

const path = z.string().regex(/^\/[\x21-\x7e]*$/, 'expected a path such as /health');
const statusText = 'Status of a ready answer.';
const status = wholeNumber(200, 599, statusText);
const probeText = 'One question at `http` may take so long.';
const generateText = 'One small real request has to be answered before it counts as ready.';
const generateTimeoutText = 'That request may take so long.';

const asked = {
  loading: z
    .array(wholeNumber(100, 599, 'A status.'))
    .describe(
      'Statuses that are normal while it loads; any other is a failure at once. Default: all but 401 and 403.',
    )
    .optional(),
  body: text('Text that the body of a ready answer holds.', 1024).optional(),
};

const ofProgram = {
  log: text('Text in a line of its output that says it is ready.', 1024).optional(),
  owned: z
    .boolean()
    .describe('What listens must be a process of this engine; false: it may be a stranger (a proxy).'),
};

/** Of a program that is written out. */
export const readyProgram = section(
  {
    http: path
      .describe('Path that answers when the engine is ready. Default /health, unless `log` is given.')
      .optional(),
    status: status.default(200),
    ...asked,
    ...ofProgram,
    owned: ofProgram.owned.default(true),
    generate: z.boolean().default(false).describe(generateText),
    generateTimeout: duration('30s', generateTimeoutText, { minMs: 1 }),
    ...limits,
    probeTimeout: duration('5s', probeText, { minMs: 1 }),
  },
  'What tells that the engine is ready; everything given must hold.',
).prefault({});

export const readyUrl = section(
  {
    http: path.default('/v1/models').describe('Path that answers when the engine is ready.'),
    status: status.default(200),
    ...asked,
    generate: z.boolean().default(false).describe(`${generateText} It may cost money, or load a model.`),
    generateTimeout: duration('30s', generateTimeoutText, { minMs: 1 }),
    ...limits,
    probeTimeout: duration('5s', probeText, { minMs: 1 }),
  },
  'What tells that the engine is ready; everything given must hold.',
  {
    log: '`ready.log` is for programs that greenroom starts',
    owned: '`ready.owned` is for programs that greenroom starts',
  },
).prefault({});

const asPreset = (described: string): string => `${described} Default: as the preset has it.`;

/** Of a preset: whatever is given stands in place of what the preset says. */
export const readyPreset = section(
  {
    http: path.describe(asPreset('Path that answers when the engine is ready.')).optional(),
    status: status.describe(asPreset(statusText)).optional(),
    loading: asked.loading.describe(
      asPreset('Statuses that are normal while it loads; any other is a failure at once.'),
    ),
    body: asked.body,
    log: ofProgram.log,
    owned: ofProgram.owned.optional(),
    generate: z
      .boolean()
      .describe(`${generateText} Default: true for programs that greenroom starts.`)
      .optional(),
    generateTimeout: duration('30s', generateTimeoutText, { minMs: 1 }),
    stall: limits.stall,
    total: notGiven(duration('600s', asPreset(totalText), { minMs: 1 })),
    probeTimeout: notGiven(duration('5s', asPreset(probeText), { minMs: 1 })),
  },
  'What tells that the engine is ready, where the preset does not know.',
).prefault({});

export const argument = z
  .union([z.string(), z.number()], { error: 'expected text or a number' })
  .transform(String)
  .refine((value) => !value.includes('\0'), 'an argument cannot hold a NUL')
  .refine(
    (value) => !isSecretReference(value),
    'a command line is seen by every user: give secrets in `env`',
  );

const envValue = z
  .union([z.string(), z.number(), z.boolean()], { error: 'expected text' })
  .transform(String)
  .describe('A value, or env:NAME.');

export const environment = z
  .record(
    z
      .string()
      .regex(
        /^(?!GREENROOM_INSTANCE$)[A-Za-z_][A-Za-z0-9_]*$/,
        'expected the name of a variable that greenroom does not set',
      ),
    envValue,
  )
  .default({})
  .describe(
    'Further environment variables, with ${port} and the like filled in; env:NAME takes the value of a variable of greenroom.',
  );

/** Where a program listens. */
export const place = {
  port: z
    .union([z.literal('auto'), z.int().min(1).max(65_535)], {
      error: 'expected "auto" or a port from 1 to 65535',
    })
    .default('auto')
    .describe('Port the program listens on; `auto` picks a free one.'),
  host: z
    .string()
    .regex(/^[A-Za-z0-9.:-]+$/, 'expected a host name or an IP address without brackets')
    .default('127.0.0.1')
    .describe('Address the program listens on.'),
  socket: text('UNIX socket in place of host and port: a path, or `auto` for one of its own.').optional(),
};

/** Capitals only: `env:prod` may well be an argument of somebody's program. */
export const isSecretReference = (value: string): boolean =>
  /^[A-Z0-9_]+$/.test(referenceOf(value)?.name ?? '');
