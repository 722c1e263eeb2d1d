// A gateway without a file descriptor left, as it comes with many callers: whatever it starts then fails as any start
// does, and is tried again.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import type { EngineStatus } from '../../../src/engines/status.ts';
import { until } from '../../support/poll.ts';
import { fixture, program, worker } from './supervised.ts';

interface Told {
  readonly word: string;
  readonly list: readonly Pick<EngineStatus, 'name' | 'state' | 'failure'>[];
  readonly trouble: readonly string[];
}

test('engines and the reaper that cannot be started for want of files are started when there are some', async () => {
  const engines = {
    process: { ...worker('speaks.mjs'), name: 'process' },
    thread: { ...worker('speaks.mjs', { isolate: 'thread' }), name: 'thread' },
    program: { ...program('http-engine.mjs'), name: 'program' },
  };
  const script = 'ulimit -n 64; exec "$0" "$@"';
  const args = [process.execPath, fixture('few-files.ts'), JSON.stringify(engines)];
  const child = spawn('sh', ['-c', script, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const told: Told[] = [];
  createInterface(child.stdout).on('line', (line) => told.push(JSON.parse(line) as Told));
  const trouble = () => told.flatMap((each) => each.trouble).join('\n');
  const states = async (word: string, fits: (last: Told) => boolean) =>
    until(
      async () => {
        const { length } = told;
        child.stdin.write(`${word}\n`);
        const last = await until(() => told[length], { timeoutMs: 2000, what: `an answer to ${word}` });
        return fits(last) || Promise.reject(new Error(`${JSON.stringify(last)}\n${trouble()}`));
      },
      { timeoutMs: 20_000, what: word },
    );
  try {
    await until(() => told.length > 0, { timeoutMs: 10_000, what: 'the process' });
    child.stdin.write('hold\n');
    const failed = (last: Told) => last.list.every(({ failure }) => failure !== null);
    await states('look', failed);
    expect(trouble()).toMatch(
      /the reaper could not be started \(spawn sh EMFILE\); it is started again in 50 ms/,
    );
    for (const { name, state, failure } of told.at(-1)?.list ?? []) {
      expect(`${name} ${failure?.message}`).toMatch(/EMFILE/);
      expect(['backoff', 'starting', 'stopping']).toContain(state);
    }
    child.stdin.write('free\n');
    await states('look', (last) => last.list.every(({ state }) => state === 'ready'));
    child.stdin.write('leave\n');
    expect(await exited).toEqual([0, null]);
  } finally {
    child.kill('SIGKILL');
  }
});
