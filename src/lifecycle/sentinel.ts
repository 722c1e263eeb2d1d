// Notices a signal that comes while the event loop is held, when nobody else of us can: a thread of its own counts the
// signals of the process, the loop counts those it has heard. What the loop does not hear in time ends the process; the
// reaper then ends the engines. Lives as long as the process.
//
// A thread gets no signals by Node's public interface. Where the inner one is not as we know it, there is no sentinel,
// and that is told: a loop that is held by then must be ended by KILL.
import { Worker } from 'node:worker_threads';
import { messageOf } from './errors.ts';

export interface SentinelOptions {
  /** The built `sentinel-thread`. */
  readonly file: string;
  /** From a signal that is not heard to the end. */
  readonly graceMs: number;
  readonly onTrouble: (message: string) => void;
}

/** What the thread is given. `heard` counts, in its one element, the signals that the loop has heard. */
export interface SentinelData {
  readonly heard: Int32Array<SharedArrayBuffer>;
  readonly graceMs: number;
}

export interface Sentinel {
  /** The loop has heard a signal. */
  heard(): void;
}

export function startSentinel({ file, graceMs, onTrouble }: SentinelOptions): Sentinel {
  const heard = new Int32Array(new SharedArrayBuffer(4));
  const thread = new Worker(file, {
    execArgv: ['--expose-internals', '--no-warnings'],
    workerData: { heard, graceMs } satisfies SentinelData,
  });
  thread.once('error', (error) =>
    onTrouble(`a signal that comes while the event loop is held will not be noticed: ${messageOf(error)}`),
  );
  thread.unref();
  return { heard: () => void Atomics.add(heard, 0, 1) };
}
