// The lock of a data directory: an exclusive SQLite transaction on `lock.db`, which the kernel frees when the process
// dies, however it dies. Whoever takes it closes it. Asking for it neither takes it nor holds up who does.
import { statSync } from 'node:fs';
import { access, constants, open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { lockName } from '../engines/host/data-names.ts';
import { deviceText } from '../engines/host/device.ts';
import { identityOf, type ProcessIdentity } from '../engines/host/identity.ts';
import { readProc } from '../engines/host/proc.ts';
import { oddFileOf } from '../store/plain-file.ts';
import { sqliteBusy, sqliteCodeOf, sqliteNotDatabase } from '../store/sqlite-codes.ts';

export type LockOutcome =
  | { readonly state: 'taken'; readonly lock: DatabaseSync }
  | { readonly state: 'held' }
  | { readonly state: 'failed'; readonly what: string; readonly error: unknown };

export async function takeLock(directory: string): Promise<LockOutcome> {
  const path = join(directory, lockName);
  try {
    await makeLockFile(path);
    const odd = oddFileOf(path);
    if (odd !== undefined) return { state: 'failed', what: odd, error: new Error(moveAway) };
  } catch (error) {
    return { state: 'failed', what: `${lockName} cannot be made`, error };
  }
  let lock: DatabaseSync | undefined;
  try {
    // Two that start at once may each see the other halfway: they look again for a moment.
    lock = new DatabaseSync(path, { timeout: 100 });
    // Nothing is ever written, so that no journal file is needed, and a full disk is no reason to fail.
    lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    return { state: 'taken', lock };
  } catch (error) {
    lock?.close();
    const code = sqliteCodeOf(error);
    if (code === sqliteBusy) return { state: 'held' };
    return {
      state: 'failed',
      what: code === sqliteNotDatabase ? damaged(path) : `${path} cannot be locked`,
      error,
    };
  }
}

/** Why nobody could take it, whoever asks; undefined when somebody could. Nobody may hold it. */
export function lockTrouble(directory: string): string | undefined {
  const path = join(directory, lockName);
  let lock: DatabaseSync | undefined;
  try {
    const odd = oddFileOf(path);
    if (odd !== undefined) return `${odd}; ${moveAway}`;
    if (!statSync(path, { throwIfNoEntry: false })) return undefined;
    lock = new DatabaseSync(path, { readOnly: true, timeout: 0 });
    lock.prepare('SELECT count(*) FROM sqlite_schema').get();
    return undefined;
  } catch (error) {
    return sqliteCodeOf(error) === sqliteNotDatabase ? damaged(path) : undefined;
  } finally {
    lock?.close();
  }
}

const damaged = (path: string): string => `${path} is damaged; remove it when no gateway uses this directory`;

export type LockSeen =
  | { readonly state: 'free' }
  /** Who holds it as the kernel knows it; null where it does not tell: off Linux, on some file systems. */
  | { readonly state: 'held'; readonly holder: ProcessIdentity | null }
  | { readonly state: 'unreadable'; readonly error: unknown };

/** Whether somebody holds it, and who. */
export async function lockSeen(directory: string): Promise<LockSeen> {
  const path = join(directory, lockName);
  try {
    await access(path, constants.R_OK);
  } catch (error) {
    // No file is no lock; of one that is not ours to read the kernel may tell still.
    if (!['EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return { state: 'free' };
    const holder = await lockHolder(path);
    return holder ? { state: 'held', holder } : { state: 'unreadable', error };
  }
  return isLocked(path) ? { state: 'held', holder: await lockHolder(path) } : { state: 'free' };
}

function isLocked(path: string): boolean {
  let lock: DatabaseSync | undefined;
  try {
    // A pipe or a device would hold us up.
    if (oddFileOf(path) !== undefined) return false;
    lock = new DatabaseSync(path, { readOnly: true, timeout: 0 });
    // Reads nothing, but has to be let in.
    lock.prepare('SELECT count(*) FROM sqlite_schema').get();
    return false;
  } catch (error) {
    // Anything else (no database) is no lock.
    return sqliteCodeOf(error) === sqliteBusy;
  } finally {
    lock?.close();
  }
}

async function lockHolder(path: string): Promise<ProcessIdentity | null> {
  const [locks, file] = await Promise.all([readProc('/proc/locks'), stat(path).catch(() => undefined)]);
  if (!locks || !file) return null;
  const pid = holderIn(locks, file);
  return pid === undefined ? null : identityOf(pid);
}

/** `1: POSIX  ADVISORY  WRITE 4242 fe:00:2253887 1073741824 1073742335`: pid, device and inode, first and last byte. */
function holderIn(locks: string, { dev, ino }: { readonly dev: number; readonly ino: number }) {
  const wanted = `${deviceText(dev)}:${ino}`;
  for (const line of locks.split('\n')) {
    const [, pid, place, first] = /POSIX +ADVISORY +WRITE (\d+) (\S+) (\d+)/.exec(line) ?? [];
    if (place === wanted && Number(first) === pendingByte && Number(pid) > 0) return Number(pid);
  }
  return undefined;
}

/** Made by us, not by SQLite: an error here says why (permission, disk full), SQLite's does not. */
async function makeLockFile(path: string): Promise<void> {
  try {
    // Never opened when it exists: closing any descriptor of the file would free this process's own lock on it.
    const handle = await open(path, 'wx', 0o600);
    await handle.close();
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
  }
}

const moveAway = 'move it away, or name another folder with --data';

/** Where SQLite's locks on a file begin. */
const pendingByte = 0x40000000;
