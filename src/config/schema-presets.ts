// Engines of others, as a configuration has them: those with a `preset`, which are started or found, and those with
// a `url` alone.
import * as z from 'zod';
import { parseEngineUrl } from './engine-url.ts';
import { presetNames } from './presets.ts';
import {
  argument,
  environment,
  everyEngine,
  offers,
  ownEngine,
  place,
  readyPreset,
  readyUrl,
} from './schema-engine-parts.ts';
import { choice, duration, section, text } from './schema-parts.ts';

const urlText = 'what stands before /v1/...: http://127.0.0.1:8000';

/** As written in the file; clean after parsing. A problem never shows it: it may have a password in it. */
const address = z
  .string({ error: `expected an address, ${urlText}` })
  .transform((written, context): string => {
    const parsed = parseEngineUrl(written);
    if (parsed.ok) return parsed.value;
    context.issues.push({ code: 'custom', message: parsed.problem, input: written });
    return z.NEVER;
  });

/** Errors of secrets never show the value. */
const key = z
  .string({ error: 'expected text such as "env:OPENAI_API_KEY"' })
  .min(1, 'a key cannot be empty')
  .describe('Key that is sent along, best as env:NAME.')
  .optional();

const check = duration(
  '60s',
  'While it is ready and nobody uses it, it is asked this often whether it is there.',
  { minMs: 100 },
);

const neverOurs = (word: string): string =>
  `\`${word}\` is for engines that greenroom starts; this one is somebody else's, and never stopped`;

const neverOursWords = ['idle', 'group', 'stopGrace', 'log', 'args', 'program', 'env', 'cwd', 'port', 'host'];

export const url = section(
  {
    url: address.describe(`Address of an engine that runs already: ${urlText}.`),
    key,
    modelName: text('Name that it knows its model by. Default: the first of those it tells.', 256).optional(),
    offers,
    check,
    ready: readyUrl,
    ...everyEngine,
  },
  'An engine that runs already, here or elsewhere: asked and watched, never started or stopped.',
  {
    ...Object.fromEntries([...neverOursWords, 'socket', 'exclusive'].map((word) => [word, neverOurs(word)])),
    ...Object.fromEntries(
      ['builtin', 'worker', 'run'].map((kind) => [
        kind,
        `an engine is of one kind: \`url\` or \`${kind}\`, not both`,
      ]),
    ),
    model: '`model` is for presets; here it is `modelName`',
    headers: '`headers` is not there; a key goes into `key`',
  },
);

export const preset = section(
  {
    preset: choice(presetNames, 'A known program: greenroom knows how it is started and when it is ready.'),
    model: text('File of the model, relative to this file; for some presets its name.').optional(),
    url: address
      .describe(`Address of one that runs already: it is used as it is, in place of starting one.`)
      .optional(),
    key,
    program: text('Path of the program, where it is not on the PATH.').optional(),
    args: z
      .array(argument, { error: 'expected a list such as ["-c", "4096"]: no shell reads it' })
      .default([])
      .describe('Further arguments of the program.'),
    ...place,
    env: environment,
    cwd: text('Working directory; default the folder of this file.').optional(),
    exclusive: z
      .boolean()
      .default(false)
      .describe('It is not started while somebody else holds the file of its model.'),
    offers: offers.describe('What the engine can do. Default: as the preset has it.'),
    check,
    ready: readyPreset,
    ...everyEngine,
    ...ownEngine,
  },
  'A known program.',
  {
    ...Object.fromEntries(
      ['builtin', 'worker', 'run'].map((kind) => [
        kind,
        `an engine is of one kind: \`preset\` or \`${kind}\`, not both`,
      ]),
    ),
    options: '`options` is for builtin and worker engines; use `args`',
    modelName: '`modelName` is for `run:` and `url:`; here it is `model`',
    format: '`format` is for `run:`; the preset knows it',
  },
);
