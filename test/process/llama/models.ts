// The model files of the tests, written once a test file.
import { afterAll, beforeAll } from 'vitest';
import { brokenModel } from '../../../src/testing/gguf/broken-model.ts';
import { tinyModel } from '../../../src/testing/gguf/tiny-model.ts';
import { type TestFolder, testFolder } from '../../support/folder.ts';

export const sentence = 'The quick brown fox  jumps: “über” 🦊 naïve.\nThe end';

const makers = {
  says: () => tinyModel({ behaviour: { kind: 'says', text: sentence } }),
  repeats: () => tinyModel({ behaviour: { kind: 'repeats', text: 'la li lu ' }, contextTokens: 131_072 }),
  silent: () => tinyModel({ behaviour: { kind: 'silent' } }),
  /** Its load takes about a second. */
  slow: () => tinyModel({ behaviour: { kind: 'says', text: 'At last.' }, fillerTokens: 150_000 }),
  truncated: () => brokenModel('truncated'),
  'web-page': () => brokenModel('web-page'),
  aborting: () => brokenModel('aborting'),
};

export type ModelName = keyof typeof makers;

export interface Models {
  path(name: ModelName): string;
  readonly folder: TestFolder;
}

export function models(...names: readonly ModelName[]): Models {
  let folder: TestFolder | undefined;
  beforeAll(async () => {
    folder = await testFolder();
    for (const name of names) await folder.write(`${name}.gguf`, makers[name]());
  });
  afterAll(async () => folder?.[Symbol.asyncDispose]());
  const written = () => {
    if (!folder) throw new Error('the models are not written yet');
    return folder;
  };
  return {
    path: (name) => `${written().path}/${name}.gguf`,
    get folder() {
      return written();
    },
  };
}
