// Who serves a data directory, by its run record, the identity of the process and the lock that the kernel keeps. Who
// does not hold the lock is not its gateway, whatever the record says.
import { access, constants, stat } from 'node:fs/promises';
import type { ProcessIdentity } from '../engines/host/identity.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import { type LockSeen, lockSeen } from './directory-lock.ts';
import { type RunRecord, type RunRecordFound, readRunRecord } from './run-record.ts';

export type Presence =
  | { readonly state: 'none' }
  | { readonly state: 'running'; readonly record: RunRecord }
  /** Somebody holds the directory without a record that tells who: it starts or leaves, or the record is spoilt. */
  | { readonly state: 'unrecorded'; readonly holder: ProcessIdentity | null; readonly problem: string | null }
  /** Left behind by a process that is no more, or of one that is there and not the gateway of this directory. */
  | { readonly state: 'gone'; readonly record: RunRecord; readonly process: 'ended' | 'elsewhere' }
  /** There is something else in the record's place, and nobody holds the directory. */
  | { readonly state: 'corrupt'; readonly problem: string };

/** Throws `permission_denied`, and `data_directory_unusable` when it is no folder. */
export async function lookInto(directory: string): Promise<Presence> {
  await assertReadable(directory);
  let found = await readRunRecord(directory);
  let lock = await readLock(directory);
  // One that leaves in this moment, or is seen before its record: looked at again.
  if ((found.state === 'running') !== (lock.state === 'held')) {
    found = await readRunRecord(directory);
    lock = await readLock(directory);
  }
  return lock.state === 'held' ? heldBy(lock.holder, found) : notHeld(found);
}

function heldBy(holder: ProcessIdentity | null, found: RunRecordFound): Presence {
  if (found.state !== 'running')
    return { state: 'unrecorded', holder, problem: found.state === 'corrupt' ? found.problem : null };
  // The kernel knows who has the lock. Where it does not tell, the record is believed.
  if (holder === null || holder.pid === found.record.pid) return found;
  return { state: 'unrecorded', holder, problem: `the record names pid ${found.record.pid}` };
}

function notHeld(found: RunRecordFound): Presence {
  if (found.state === 'gone') return { ...found, process: 'ended' };
  if (found.state !== 'running') return found;
  // Where a process has no start time its pid may be a later one's.
  const process = found.record.startTime === null ? 'ended' : 'elsewhere';
  return { state: 'gone', record: found.record, process };
}

async function readLock(directory: string): Promise<Exclude<LockSeen, { state: 'unreadable' }>> {
  const lock = await lockSeen(directory);
  if (lock.state === 'unreadable') throw await denied(directory, lock.error);
  return lock;
}

async function assertReadable(directory: string): Promise<void> {
  // Before its permissions: nobody may enter a file, root neither.
  const stats = await stat(directory).catch((thrown: NodeJS.ErrnoException) => thrown);
  if (stats instanceof Error ? stats.code === 'ENOTDIR' : !stats.isDirectory()) {
    const what = stats instanceof Error ? 'a file stands in its path' : 'it is a file';
    const message = `the data directory ${directory} is no folder: ${what}; name another one with --data`;
    throw new GreenroomError('data_directory_unusable', message, { details: { directory } });
  }
  try {
    await access(directory, constants.R_OK | constants.X_OK);
  } catch (cause) {
    if (!['EACCES', 'EPERM'].includes((cause as NodeJS.ErrnoException).code ?? '')) return;
    throw await denied(directory, cause);
  }
}

async function denied(directory: string, cause: unknown): Promise<GreenroomError> {
  const uid = await stat(directory).then(
    (folder) => folder.uid,
    () => undefined,
  );
  const whose = uid === undefined ? 'it is another user’s' : `it is that of the user with the number ${uid}`;
  const message = `the data directory ${directory} cannot be read: permission denied; ${whose}: ask as that user`;
  return new GreenroomError('permission_denied', message, { details: { directory, uid }, cause });
}
