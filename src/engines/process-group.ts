// A child process in a process group of its own, from its spawn to its end: the reaper knows it before it exists, its
// output is read, what it leaves behind in its group is killed, and its end is told once, after its last words.
import type { ChildProcess } from 'node:child_process';
import type { Clock, Timer } from '../lifecycle/clock.ts';
import { yieldToDoor } from '../lifecycle/priority.ts';
import { type Reaper, signalGroup } from './reaper.ts';

export interface ProcessGroupOptions {
  /** Spawns it: detached, with the marker as GREENROOM_INSTANCE in its environment. */
  readonly open: () => ChildProcess;
  readonly marker: string;
  readonly reaper: Reaper;
  readonly clock: Clock;
  readonly onOutput: (source: 'stdout' | 'stderr', chunk: Buffer) => void;
  /** Told exactly once, and not before the constructor has returned. */
  readonly onEnd: (end: ProcessEnd) => void;
}

export type ProcessEnd =
  | { readonly state: 'unstarted'; readonly error: NodeJS.ErrnoException }
  /** `code` and `signal` as Node has them. */
  | {
      readonly state: 'exited';
      readonly how: string;
      readonly code: number | null;
      readonly signal: NodeJS.Signals | null;
    };

/** How long after its exit a program's last output may still come: who escaped its group may hold the pipe for ever. */
const lastWordsMs = 100;

export class ProcessGroup {
  /** Undefined when it could not be started: what a spawn gives without files left has no pipes. */
  readonly child: ChildProcess | undefined;
  readonly #options: ProcessGroupOptions;
  #state: 'running' | 'exited' | 'told' = 'running';

  constructor(options: ProcessGroupOptions) {
    this.#options = options;
    options.reaper.expect(options.marker);
    let child: ChildProcess;
    try {
      child = options.open();
    } catch (error) {
      queueMicrotask(() => this.#unstarted(error as NodeJS.ErrnoException));
      return;
    }
    child.on('error', (error) => {
      if (child.pid === undefined) this.#unstarted(error);
    });
    if (child.pid === undefined) return;
    this.child = child;
    this.#watch(child, child.pid);
  }

  /** Null when it could not be started. */
  get pid(): number | null {
    return this.child?.pid ?? null;
  }

  /** To the whole group. No effect once it has exited: the number may be another's by then. */
  signal(name: 'SIGTERM' | 'SIGKILL'): void {
    if (this.pid !== null && this.#state === 'running') signalGroup(this.pid, name);
  }

  #watch(child: ChildProcess, pid: number): void {
    const { marker, reaper, onOutput } = this.#options;
    reaper.add(marker, pid);
    yieldToDoor(pid);
    for (const source of ['stdout', 'stderr'] as const)
      child[source]?.on('data', (chunk: Buffer) => onOutput(source, chunk));
    // A pipe that breaks is no fault of ours; what matters is the exit.
    for (const stream of child.stdio) stream?.on('error', () => undefined);
    child.once('exit', (code, signal) => this.#exited(child, code, signal));
  }

  #exited(child: ChildProcess, code: number | null, signal: NodeJS.Signals | null): void {
    const { clock, marker, reaper } = this.#options;
    this.signal('SIGKILL');
    this.#state = 'exited';
    reaper.remove(marker);
    const how = signal ? `was ended by ${signal}` : `exited with code ${code}`;
    const told = () => {
      late.cancel();
      this.#tell({ state: 'exited', how, code, signal });
    };
    const late: Timer = clock.after(lastWordsMs, () => {
      for (const stream of child.stdio) stream?.destroy();
      told();
    });
    child.once('close', told);
  }

  #unstarted(error: NodeJS.ErrnoException): void {
    this.#options.reaper.remove(this.#options.marker);
    this.#tell({ state: 'unstarted', error });
  }

  #tell(end: ProcessEnd): void {
    if (this.#state === 'told') return;
    this.#state = 'told';
    this.#options.onEnd(end);
  }
}
