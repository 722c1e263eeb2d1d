// Whoever reads what we say may stop or leave, at any time: that is no reason to fall, and none to stay.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type TestFolder, testFolder } from '../support/folder.ts';
import { bin } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';

/** `up` with both outputs on pipes that the test may read, or not. Before it, a shell runs `prelude`. */
async function up(prelude: string, ...flags: readonly string[]) {
  const folder = await testFolder();
  const command = `${prelude} exec "$@"`;
  const args = [process.execPath, bin, 'up', '--listen', '127.0.0.1:0', ...flags];
  const child = spawn('sh', ['-c', command, 'sh', ...args], { cwd: folder.path, stdio: 'pipe' });
  return {
    child,
    folder,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      child.stdout.destroy();
      child.stderr.destroy();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Nobody may be there to be told: the run record knows where it listens. */
async function ready(folder: TestFolder): Promise<void> {
  await until(
    async () => {
      const record = JSON.parse(await readFile(join(folder.path, '.greenroom', 'gateway.json'), 'utf8'));
      return (await fetch(`${record.url}/readyz`)).ok;
    },
    { timeoutMs: 20_000, what: 'the gateway to be ready' },
  );
}

async function leave(child: ChildProcess) {
  const exited = once(child, 'exit');
  const began = performance.now();
  child.kill('SIGTERM');
  const [code, signal] = await exited;
  return { code, signal, ms: performance.now() - began };
}

test.each([
  ['standard output', 1, ['--json']],
  ['standard error', 2, []],
])(
  'a reader of %s that takes nothing does not keep the gateway from leaving, with 0',
  async (_, stream, flags) => {
    // More than any pipe holds, from somebody who goes on trying.
    await using it = await up(`head -c 10000000 /dev/zero >&${stream} &`, ...flags);
    await ready(it.folder);
    const end = await leave(it.child);
    expect(end).toMatchObject({ code: 0, signal: null });
    // The watchdog would be there at 2800.
    expect(end.ms).toBeLessThan(2500);
  },
);

test.each([
  ['standard output', ['stdout'], ['--json']],
  ['both', ['stdout', 'stderr'], []],
] as const)(
  'a reader of %s that has left before anything is said: the gateway lives until it is told to leave',
  async (_, streams, flags) => {
    await using it = await up('', ...flags);
    for (const stream of streams) it.child[stream].destroy();
    await ready(it.folder);
    expect(await leave(it.child)).toMatchObject({ code: 0, signal: null });
  },
);
