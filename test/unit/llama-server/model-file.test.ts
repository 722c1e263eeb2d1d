import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { modelFileProblem } from '../../../src/llama-server/model-file.ts';
import { brokenModel } from '../../../src/testing/gguf/broken-model.ts';
import { tinyModel } from '../../../src/testing/gguf/tiny-model.ts';
import { testFolder } from '../../support/folder.ts';

test.each([
  ['a model', tinyModel({ behaviour: { kind: 'silent' } }), undefined],
  ['a truncated one, which only llama.cpp sees', brokenModel('truncated'), undefined],
  ['a web page', brokenModel('web-page'), 'is a web page and no GGUF file'],
  ['a web page with XML before it', Buffer.from('\n<?xml version="1.0"?><html>'), 'is a web page'],
  ['a pointer', Buffer.from('version https://git-lfs.github.com/spec/v1\noid'), '`git lfs pull`'],
  ['the old format', Buffer.from('tjgg\x03\0\0\0'), 'the format before GGUF'],
  ['nothing', Buffer.alloc(0), 'is empty'],
  ['the beginning of a header', Buffer.from('GGUF\x03\0\0\0'), 'is cut off after 8 bytes'],
  [
    'something else',
    Buffer.from('PK\x03\x04 and so on'),
    'it begins with "PK\\u0003\\u0004", not with "GGUF"',
  ],
])('%s', async (_, bytes, problem) => {
  await using folder = await testFolder();
  const found = await modelFileProblem(await folder.write('m.gguf', bytes));
  if (problem === undefined) expect(found).toBeUndefined();
  else expect(found).toContain(problem);
});

test('what is not there, a folder, and what may not be read', async () => {
  await using folder = await testFolder();
  expect(await modelFileProblem(join(folder.path, 'none.gguf'))).toBe('does not exist');
  await mkdir(join(folder.path, 'models'));
  expect(await modelFileProblem(join(folder.path, 'models'))).toContain('is a folder');
  const secret = await folder.write('secret.gguf', 'GGUF');
  await chmod(secret, 0);
  // Root may read everything.
  if (process.getuid?.() !== 0) expect(await modelFileProblem(secret)).toContain('may not be read');
});
