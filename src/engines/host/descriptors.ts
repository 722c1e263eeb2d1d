// What the descriptors of processes point to. Steps of some microseconds that wait for nobody, so they are taken on
// the loop, in slices: through the thread pool the same costs four times as much.
import { type Dir, opendirSync, readlinkSync } from 'node:fs';
import { isHidden, Slices } from './proc.ts';

/** `denied`: it is another user's. */
export type Look = 'looked' | 'denied' | 'gone';

/** Shows `visit` each descriptor (its number, and what it is: `socket:[123]`, a path), until that says `enough`. */
export async function eachDescriptor(
  pid: number,
  slices: Slices,
  visit: (fd: string, target: string) => 'on' | 'enough',
): Promise<Look> {
  let folder: Dir;
  try {
    folder = opendirSync(`/proc/${pid}/fd`, { bufferSize: 64 });
  } catch (thrown) {
    return lookThatFailed(thrown);
  }
  try {
    for (let entry = folder.readSync(); entry; entry = folder.readSync()) {
      const target = descriptor(pid, entry.name);
      if (target !== undefined && visit(entry.name, target) === 'enough') break;
      if (slices.over) await slices.rest();
    }
    return 'looked';
  } catch (thrown) {
    return lookThatFailed(thrown);
  } finally {
    folder.closeSync();
    if (slices.over) await slices.rest();
  }
}

/** Of one; undefined when it is not there, or not ours to see. */
export function descriptor(pid: number, fd: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/fd/${fd}`);
  } catch (thrown) {
    if (isHidden(thrown)) return undefined;
    throw thrown;
  }
}

/** The inode of `socket:[123]`. */
const socketOf = (target: string): string | undefined => /^socket:\[(\d+)\]$/.exec(target)?.[1];

export interface SocketOwners {
  /** By inode: the processes that have it, in ascending order. */
  readonly pids: ReadonlyMap<string, readonly number[]>;
  /** Where the first of them has it. */
  readonly fds: ReadonlyMap<string, string>;
  /** Who could not be looked into: other users' processes. */
  readonly denied: readonly number[];
}

/** Who has these sockets, among these processes. `first`: stops when each has been found once. */
export async function socketOwners(
  inodes: ReadonlySet<string>,
  candidates: readonly number[],
  wanted: 'first' | 'all',
): Promise<SocketOwners> {
  const pids = new Map<string, number[]>();
  const fds = new Map<string, string>();
  const denied: number[] = [];
  const slices = new Slices();
  const enough = () => wanted === 'first' && pids.size === inodes.size;
  for (const pid of candidates) {
    if (enough()) break;
    const look = await eachDescriptor(pid, slices, (fd, target) => {
      const inode = socketOf(target);
      if (inode === undefined || !inodes.has(inode)) return 'on';
      if (!fds.has(inode)) fds.set(inode, fd);
      pids.set(inode, [...new Set([...(pids.get(inode) ?? []), pid])]);
      return enough() ? 'enough' : 'on';
    });
    if (look === 'denied') denied.push(pid);
  }
  return { pids, fds, denied };
}

function lookThatFailed(thrown: unknown): Look {
  if (!isHidden(thrown)) throw thrown;
  const { code } = thrown as NodeJS.ErrnoException;
  return code === 'EACCES' || code === 'EPERM' ? 'denied' : 'gone';
}
