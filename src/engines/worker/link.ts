// The connection to a worker engine's host, as a child process of its own or as a thread. Both speak the protocol of
// protocol.ts; they differ in what `kill` can do: a process group always goes, a thread stuck in native code does not.
import { spawn } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { Worker } from 'node:worker_threads';
import type { Clock } from '../../lifecycle/clock.ts';
import { shippedFile } from '../locate.ts';
import { type ProcessEnd, ProcessGroup } from '../process-group.ts';
import type { Reaper } from '../reaper.ts';
import { Channel, type ChannelFault, channelFd } from './channel.ts';
import type { ToHost } from './protocol.ts';
import { thrownFacts } from './thrown.ts';

export interface LinkEvents {
  /** Unchecked: from-host.ts does that. */
  readonly message: (message: unknown) => void;
  readonly output: (source: 'stdout' | 'stderr', chunk: Buffer | string) => void;
  /** Something else than the host has written to where its messages come from; there will be no more of them. */
  readonly broken: (fault: ChannelFault) => void;
  /** The host is gone, and has said its last words. Told once, and not before the link is open. */
  readonly exit: (end: ProcessEnd) => void;
}

export interface WorkerLink {
  readonly pid: number | null;
  post(message: ToHost): void;
  terminate(): void;
  kill(): void;
}

export interface LinkOwner {
  readonly reaper: Reaper;
  readonly clock: Clock;
  /** What the engine's environment begins with. Default: all that we have. */
  readonly inherited?: NodeJS.ProcessEnv | undefined;
}

export type OpenLink = (marker: string, events: LinkEvents) => WorkerLink;

export function openProcessLink(owner: LinkOwner, marker: string, events: LinkEvents): WorkerLink {
  const group = new ProcessGroup({
    ...{ ...owner, marker, onOutput: events.output },
    open: () =>
      spawn(process.execPath, [shippedFile('engine-host')], {
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
        env: { ...(owner.inherited ?? process.env), GREENROOM_INSTANCE: marker },
      }),
    onEnd: events.exit,
  });
  const { child, pid } = group;
  const pipe = child?.stdio[channelFd] as Duplex | null | undefined;
  const channel = pipe
    ? new Channel(pipe, {
        message: events.message,
        broken: events.broken,
        // The exit is told, with its last words.
        closed: () => undefined,
      })
    : undefined;
  return {
    pid,
    post: (message) => channel?.send(message),
    terminate: () => group.signal('SIGTERM'),
    kill: () => group.signal('SIGKILL'),
  };
}

export function openThreadLink(
  { reaper, inherited }: LinkOwner,
  marker: string,
  events: LinkEvents,
): WorkerLink {
  // A thread goes with us; what it started does not.
  reaper.expect(marker);
  let worker: Worker;
  try {
    worker = startThread(marker, inherited ?? process.env);
  } catch (error) {
    reaper.remove(marker);
    throw error;
  }
  let thrown: string | undefined;
  worker.on('message', (message: unknown) => events.message(message));
  worker.stdout.on('data', (chunk: Buffer) => events.output('stdout', chunk));
  worker.stderr.on('data', (chunk: Buffer) => events.output('stderr', chunk));
  worker.on('error', (error) => {
    const { message, stack } = thrownFacts(error);
    thrown = message;
    events.output('stderr', `${stack || message}\n`);
  });
  worker.once('exit', (code) => {
    reaper.remove(marker);
    const how = thrown ? `threw: ${thrown}` : `exited with code ${code}`;
    events.exit({ state: 'exited', how, code, signal: null });
  });
  return {
    pid: null,
    post: (message) => worker.postMessage(message),
    terminate: () => worker.postMessage({ type: 'close' } satisfies ToHost),
    kill: () => void worker.terminate(),
  };
}

function startThread(marker: string, inherited: NodeJS.ProcessEnv): Worker {
  return new Worker(shippedFile('engine-host'), {
    stdout: true,
    stderr: true,
    env: { ...inherited, GREENROOM_INSTANCE: marker },
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
}
