// Run records of gateways that the tests of `ps` and `stop` find, and processes that stand for theirs.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { identityOf } from '../../../src/engines/host/identity.ts';
import { takeLock } from '../../../src/gateway/directory-lock.ts';
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

/** As the gateway of `.greenroom` of the folder this very process holds it. */
export async function held(folder: string): Promise<AsyncDisposable> {
  const directory = join(folder, '.greenroom');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const taken = await takeLock(directory);
  if (taken.state !== 'taken') throw new Error(`the lock of ${directory} is ${taken.state}`);
  return { [Symbol.asyncDispose]: async () => taken.lock.close() };
}

export interface Sleeper extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly pid: number;
  /** The signal that ended it. */
  readonly exited: Promise<NodeJS.Signals | null>;
}

const sleeperScript = `
  const { DatabaseSync } = require('node:sqlite');
  const [how, path] = process.argv.slice(1);
  if (how === 'deaf') process.on('SIGTERM', () => undefined);
  if (path) globalThis.lock = new DatabaseSync(path);
  globalThis.lock?.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  console.log('here');
  setInterval(() => undefined, 1_000_000);
`;

/** A process that is there; `deaf` to TERM. With a folder it holds its `.greenroom`, as a gateway does. */
export async function sleeper(how: 'plain' | 'deaf' = 'plain', folder?: string): Promise<Sleeper> {
  const directory = folder === undefined ? undefined : join(folder, '.greenroom');
  if (directory) await mkdir(directory, { recursive: true, mode: 0o700 });
  const lock = directory ? [join(directory, 'lock.db')] : [];
  const child = spawn(process.execPath, ['-e', sleeperScript, how, ...lock], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
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
