// The `engines:` of a configuration: kinds, told apart by the key that names the kind (`builtin`, `worker`, `run`,
// `preset`, `url`), with what every engine has.
import * as z from 'zod';
import {
  argument,
  environment,
  everyEngine,
  isSecretReference,
  offers,
  ownEngine,
  place,
  readyInside,
  readyProgram,
} from './schema-engine-parts.ts';
import { choice, isRecord, named, section, seeBranch, text, wholeNumber } from './schema-parts.ts';
import { preset, url } from './schema-presets.ts';
import { didYouMean } from './suggest.ts';
import type { CapabilityName } from './types.ts';

const kinds = ['builtin', 'worker', 'run', 'preset', 'url'] as const;

export const builtinOffers = {
  flite: ['speak'],
  silero: ['vad'],
  llama: ['chat', 'embed'],
} as const satisfies Record<string, CapabilityName[]>;

/** Which branch of the union an engine means. */
function branchOf(value: unknown): number {
  if (!isRecord(value)) return -1;
  if (value['builtin'] === 'llama') return branches.indexOf(llama);
  // A preset may have a `url` as well.
  const kind = kinds.find((candidate) => Object.hasOwn(value, candidate));
  const ofKind = { builtin, worker, run, preset, url };
  return kind === undefined ? -1 : branches.indexOf(ofKind[kind]);
}

/** For a key that would make the engine of two kinds. */
const otherKinds = (own: string): Record<string, string> =>
  Object.fromEntries(
    kinds.map((kind) => [kind, `an engine is of one kind: \`${own}\` or \`${kind}\`, not both`]),
  );

const options = z
  .record(z.string(), z.unknown())
  .default({})
  .describe('Given to the engine as it is.')
  .superRefine((value, context) => {
    for (const { path, message } of optionProblems(value, []))
      context.addIssue({ code: 'custom', path, message });
  });

const modelOfAnother = '`model` is for `run:`, `preset:` and `builtin: llama`; give it in `options`';

const builtin = section(
  {
    builtin: choice(['flite', 'silero', 'llama'], '')
      .exclude(['llama'])
      .describe('A shipped engine: flite speaks, silero hears voice activity.'),
    options,
    ready: readyInside,
    ...everyEngine,
    ...ownEngine,
  },
  'A shipped engine.',
  { ...otherKinds('builtin'), offers: 'a shipped engine offers what it offers', model: modelOfAnother },
);

const llamaOptions = '`builtin: llama` has its options beside it: model, context, threads, gpu, parallel';

const llama = section(
  {
    builtin: z.literal('llama').describe('A language model of llama.cpp, by the package node-llama-cpp.'),
    model: text('The GGUF file; relative to this file.'),
    context: wholeNumber(
      8,
      10_000_000,
      'Tokens of a conversation at most. Default: 4096, or what the model was trained for.',
    ).optional(),
    threads: wholeNumber(
      1,
      1024,
      'Threads. Default: one for each core but one, which the gateway needs.',
    ).optional(),
    gpu: z
      .union([z.literal(false), z.literal('auto')], { error: 'expected auto or false' })
      .default('auto')
      .describe(
        'What computes: a graphics card where node-llama-cpp has a build for it; false: the processor.',
      ),
    parallel: wholeNumber(1, 256, 'Answers at a time; further ones wait.').default(1),
    ready: readyInside,
    ...everyEngine,
    ...ownEngine,
  },
  'A language model of llama.cpp.',
  { ...otherKinds('builtin'), offers: 'a shipped engine offers what it offers', options: llamaOptions },
);

const worker = section(
  {
    worker: text('Path of a JavaScript module; relative to this file.'),
    isolate: choice(['process', 'thread'], 'Where the module runs.').default('process'),
    options,
    offers,
    ready: readyInside,
    ...everyEngine,
    ...ownEngine,
  },
  'A JavaScript module.',
  { ...otherKinds('worker'), model: modelOfAnother },
);

const run = section(
  {
    run: z
      .array(argument, { error: 'expected a list such as [python3, engine.py]: no shell reads it' })
      .min(1)
      .refine((argv) => argv[0] !== '', 'the program is missing')
      .describe(
        `Program and arguments; \${port}, \${host}, \${socket}, \${model} and \${instance} are filled in.`,
      ),
    ...place,
    env: environment,
    cwd: text('Working directory; default the folder of this file.').optional(),
    model: text('File of its model, checked before each start; relative to this file.').optional(),
    format: choice(['gguf'], 'What the file is. Default: by its name.').optional(),
    exclusive: z
      .boolean()
      .default(false)
      .describe('It is not started while somebody else holds the file of its model.'),
    modelName: text('Name that it knows its model by. Default: the name of the engine.', 256).optional(),
    offers,
    ready: readyProgram,
    ...everyEngine,
    ...ownEngine,
  },
  'A program, in a process group of its own.',
  {
    ...otherKinds('run'),
    options: '`options` is for builtin and worker engines; use the arguments of `run`',
    args: '`args` is for presets; here the arguments stand in `run`',
  },
);

const branches: readonly z.core.SomeType[] = [builtin, llama, worker, run, preset, url];

const engine = z
  .union([builtin, llama, worker, run, preset, url], {
    error: ({ input }) => kindProblem(input) ?? seeBranch(branchOf(input)),
  })
  .describe('An engine.');

export const enginesSchema = named(engine, 'Engines by name.').optional();

/** What can be said of an engine as a whole; undefined when it is of exactly one known kind. */
function kindProblem(value: unknown): string | undefined {
  if (!isRecord(value))
    return 'expected a section such as { builtin: flite } or { run: [python3, engine.py] }';
  const given = kinds.filter(
    (kind) => Object.hasOwn(value, kind) && !(kind === 'url' && Object.hasOwn(value, 'preset')),
  );
  if (given.length > 1)
    return `an engine is of one kind: ${given.map((kind) => `\`${kind}\``).join(' or ')}, not both`;
  if (given.length === 1) return undefined;
  const hints = Object.keys(value).map((key) => didYouMean(key, kinds));
  const words = kinds.map((kind) => `\`${kind}\``).join(', ');
  return `the kind is missing: one of ${words}${hints.find(Boolean) ?? ''}`;
}

/** Options travel to a worker as plain data, and are written out in `/api`. */
function optionProblems(
  value: unknown,
  path: (string | number)[],
): { path: (string | number)[]; message: string }[] {
  if (path.length > 32) return [{ path, message: 'nested more than 32 levels' }];
  if (typeof value === 'string' && isSecretReference(value)) {
    return [
      {
        path,
        message: '`env:` is read in `auth`, in `key` and in the `env` of programs, not in options',
      },
    ];
  }
  if (typeof value === 'number' && !Number.isFinite(value))
    return [{ path, message: 'expected a finite number' }];
  if (Array.isArray(value)) return value.flatMap((item, index) => optionProblems(item, [...path, index]));
  if (!isRecord(value)) return [];
  return Object.entries(value).flatMap(([key, item]) => optionProblems(item, [...path, key]));
}
