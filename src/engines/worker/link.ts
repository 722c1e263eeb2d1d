// The connection to a worker engine's host, as a child process of its own or as a thread. Both speak the protocol of
// protocol.ts; they differ in what `kill` can do: a process group always goes, a thread stuck in native code does not.
import { fork } from 'node:child_process';
import { Worker } from 'node:worker_threads';
import { shippedFile } from '../locate.ts';
import { type Reaper, signalGroup } from '../reaper.ts';
import type { FromHost, ToHost } from './protocol.ts';

export interface LinkEvents {
  readonly message: (message: FromHost) => void;
  readonly output: (source: 'stdout' | 'stderr', chunk: Buffer | string) => void;
  /** The host is gone. Told once. */
  readonly exit: (how: string) => void;
}

export interface WorkerLink {
  readonly pid: number | null;
  post(message: ToHost): void;
  terminate(): void;
  kill(): void;
}

export type OpenLink = (marker: string, events: LinkEvents) => WorkerLink;

export function openProcessLink(reaper: Reaper, marker: string, events: LinkEvents): WorkerLink {
  const child = fork(shippedFile('engine-host'), [], {
    detached: true,
    serialization: 'advanced',
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { ...process.env, GREENROOM_INSTANCE: marker },
    execArgv: [],
  });
  const pid = child.pid ?? null;
  if (pid !== null) reaper.add(pid, marker);
  child.on('message', (message) => events.message(message as FromHost));
  child.stdout?.on('data', (chunk: Buffer) => events.output('stdout', chunk));
  child.stderr?.on('data', (chunk: Buffer) => events.output('stderr', chunk));
  const gone = once((how: string) => {
    if (pid !== null) {
      // What it started and left behind goes with it.
      signalGroup(pid, 'SIGKILL');
      reaper.remove(pid);
    }
    events.exit(how);
  });
  child.on('error', (error) => {
    if (child.pid === undefined) gone(error.message);
  });
  child.on('exit', (code, signal) => gone(signal ? `ended by ${signal}` : `exit code ${code}`));
  return {
    pid,
    post: (message) => {
      // A host that is on its way out has no channel; its exit is told anyhow.
      if (child.connected) child.send(message, () => undefined);
    },
    terminate: () => {
      if (pid !== null) signalGroup(pid, 'SIGTERM');
    },
    kill: () => {
      if (pid !== null) signalGroup(pid, 'SIGKILL');
    },
  };
}

export function openThreadLink(marker: string, events: LinkEvents): WorkerLink {
  const worker = new Worker(shippedFile('engine-host'), {
    stdout: true,
    stderr: true,
    env: { ...process.env, GREENROOM_INSTANCE: marker },
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  worker.on('message', (message: FromHost) => events.message(message));
  worker.stdout.on('data', (chunk: Buffer) => events.output('stdout', chunk));
  worker.stderr.on('data', (chunk: Buffer) => events.output('stderr', chunk));
  const gone = once(events.exit);
  let thrown: string | undefined;
  worker.on('error', (error) => {
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    thrown = message;
    events.output('stderr', `${stack ?? message}\n`);
  });
  worker.on('exit', (code) => gone(thrown ? `threw: ${thrown}` : `exit code ${code}`));
  return {
    pid: null,
    post: (message) => worker.postMessage(message),
    terminate: () => worker.postMessage({ type: 'close' } satisfies ToHost),
    kill: () => void worker.terminate(),
  };
}

function once(tell: (how: string) => void): (how: string) => void {
  let told = false;
  return (how) => {
    if (told) return;
    told = true;
    tell(how);
  };
}
