// Who serves a data directory, by its run record, the identity of the process and the lock that the kernel keeps.
import { access, constants, stat } from 'node:fs/promises';
import type { ProcessIdentity } from '../engines/host/identity.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import { isLocked, lockHolder } from './directory-lock.ts';
import { type RunRecord, readRunRecord } from './run-record.ts';

export type Presence =
  | { readonly state: 'none' }
  | { readonly state: 'running'; readonly record: RunRecord }
  /** Somebody holds the directory without a record that tells who: it starts or leaves, or the record is spoilt. */
  | { readonly state: 'unrecorded'; readonly holder: ProcessIdentity | null; readonly problem: string | null }
  /** Left behind by a process that is no more. */
  | { readonly state: 'gone'; readonly record: RunRecord }
  /** There is something else in the record's place, and nobody holds the directory. */
  | { readonly state: 'corrupt'; readonly problem: string };

/** Throws `permission_denied`. */
export async function lookInto(directory: string): Promise<Presence> {
  await assertReadable(directory);
  const found = await readRunRecord(directory);
  if (!isLocked(directory)) {
    // Where a process has no start time its pid may be a later one's: the lock decides.
    const unsure = found.state === 'running' && found.record.startTime === null;
    return unsure ? { ...found, state: 'gone' } : found;
  }
  const holder = await lockHolder(directory);
  const isOther = ({ record }: { readonly record: RunRecord }) =>
    holder !== null && holder.pid !== record.pid;
  // A record may name whom it likes; the kernel knows who has the lock. Nobody else is signalled.
  if (found.state === 'running' && isOther(found))
    return { state: 'unrecorded', holder, problem: `the record names pid ${found.record.pid}` };
  if (found.state === 'running') return found;
  const again = await readRunRecord(directory);
  if (again.state === 'running' && !isOther(again)) return again;
  return { state: 'unrecorded', holder, problem: again.state === 'corrupt' ? again.problem : null };
}

async function assertReadable(directory: string): Promise<void> {
  try {
    await access(directory, constants.R_OK | constants.X_OK);
  } catch (cause) {
    if (!['EACCES', 'EPERM'].includes((cause as NodeJS.ErrnoException).code ?? '')) return;
    const uid = await stat(directory).then(
      (folder) => folder.uid,
      () => undefined,
    );
    const whose =
      uid === undefined ? 'it is another user’s' : `it is that of the user with the number ${uid}`;
    const message = `the data directory ${directory} cannot be read: permission denied; ${whose}: ask as that user`;
    throw new GreenroomError('permission_denied', message, { details: { directory, uid }, cause });
  }
}
