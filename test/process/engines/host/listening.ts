// Real processes that listen, for one test: of their own group, through a shell or not, with a marker or without.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { ListenOptions } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { until } from '../../../support/poll.ts';
import { gone, kill } from '../supervised.ts';

const fixture = fileURLToPath(new URL('../../../fixtures/engines/listens.mjs', import.meta.url));

export interface Listening extends AsyncDisposable {
  /** Of the process that listens. */
  readonly pid: number;
  /** Of the process that was spawned, and so of its group. */
  readonly pgid: number;
  readonly marker: string;
  readonly port: number;
}

export interface HowToListen {
  /** A shell's command line in which `"$0" "$1"` is the program that listens. Default: it is spawned itself. */
  readonly script?: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly uid?: number;
}

export async function listening(on: readonly ListenOptions[], how: HowToListen = {}): Promise<Listening> {
  const marker = randomUUID();
  const program = [process.execPath, fixture];
  const [command = '', ...args] = how.script === undefined ? program : ['sh', '-c', how.script, ...program];
  const child: ChildProcess = spawn(command, args, {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, GREENROOM_INSTANCE: marker, LISTEN: JSON.stringify(on), ...how.env },
    ...(how.cwd !== undefined && { cwd: how.cwd }),
    ...(how.uid !== undefined && { uid: how.uid }),
  });
  if (!child.stdout) throw new Error('it has no output');
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const { pid, ports } = JSON.parse(line) as { pid: number; ports: number[] };
  const pgid = child.pid ?? 0;
  return {
    ...{ pid, pgid, marker, port: ports[0] ?? 0 },
    async [Symbol.asyncDispose]() {
      for (const each of [pid, pgid]) kill(each);
      await until(() => gone([pid, pgid]), { timeoutMs: 2000, what: 'who listened to be gone' });
    },
  };
}
