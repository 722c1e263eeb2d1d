import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findProgram } from '../../../../src/engines/process/find-program.ts';
import { testFolder } from '../../../support/folder.ts';

test('a program is the first on the PATH that is one', async () => {
  await using folder = await testFolder();
  const file = async (name: string, mode: number) => {
    const path = await folder.write(name, '#!/bin/sh\n');
    await chmod(path, mode);
    return path;
  };
  await file('a/engine', 0o644);
  const second = await file('b/engine', 0o755);
  await file('c/engine', 0o755);
  await mkdir(join(folder.path, 'd/engine'), { recursive: true });
  const env = (...names: string[]) => ({
    PATH: ['/no/such/folder', '', ...names.map((name) => join(folder.path, name))].join(':'),
  });
  expect(await findProgram('engine', env('d', 'a', 'b', 'c'))).toBe(second);
  expect(await findProgram('engine', env('a', 'd'))).toBeUndefined();
  expect(await findProgram('engine', {})).toBeUndefined();
  expect(await findProgram(second, {})).toBe(second);
  expect(await findProgram('/no/such/program', env('b'))).toBeUndefined();
});
