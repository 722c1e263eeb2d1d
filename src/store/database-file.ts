// The database file: found or made, ours and of a version that we know, sound, in its newest form. Runs in the store's
// thread.
import { closeSync, constants, existsSync, openSync, realpathSync, renameSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { GreenroomError, messageOf } from '../lifecycle/errors.ts';
import { latestVersion, migrations } from './migrations.ts';
import { OpenFiles } from './open-files.ts';
import { numberOf, whoseIs } from './ours.ts';
import { oddFileOf } from './plain-file.ts';
import { sqliteCorrupt, sqliteTrouble } from './sqlite-codes.ts';

/** Another process may look at the database: then a write waits for it so long. */
export const busyMs = 1000;

/** Files that belong to a database of SQLite's in WAL mode. */
const companions = ['', '-wal', '-shm'] as const;

export interface OpenedFile {
  readonly connection: DatabaseSync;
  readonly files: OpenFiles;
  /** Something is in its WAL: its process was gone while it was in use. */
  readonly inUse: boolean;
}

/**
 * Opens the file, or makes it for its owner alone.
 *
 * @throws GreenroomError `store_unusable` when it is not for us; SQLite's own error when it is damaged or the disk is full
 */
export function openFile(path: string): OpenedFile {
  let connection: DatabaseSync | undefined;
  try {
    refuseOdd(path);
    // Made by us: SQLite gives its companions the mode of the database.
    closeSync(openSync(path, appending, 0o600));
    // Its companions are beside the file itself, wherever a symbolic link to it is.
    const real = realpathSync(path);
    refuseOdd(real);
    const inUse = (statSync(`${real}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0;
    const files = new OpenFiles(path, real);
    connection = new DatabaseSync(real, { timeout: busyMs });
    const whose = whoseIs(connection, latestVersion);
    if (whose !== 'ours') throw refused(path, connection, whose);
    return { connection, files, inUse };
  } catch (thrown) {
    connection?.close();
    if (isRefusal(thrown)) throw unusable(path, messageOf(thrown), thrown);
    throw thrown;
  }
}

/** @throws SQLite's own error when it is damaged */
export function checkSound(database: DatabaseSync): void {
  const [found] = database.prepare('PRAGMA quick_check(1)').all();
  const said = String(found?.['quick_check'] ?? 'nothing');
  if (said !== 'ok') throw Object.assign(new Error(said.replaceAll('\n', ' ')), { errcode: sqliteCorrupt });
}

export const isNewest = (database: DatabaseSync): boolean => versionOf(database) === latestVersion;

/** Brings it into its newest form, each step in a transaction of its own. */
export function migrate(database: DatabaseSync): void {
  // Only a new one takes this: what is removed gives its room back, a little at a time.
  if (versionOf(database) === 0) database.exec('PRAGMA auto_vacuum = INCREMENTAL');
  // What is said to be saved must outlast the machine, not only the process: with WAL that is FULL, one fsync for each
  // transaction. There are ten of them a second at most, and nobody waits for them. What was said and is removed is
  // overwritten, not only forgotten.
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON');
  for (let version = versionOf(database); version < latestVersion; version += 1)
    inTransaction(database, () => {
      database.exec(migrations[version] ?? '');
      database.exec(`PRAGMA user_version = ${version + 1}`);
    });
}

/** All of it or nothing. */
export function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (thrown) {
    // A full disk has ended it already.
    if (database.isTransaction) database.exec('ROLLBACK');
    throw thrown;
  }
}

/** Gives it, with its companions, a name with the time. @returns the new path */
export function setAside(path: string, atMs: number): string {
  const real = existsSync(path) ? realpathSync(path) : path;
  const stamp = new Date(atMs).toISOString().replace(/[:.]/g, '-');
  const aside = join(dirname(real), `${basename(real, '.db')}-damaged-${stamp}.db`);
  for (const end of companions) if (existsSync(real + end)) renameSync(real + end, aside + end);
  return aside;
}

/** Whether it is the file that is wrong, not the row or the disk. */
export const isDamaged = (thrown: unknown): boolean => sqliteTrouble(thrown) === 'damaged';

/** What to do about a database that is not for us. */
export function unusable(path: string, why: string, cause?: unknown): GreenroomError {
  const message = `the database ${path} cannot be used: ${why}; move it away, or use another data directory with --data`;
  return new GreenroomError('store_unusable', message, { details: { path }, cause });
}

const versionOf = (database: DatabaseSync): number => numberOf(database, 'user_version');

/** A pipe that comes between the look and the opening is refused too, in place of waiting for its reader. */
const appending = constants.O_APPEND | constants.O_CREAT | constants.O_WRONLY | constants.O_NONBLOCK;

function refuseOdd(path: string): void {
  const odd = oddFileOf(path);
  if (odd !== undefined) throw unusable(path, odd);
}

/** What to do about one that is somebody else's. */
export function refused(path: string, database: DatabaseSync, whose: 'newer' | 'foreign'): GreenroomError {
  if (whose === 'foreign')
    return unusable(path, 'it is another program’s, with tables that are not greenroom’s');
  const version = versionOf(database);
  const message = `${path} is of version ${version}, written by a newer greenroom; this one knows ${latestVersion} at most: use the newer one, or another data directory with --data`;
  return new GreenroomError('store_unusable', message, { details: { path, version, known: latestVersion } });
}

const refusals: readonly unknown[] = [
  ...['EACCES', 'EPERM', 'EROFS', 'EISDIR', 'ENOTDIR', 'ENOENT', 'ENXIO', 'ELOOP', 'ENAMETOOLONG'],
];

/** What will not change while we wait. */
function isRefusal(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && refusals.includes(thrown.code);
}
