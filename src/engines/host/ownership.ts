// Whether what answers at an address is an engine's own: a process of its group, one that carries its marker, or one
// that descends from it. Asked again and again while an engine starts, so the cheap looks come first.
import { messageOf } from '../../lifecycle/errors.ts';
import { describeHolder, type Whose } from './describe.ts';
import { descriptor, socketOwners } from './descriptors.ts';
import { type Holder, holderOf, readMark } from './holder.ts';
import { statOf } from './identity.ts';
import { hiddenHolder, unknownHere } from './listeners.ts';
import { listPids } from './proc.ts';
import type { LocalAddress } from './socket-tables.ts';
import { answeringSockets, type FoundSocket } from './sockets.ts';

export interface Family {
  /** The number of its group, which is that of its first process; null before there is one. */
  readonly pgid: number | null;
  /** Its GREENROOM_INSTANCE. */
  readonly marker: string;
}

export type Ownership =
  | { readonly state: 'owned' }
  | { readonly state: 'nobody' }
  | { readonly state: 'stranger'; readonly holder: Holder }
  | { readonly state: 'unknown'; readonly why: string };

/** With who it is in words, for messages. */
export type OwnershipTold =
  | Exclude<Ownership, { readonly state: 'stranger' }>
  | { readonly state: 'stranger'; readonly holder: string };

export async function ownershipTold(
  address: LocalAddress,
  family: Family,
  whose?: Whose,
): Promise<OwnershipTold> {
  const found = await ownership(address, family);
  if (found.state !== 'stranger') return found;
  return { state: 'stranger', holder: describeHolder(found.holder, whose) };
}

/** Best asked once a connection has been taken. Never throws. */
export async function ownership(address: LocalAddress, family: Family): Promise<Ownership> {
  if (process.platform === 'darwin') return (await import('./mac.ts')).macOwnership(address, family);
  if (process.platform !== 'linux') return unknownHere();
  try {
    for (let looks = 1; ; looks += 1) {
      const found = await answeringSockets(address);
      if (found.length === 0) return { state: 'nobody' };
      const verdict = await ownerOf(found, family);
      if (verdict.state !== 'stranger' || looks === looksMax) return verdict;
      // While one looks, one may go and another come: a stranger has to be seen twice.
      if (idsOf(await answeringSockets(address)) === idsOf(found)) return verdict;
    }
  } catch (error) {
    return { state: 'unknown', why: messageOf(error) };
  }
}

/** Where an engine's socket was found last. It is looked at before it is believed. */
interface Hint {
  readonly inode: string;
  readonly pid: number;
  readonly fd: string;
}

const hints = new Map<string, Hint>();
const hintsMax = 64;

const idsOf = (found: readonly FoundSocket[]): string => found.map(({ inode }) => inode).join();

async function ownerOf(found: readonly FoundSocket[], family: Family): Promise<Ownership> {
  const left = new Map(found.map((socket) => [socket.inode, socket]));
  const hint = hints.get(family.marker);
  if (hint && descriptor(hint.pid, hint.fd) === `socket:[${hint.inode}]`) left.delete(hint.inode);
  if (left.size > 0 && family.pgid !== null) await takeOf(family.pgid, left, family.marker);
  if (left.size === 0) return { state: 'owned' };
  const verdicts = await ownersAmongAll(left, family);
  const other = verdicts.find(({ state }) => state !== 'owned') ?? { state: 'owned' };
  const some = other.state === 'stranger' && (verdicts.length < found.length || verdicts.includes(owned));
  const at = found[0]?.at ?? '';
  // The connections of a port are shared; a path has one socket, and the tables do not say which of these it is.
  return some && at.startsWith('unix:')
    ? { state: 'unknown', why: `several sockets are bound to ${at}` }
    : other;
}

/** Takes out what the engine's first process has: most engines listen themselves. */
async function takeOf(leader: number, left: Map<string, FoundSocket>, marker: string): Promise<void> {
  const { pids, fds } = await socketOwners(new Set(left.keys()), [leader], 'first');
  for (const inode of pids.keys()) {
    remember(marker, { inode, pid: leader, fd: fds.get(inode) ?? '' });
    left.delete(inode);
  }
}

const owned: Ownership = { state: 'owned' };

async function ownersAmongAll(
  left: ReadonlyMap<string, FoundSocket>,
  family: Family,
): Promise<readonly Ownership[]> {
  const { pids, fds, denied } = await socketOwners(new Set(left.keys()), await listPids(), 'all');
  const verdictOf = async ({ inode, uid }: FoundSocket): Promise<Ownership> => {
    const owners = pids.get(inode) ?? [];
    const relative = await firstRelative(owners, family);
    const [first] = owners;
    if (relative === first && first !== undefined)
      remember(family.marker, { inode, pid: first, fd: fds.get(inode) ?? '' });
    if (relative !== undefined) return owned;
    if (first === undefined) return hiddenOwner(uid, denied, family);
    const holder = await holderOf(first);
    // It has gone meanwhile, and its socket with it.
    return holder ? { state: 'stranger', holder } : { state: 'nobody' };
  };
  return Promise.all([...left.values()].map(verdictOf));
}

/** Nobody who can be seen has it. One of the engine's own who cannot be looked into may. */
async function hiddenOwner(
  uid: number | null,
  denied: readonly number[],
  family: Family,
): Promise<Ownership> {
  const relative = await firstRelative(denied, family);
  if (relative === undefined) return { state: 'stranger', holder: await hiddenHolder(uid, denied) };
  return {
    state: 'unknown',
    why: `process ${relative} of it runs as another user and cannot be looked into`,
  };
}

async function firstRelative(pids: readonly number[], family: Family): Promise<number | undefined> {
  for (const pid of pids) if (await isRelative(pid, family)) return pid;
  return undefined;
}

async function isRelative(pid: number, { pgid, marker }: Family): Promise<boolean> {
  let stat = await statOf(pid);
  if (stat && stat.pgid === pgid) return true;
  const mark = await readMark(pid);
  if (mark.state === 'marked' && mark.marker === marker) return true;
  if (pgid === null) return false;
  for (let steps = 0; stat && stat.parent > 1 && steps < ancestorsMax; steps += 1) {
    if (stat.parent === pgid) return true;
    stat = await statOf(stat.parent);
  }
  return false;
}

function remember(marker: string, hint: Hint): void {
  hints.delete(marker);
  hints.set(marker, hint);
  const [oldest] = hints.keys();
  if (hints.size > hintsMax && oldest !== undefined) hints.delete(oldest);
}

const looksMax = 5;
/** While one looks, pids may come to mean others, in a circle even. */
const ancestorsMax = 100;
