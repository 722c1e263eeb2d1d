// A session that is removed on purpose, with everything that was kept of it: its texts are overwritten in the database
// (`secure_delete`, also of the index of words), and the WAL, which had them still, is emptied. Runs in the store's thread.
import type { DatabaseSync } from 'node:sqlite';
import type { Removed } from './archive.ts';
import { busyMs, inTransaction } from './database-file.ts';

const tables = {
  items: 'DELETE FROM items WHERE session_id = $id',
  tasks: 'DELETE FROM tasks WHERE session_id = $id',
  recordings: 'DELETE FROM recordings WHERE session_id = $id',
  sessions: 'DELETE FROM sessions WHERE id = $id',
} as const satisfies Record<keyof Removed, string>;

/** Throws what the disk says: then everything is there still. */
export function removeSession(database: DatabaseSync, id: string): Removed {
  return inTransaction(database, () => {
    const removed = Object.entries(tables).map(([name, sql]) => [
      name,
      Number(database.prepare(sql).run({ id }).changes),
    ]);
    return Object.fromEntries(removed) as Record<keyof Removed, number>;
  });
}

/** `held`: another program reads from it; what was removed is in it still. Waits for nobody. */
export function emptyWal(database: DatabaseSync): 'as it is' | 'held' {
  database.exec('PRAGMA busy_timeout = 0');
  try {
    const row = database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get();
    return row?.['busy'] === 0 ? 'as it is' : 'held';
  } finally {
    database.exec(`PRAGMA busy_timeout = ${busyMs}`);
  }
}
