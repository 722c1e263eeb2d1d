// A benchmark leaves nothing behind, however it ends.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { Workbench } from '../../bench/workbench.ts';
import { testFolder } from '../support/folder.ts';
import { until } from '../support/poll.ts';
import { alive, familyOf } from '../support/processes.ts';

const runFile = fileURLToPath(new URL('../../bench/run.ts', import.meta.url));
const sleeper = ['-e', 'setInterval(() => undefined, 1000)'];

test.each(['door', 'loop'])('%s: Ctrl+C ends its programs and takes its files along', async (name) => {
  await using folder = await testFolder();
  const env = { ...process.env, TMPDIR: folder.path, NODE_DISABLE_COMPILE_CACHE: '1' };
  const bench = spawn(process.execPath, [runFile, name], { env, stdio: 'ignore' });
  const exited = once(bench, 'exit');
  try {
    const family = await until(
      async () => {
        const pids = await familyOf(bench.pid ?? 0);
        return pids.length > 1 && pids;
      },
      { timeoutMs: 20_000, what: 'a gateway with an engine' },
    );
    expect(await readdir(folder.path)).toEqual([expect.stringMatching(/^greenroom-bench-/)]);
    bench.kill('SIGINT');
    expect(await exited).toEqual([130, null]);
    expect(await readdir(folder.path)).toEqual([]);
    await until(() => !family.some(alive), { timeoutMs: 5000, what: 'all of them to be gone' });
  } finally {
    bench.kill('SIGKILL');
  }
});

test('a benchmark that fails takes its files and its programs along too', async () => {
  await using folder = await testFolder();
  const before = await familyOf(process.pid);
  const failing = async () => {
    await using bench = await Workbench.open(folder.path);
    await bench.write('config.yaml', 'listen: :0');
    await bench.start(sleeper);
    await bench.start(sleeper);
    expect(await readdir(folder.path)).toHaveLength(1);
    throw new Error('the door was shut');
  };
  await expect(failing()).rejects.toThrow('the door was shut');
  expect(await readdir(folder.path)).toEqual([]);
  const left = (await familyOf(process.pid)).filter((pid) => !before.includes(pid));
  expect(left).toEqual([]);
});

test('a bench that is closed starts nothing more', async () => {
  await using folder = await testFolder();
  const bench = await Workbench.open(folder.path);
  await bench[Symbol.asyncDispose]();
  await expect(bench.start(sleeper)).rejects.toThrow();
  expect(await readdir(folder.path)).toEqual([]);
});
