// Run records of gateways that the tests of `ps` and `stop` find, and processes that stand for theirs.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { identityOf } from '../../../src/engines/host/identity.ts';
import { type RunRecord, writeRunRecord } from '../../../src/gateway/run-record.ts';

/** In `.greenroom` of the folder; of this very process, but for the changes. */
export async function record(folder: string, changes: Partial<RunRecord> = {}): Promise<RunRecord> {
  const directory = join(folder, '.greenroom');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const pid = changes.pid ?? process.pid;
  const whole = {
    ...(await identityOf(pid)),
    ...{
      url: 'http://127.0.0.1:9',
      version: '1.2.3',
      startedAt: new Date(Date.now() - 200_000).toISOString(),
    },
    ...changes,
  };
  await writeRunRecord(directory, whole);
  return whole;
}

export interface Sleeper extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly pid: number;
  /** The signal that ended it. */
  readonly exited: Promise<NodeJS.Signals | null>;
}

/** A process that is there; `deaf` to TERM. */
export async function sleeper(how: 'plain' | 'deaf' = 'plain'): Promise<Sleeper> {
  const script = `${how === 'deaf' ? "trap '' TERM; " : ''}echo here; while :; do sleep 0.05; done`;
  const child = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'ignore'] });
  const exited = once(child, 'exit').then(([, signal]) => signal as NodeJS.Signals | null);
  await once(child.stdout, 'data');
  return {
    child,
    pid: child.pid ?? 0,
    exited,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
