// What goes on while its database is no longer there: the sessions of this gateway that are open, what was said in them,
// how long their answers took, their background work, and its engines' runs. Read from the old database, which is open still, and written into the new one.
import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import { itemsListedMax } from './store.ts';

type Row = Readonly<Record<string, SQLOutputValue>>;

export interface Carried {
  readonly sessions: readonly Row[];
  readonly items: readonly Row[];
  readonly engine_runs: readonly Row[];
  readonly tasks: readonly Row[];
  readonly recordings: readonly Row[];
  readonly turns: readonly Row[];
}

const going = {
  sessions: `SELECT * FROM sessions WHERE run = $run AND state = 'open' ORDER BY seq`,
  // The newest, in the order in which they came.
  items: `SELECT * FROM (SELECT * FROM items WHERE session_id IN
    (SELECT id FROM sessions WHERE run = $run AND state = 'open') ORDER BY seq DESC LIMIT ${itemsListedMax}) ORDER BY seq`,
  engine_runs: 'SELECT * FROM engine_runs WHERE run = $run AND ended_at IS NULL ORDER BY seq',
  tasks: `SELECT * FROM tasks WHERE run = $run AND (ended_at IS NULL OR session_id IN
    (SELECT id FROM sessions WHERE run = $run AND state = 'open')) ORDER BY seq`,
  // They are in files of their own, which are there still, whatever has become of the database.
  recordings: 'SELECT * FROM recordings WHERE $run IS NOT NULL ORDER BY seq',
  turns: `SELECT * FROM turns WHERE session_id IN
    (SELECT id FROM sessions WHERE run = $run AND state = 'open') ORDER BY seq`,
} as const satisfies Record<keyof Carried, string>;

const tables = Object.keys(going) as readonly (keyof Carried)[];

export function readGoing(database: DatabaseSync, run: string): Carried {
  const read = (table: keyof Carried) => database.prepare(going[table]).all({ run }) as readonly Row[];
  return {
    sessions: read('sessions'),
    items: read('items'),
    engine_runs: read('engine_runs'),
    tasks: read('tasks'),
    recordings: read('recordings'),
    turns: read('turns'),
  };
}

/** Within a transaction. What is there already stays as it is. */
export function writeGoing(database: DatabaseSync, carried: Carried): void {
  for (const table of tables)
    for (const { seq: _, ...row } of carried[table]) {
      const columns = Object.keys(row);
      const values = columns.map((column) => `$${column}`);
      database
        .prepare(`INSERT OR IGNORE INTO ${table} (${columns.join(', ')}) VALUES (${values.join(', ')})`)
        .run(row);
    }
}
