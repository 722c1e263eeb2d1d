// Engines, and who writes recordings, yield to the door: on a busy machine their work is done at a lower priority, so that a load that burns every
// core does not make callers wait to be let in. Costs an engine nothing while a core is free.
import { readlinkSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';

/** Added to the gateway's own niceness. */
const nicer = 5;
const nicenessMax = 19;

/** Of a process that has just been spawned; the threads it starts inherit it. */
export function yieldToDoor(pid: number): void {
  try {
    setPriority(pid, Math.min(nicenessMax, getPriority() + nicer));
  } catch {
    // It has ended already, or the system does not let us: nothing depends on it.
  }
}

/** The calling thread. Linux only, where a thread has a priority of its own. */
export function yieldThread(): void {
  try {
    const [, , tid] = readlinkSync('/proc/thread-self').split('/');
    if (tid) yieldToDoor(Number(tid));
  } catch {
    // No such file system here: then all threads of the process are alike.
  }
}
