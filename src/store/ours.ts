// Whether a database is a greenroom's: by the id in its header and, of versions that had none yet, by its tables.
import type { DatabaseSync } from 'node:sqlite';
import { sqliteTrouble } from './sqlite-codes.ts';

/** `grnm`, which `file` and others show; from version 3 on. */
export const applicationId = 0x67726e6d;

/** A word for whose it is; `newer` than this greenroom knows. Throws SQLite's own error when it is damaged. */
export function whoseIs(database: DatabaseSync, latest: number): 'ours' | 'newer' | 'foreign' {
  const version = numberOf(database, 'user_version');
  const id = numberOf(database, 'application_id');
  if (id === applicationId) return version > latest ? 'newer' : 'ours';
  if (id !== 0 || version > 2) return 'foreign';
  if (version === 0) return isEmpty(database) ? 'ours' : 'foreign';
  return hasTables(database) ? 'ours' : 'foreign';
}

export function numberOf(database: DatabaseSync, pragma: string): number {
  return Number(database.prepare(`PRAGMA ${pragma}`).get()?.[pragma]);
}

function isEmpty(database: DatabaseSync): boolean {
  return database.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined;
}

/** Those of version 1, by columns that nobody else's would have. */
function hasTables(database: DatabaseSync): boolean {
  try {
    database.prepare('SELECT id, run, pipeline, remote, state, close_code, answers FROM sessions LIMIT 0');
    database.prepare('SELECT session_id, id, previous_id, heard_ms, deleted_at FROM items LIMIT 0');
    return true;
  } catch (thrown) {
    if (sqliteTrouble(thrown) !== 'row') throw thrown;
    return false;
  }
}
