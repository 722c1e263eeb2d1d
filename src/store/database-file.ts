// The database file: found or made, of a version that we know, sound, in its newest form. Runs in the store's thread.
import { closeSync, existsSync, openSync, renameSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { GreenroomError, messageOf } from '../lifecycle/errors.ts';
import { latestVersion, migrations } from './migrations.ts';
import { sqliteCorrupt, sqliteTrouble } from './sqlite-codes.ts';

/** Another process may look at the database: then a write waits for it so long. */
const busyMs = 1000;

/** Files that belong to a database of SQLite's. */
const companions = ['', '-wal', '-shm'] as const;

/**
 * Opens the file, or makes it for its owner alone.
 *
 * @throws GreenroomError `store_unusable` when it is not for us; SQLite's own error when it is damaged or the disk is full
 */
export function openFile(path: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    // Made by us: SQLite gives its companions the mode of the database.
    closeSync(openSync(path, 'a', 0o600));
    database = new DatabaseSync(path, { timeout: busyMs });
    const version = versionOf(database);
    if (version > latestVersion) throw newer(path, version);
    return database;
  } catch (thrown) {
    database?.close();
    if (isRefusal(thrown)) throw unusable(path, thrown);
    throw thrown;
  }
}

/** After a clean end nothing is in the WAL. Where there is, its database was in use when its process was gone. */
export function wasInUse(path: string): boolean {
  const wal = statSync(`${path}-wal`, { throwIfNoEntry: false });
  return wal !== undefined && wal.size > 0;
}

/** @throws SQLite's own error when it is damaged */
export function checkSound(database: DatabaseSync): void {
  const [found] = database.prepare('PRAGMA quick_check(1)').all();
  const said = String(found?.['quick_check'] ?? 'nothing');
  if (said !== 'ok') throw Object.assign(new Error(said.replaceAll('\n', ' ')), { errcode: sqliteCorrupt });
}

/** Brings it into its newest form, each step in a transaction of its own. */
export function migrate(database: DatabaseSync): void {
  // What is said to be saved must outlast the machine, not only the process: with WAL that is FULL, one fsync for each
  // transaction. There are ten of them a second at most, and nobody waits for them.
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
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
  const stamp = new Date(atMs).toISOString().replace(/[:.]/g, '-');
  const aside = join(dirname(path), `${basename(path, '.db')}-damaged-${stamp}.db`);
  for (const end of companions) if (existsSync(path + end)) renameSync(path + end, aside + end);
  return aside;
}

function versionOf(database: DatabaseSync): number {
  return Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
}

function newer(path: string, version: number): GreenroomError {
  const message = `${path} is of version ${version}, written by a newer greenroom; this one knows ${latestVersion} at most: use the newer one, or another data directory with --data`;
  return new GreenroomError('store_unusable', message, { details: { path, version, known: latestVersion } });
}

const refusals: readonly unknown[] = ['EACCES', 'EPERM', 'EROFS', 'EISDIR', 'ENOTDIR', 'ENOENT'];

/** What will not change while we wait. */
function isRefusal(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && refusals.includes(thrown.code);
}

function unusable(path: string, thrown: unknown): GreenroomError {
  const message = `the database ${path} cannot be opened: ${messageOf(thrown)}`;
  return new GreenroomError('store_unusable', message, { details: { path }, cause: thrown });
}

/** Whether it is the file that is wrong, not the row or the disk. */
export const isDamaged = (thrown: unknown): boolean => sqliteTrouble(thrown) === 'damaged';
