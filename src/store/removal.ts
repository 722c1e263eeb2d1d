// A session that is removed on purpose, with everything that was kept of it: its texts are overwritten in the database
// (`secure_delete`, also of the index of words), and the WAL, which had them still, is emptied. Runs in the store's thread.
import type { DatabaseSync } from 'node:sqlite';
import type { Removed } from './archive.ts';
import { busyMs, inTransaction } from './database-file.ts';

/** Words that are overwritten in the index cost a millisecond or two an item: whoever writes meanwhile waits for so many. */
const itemsAtOnce = 20;

const someItems = `DELETE FROM items WHERE seq IN
  (SELECT seq FROM items WHERE session_id = $id ORDER BY seq LIMIT ${itemsAtOnce})`;

const tables = {
  turns: 'DELETE FROM turns WHERE session_id = $id',
  tasks: 'DELETE FROM tasks WHERE session_id = $id',
  recordings: 'DELETE FROM recordings WHERE session_id = $id',
  sessions: 'DELETE FROM sessions WHERE id = $id',
} as const;

export type RemovedSome = { readonly state: 'more' | 'done' } & Removed;

/** A little of it, the session's own row last. Throws what the disk says: then what is left is there still. */
export function removeSome(database: DatabaseSync, id: string): RemovedSome {
  return inTransaction(database, () => {
    const run = (sql: string) => Number(database.prepare(sql).run({ id }).changes);
    const items = run(someItems);
    if (items === itemsAtOnce) return { state: 'more', items, tasks: 0, recordings: 0, sessions: 0 };
    run(tables.turns);
    const [tasks, recordings, sessions] = [run(tables.tasks), run(tables.recordings), run(tables.sessions)];
    return { state: 'done', items, tasks, recordings, sessions };
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
