// Who carries a marker, whatever else is in its environment.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { carriersOf } from '../../../../src/engines/host/marked.ts';
import { until } from '../../../support/poll.ts';

async function carrying(variables: Readonly<Record<string, string>>) {
  const env = { PATH: process.env['PATH'], ...variables };
  const child = spawn('sleep', ['1000'], { stdio: 'ignore', env });
  await once(child, 'spawn');
  const exited = once(child, 'exit');
  return {
    pid: child.pid ?? 0,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

test.runIf(process.platform === 'linux')(
  'it is found behind megabytes of other variables, and never within one of them',
  async () => {
    const marker = `${randomUUID()}.${'a'.repeat(32)}`;
    const line = `GREENROOM_INSTANCE=${marker}`;
    // One string may have 128 KiB, all of them a quarter of the stack's limit.
    const large = Array.from({ length: 10 }, (_, at) => [`LARGE_${at}`, 'x'.repeat(120_000)]);
    await using carrier = await carrying({ ...Object.fromEntries(large), GREENROOM_INSTANCE: marker });
    await using _stranger = await carrying({ NOTE: `\n${line}\n`, GREENROOM_INSTANCE_OF: marker });
    const found = () => carriersOf((each) => each === marker);
    await until(async () => (await found()).length > 0, { timeoutMs: 5000, what: 'the carrier to be found' });
    expect((await found()).map(({ pid }) => pid)).toEqual([carrier.pid]);
  },
);
