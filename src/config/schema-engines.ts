// The `engines:` of a configuration: three kinds, told apart by the key that names the kind (`builtin`, `worker`,
// `run`), with what every engine has.
import * as z from 'zod';
import {
  choice,
  duration,
  isRecord,
  named,
  notYet,
  section,
  seeBranch,
  text,
  wholeNumber,
} from './schema-parts.ts';
import { referenceOf } from './secrets.ts';
import { didYouMean } from './suggest.ts';
import type { CapabilityName } from './types.ts';

const kinds = ['builtin', 'worker', 'run'] as const;

const capabilities = ['chat', 'transcribe', 'speak', 'embed', 'vad'] as const satisfies CapabilityName[];

export const builtinOffers = { flite: ['speak'], silero: ['vad'] } as const satisfies Record<
  string,
  CapabilityName[]
>;

/** Which branch of the union an engine means. */
function branchOf(value: unknown): number {
  return kinds.findIndex((kind) => isRecord(value) && Object.hasOwn(value, kind));
}

const laterKeys = notYet(['url', 'preset', 'model', 'args', 'socket', 'idle', 'group', 'exclusive']);

/** For a key that would make the engine of two kinds, or that only another kind has. */
const otherKinds = (own: string): Record<string, string> => ({
  ...laterKeys,
  ...Object.fromEntries(
    kinds.map((kind) => [kind, `an engine is of one kind: \`${own}\` or \`${kind}\`, not both`]),
  ),
});

const readyLimits = {
  stall: duration('120s', 'The start has failed when there is no sign of progress for so long.', {
    minMs: 1,
  }),
  total: duration('600s', 'The start as a whole may take so long.', { minMs: 1 }),
};

const onlyRun = (key: string): string =>
  `\`ready.${key}\` is for \`run:\` engines; greenroom asks this kind itself`;

const readyInside = section(
  readyLimits,
  'How long the engine may take to become ready.',
  Object.fromEntries(['http', 'status', 'log', 'probeTimeout'].map((key) => [key, onlyRun(key)])),
).prefault({});

const readyOutside = section(
  {
    http: z
      .string()
      .regex(/^\/[\x21-\x7e]*$/, 'expected a path such as /health')
      .describe('Path that answers when the engine is ready. Default /health, unless `log` is given.')
      .optional(),
    status: wholeNumber(200, 599, 'Status of a ready answer.').default(200),
    log: text('Text in a line of its output that says it is ready.', 1024).optional(),
    ...readyLimits,
    probeTimeout: duration('5s', 'One question at `http` may take so long.', { minMs: 1 }),
  },
  'What tells that the engine is ready; everything given must hold.',
  notYet(['owned', 'generate']),
).prefault({});

const shared = {
  start: choice(['eager'], 'When the engine is started.', notYet(['lazy'])).default('eager'),
  stopGrace: duration(
    '10s',
    'From the request to stop to KILL; never longer than what is left of the shutdown.',
  ),
  cancelGrace: duration('2s', 'A cancelled call may go on for so long before its result is dropped.'),
  log: z.boolean().default(true).describe('Keep its output in engines/NAME/ of the data directory.'),
};

const offers = z
  .array(choice(capabilities, 'What the engine can do.'))
  .describe('What the engine can do.')
  .refine((list) => new Set(list).size === list.length, 'each capability stands once')
  .optional();

const options = z
  .record(z.string(), z.unknown())
  .default({})
  .describe('Given to the engine as it is.')
  .superRefine((value, context) => {
    for (const { path, message } of optionProblems(value, []))
      context.addIssue({ code: 'custom', path, message });
  });

const builtin = section(
  {
    builtin: choice(
      ['flite', 'silero'],
      'A shipped engine: flite speaks, silero hears voice activity.',
      notYet(['llama']),
    ),
    options,
    ready: readyInside,
    ...shared,
  },
  'A shipped engine.',
  { ...otherKinds('builtin'), offers: 'a shipped engine offers what it offers' },
);

const worker = section(
  {
    worker: text('Path of a JavaScript module; relative to this file.'),
    isolate: choice(['process', 'thread'], 'Where the module runs.').default('process'),
    options,
    offers,
    ready: readyInside,
    ...shared,
  },
  'A JavaScript module.',
  otherKinds('worker'),
);

const argument = z
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

const run = section(
  {
    run: z
      .array(argument, { error: 'expected a list such as [python3, engine.py]: no shell reads it' })
      .min(1)
      .refine((argv) => argv[0] !== '', 'the program is missing')
      .describe(`Program and arguments; \${port} and \${host} are filled in.`),
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
    env: z
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
      .describe('Further environment variables; env:NAME takes the value of a variable of greenroom.'),
    cwd: text('Working directory; default the folder of this file.').optional(),
    offers,
    ready: readyOutside,
    ...shared,
  },
  'A program, in a process group of its own.',
  {
    ...otherKinds('run'),
    options: '`options` is for builtin and worker engines; use the arguments of `run`',
  },
);

const engine = z
  .union([builtin, worker, run], { error: ({ input }) => kindProblem(input) ?? seeBranch(branchOf(input)) })
  .describe('An engine.');

export const enginesSchema = named(engine, 'Engines by name.').optional();

/** What can be said of an engine as a whole; undefined when it is of exactly one known kind. */
function kindProblem(value: unknown): string | undefined {
  if (!isRecord(value))
    return 'expected a section such as { builtin: flite } or { run: [python3, engine.py] }';
  const given = kinds.filter((kind) => Object.hasOwn(value, kind));
  if (given.length > 1)
    return `an engine is of one kind: ${given.map((kind) => `\`${kind}\``).join(' or ')}, not both`;
  if (given.length === 1) return undefined;
  const refused = (['url', 'preset'] as const).find((key) => Object.hasOwn(value, key));
  if (refused) return laterKeys[refused];
  const hints = Object.keys(value).map((key) => didYouMean(key, kinds));
  return `the kind is missing: one of \`builtin\`, \`worker\`, \`run\`${hints.find(Boolean) ?? ''}`;
}

/** Options travel to a worker as plain data, and are written out in `/api`. */
function optionProblems(
  value: unknown,
  path: (string | number)[],
): { path: (string | number)[]; message: string }[] {
  if (path.length > 32) return [{ path, message: 'nested more than 32 levels' }];
  if (typeof value === 'string' && isSecretReference(value)) {
    return [{ path, message: '`env:` is read in `auth` and in the `env` of `run:` engines, not in options' }];
  }
  if (typeof value === 'number' && !Number.isFinite(value))
    return [{ path, message: 'expected a finite number' }];
  if (Array.isArray(value)) return value.flatMap((item, index) => optionProblems(item, [...path, index]));
  if (!isRecord(value)) return [];
  return Object.entries(value).flatMap(([key, item]) => optionProblems(item, [...path, key]));
}

/** Capitals only: `env:prod` may well be an argument of somebody's program. */
const isSecretReference = (value: string): boolean => /^[A-Z0-9_]+$/.test(referenceOf(value)?.name ?? '');
