// What loads alike has the same key: the same program or module with the same options, on the same model files as they
// are now. An estimate is made from loads of the same key only.
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { isAbsolute, resolve } from 'node:path';
import type { EngineConfig } from '../config/types.ts';
import { version } from '../version.ts';

/** Words that may name a file; nobody has more of them. */
const wordsMax = 64;

export async function modelKeyOf(config: EngineConfig): Promise<string> {
  const { what, words, folder } = factsOf(config);
  const named = [...new Set(words)].slice(0, wordsMax);
  const files = await Promise.all(
    named.map((word) => fileFacts(isAbsolute(word) ? word : resolve(folder, word))),
  );
  const facts = JSON.stringify([config.kind, what, files.filter((file) => file !== null)]);
  return createHash('sha256').update(facts).digest('hex').slice(0, 32);
}

/** Secrets come in `env`, which is left out; a port is not part of a model either. */
function factsOf(config: EngineConfig) {
  switch (config.kind) {
    case 'builtin':
      return { what: [config.builtin, config.options, version], words: wordsIn(config.options), folder: '.' };
    case 'worker': {
      const { worker, isolate, options } = config;
      return { what: [worker, isolate, options], words: [worker, ...wordsIn(options)], folder: '.' };
    }
    case 'url':
      return { what: [config.url, config.modelName], words: [], folder: '.' };
    case 'run': {
      const { run, cwd } = config;
      // `--model=FILE` names a file too.
      return {
        what: [run, cwd],
        words: run.flatMap((word) => [word, word.slice(word.indexOf('=') + 1)]),
        folder: cwd,
      };
    }
  }
}

function wordsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(wordsIn) : [];
}

/** Null for what is no file. */
async function fileFacts(path: string) {
  try {
    const found = await stat(path);
    return found.isFile() ? [path, found.size, found.mtimeMs] : null;
  } catch {
    // Most words are none: nothing is known of a file then, and nothing is wrong.
    return null;
  }
}
