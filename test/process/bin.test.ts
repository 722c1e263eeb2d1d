// The command as it lies in a clone and in the package: there before anything is built, and after every build.
import { execFile, spawnSync } from 'node:child_process';
import { copyFile, mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { testFolder } from '../support/folder.ts';

const bin = fileURLToPath(new URL('../../bin/greenroom.js', import.meta.url));
const run = promisify(execFile);

test('it may be executed, and is what it starts', async () => {
  expect((await stat(bin)).mode & 0o111).toBe(0o111);
  expect((await run(bin, ['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});

test('before the first build it says so, with the next step', async () => {
  await using folder = await testFolder();
  await folder.write('package.json', '{"type":"module"}');
  await mkdir(join(folder.path, 'bin'));
  const copy = join(folder.path, 'bin', 'greenroom.js');
  await copyFile(bin, copy);
  const failure = await run(process.execPath, [copy, 'wait']).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 69, stderr: expect.stringContaining('`npm start`') });
});

const older = ['/usr/bin/node', '/usr/local/bin/node'].find((path) => {
  const { stdout } = spawnSync(path, ['--version'], { encoding: 'utf8' });
  return Number.parseInt(stdout?.slice(1) ?? '', 10) < 24;
});

test.skipIf(!older)(
  'an older Node is told what is needed, by the libraries too (skipped where there is none)',
  async () => {
    for (const name of ['greenroom', 'greenroom/testing']) {
      const program = ['--input-type=module', '-e', `await import('${name}')`];
      const failure = await run(older as string, program, {
        cwd: fileURLToPath(new URL('../..', import.meta.url)),
      }).catch((error: unknown) => error);
      expect((failure as { stderr: string }).stderr).toMatch(
        /Error: greenroom needs Node 24 or newer, and this is \d+/,
      );
      expect((failure as { stderr: string }).stderr.length).toBeLessThan(1500);
    }
  },
);

test.each(['up', 'doctor', 'exec -- true'])('%s from a folder that is gone says so: 2', async (args) => {
  await using folder = await testFolder();
  // There when the shell starts, and no more when the command does.
  const script = 'mkdir gone && cd gone && rmdir ../gone && exec "$@"';
  const words = ['-c', script, 'sh', process.execPath, bin, ...args.split(' ')];
  const failure = await run('sh', words, { cwd: folder.path }).catch((error: unknown) => error);
  expect(failure).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^greenroom: the current folder is gone; .*\[bad_usage\]\n$/),
  });
});
