// What is too old goes, and the oldest of what is too much: sessions that have ended, with what was said in them, and
// engines' runs. A little at a time, each in a transaction of its own, so that whoever writes never waits for long.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { inTransaction } from './database-file.ts';

export interface Retention {
  /** A session is kept for so long after its end. */
  readonly keepMs: number;
  /** Of what is in the database; beyond it the oldest sessions go before their time. */
  readonly bytesMax: number;
}

export interface Pruned {
  readonly state: 'more' | 'done';
  /** Sessions that went before their time, for want of room. */
  readonly early: number;
}

/** Rows that one step removes or looks at: an item costs a millisecond, since its words go from the index as well. */
const rowsMax = 50;
/** Pages that one step gives back to the disk, and what share of the database may be empty. */
const pagesMax = 500;
const emptyShareMax = 1 / 4;

const sql = {
  oldest: `SELECT id, closed_at AS closedAtMs FROM sessions WHERE closed_at IS NOT NULL
    ORDER BY closed_at, seq LIMIT 1`,
  items: `DELETE FROM items WHERE seq IN (SELECT seq FROM items WHERE session_id = $id LIMIT $limit)`,
  turns: `DELETE FROM turns WHERE seq IN (SELECT seq FROM turns WHERE session_id = $id LIMIT $limit)`,
  tasks: 'DELETE FROM tasks WHERE session_id = $id',
  session: 'DELETE FROM sessions WHERE id = $id',
  strayTasks: `DELETE FROM tasks WHERE seq IN
    (SELECT seq FROM tasks WHERE ended_at < $beforeMs AND session_id NOT IN (SELECT id FROM sessions)
     ORDER BY ended_at LIMIT $limit)`,
  strayTurns: `DELETE FROM turns WHERE seq IN
    (SELECT seq FROM turns WHERE began_at < $beforeMs AND session_id NOT IN (SELECT id FROM sessions)
     ORDER BY began_at LIMIT $limit)`,
  runs: `DELETE FROM engine_runs WHERE seq IN
    (SELECT seq FROM engine_runs WHERE ended_at < $beforeMs ORDER BY ended_at LIMIT $limit)`,
  // Of a session whose own row was lost, on a full disk.
  strays: `SELECT seq, updated_at AS updatedAtMs,
      NOT EXISTS (SELECT 1 FROM sessions WHERE sessions.id = items.session_id) AS stray
    FROM items WHERE seq > $seq ORDER BY seq LIMIT $limit`,
  stray: 'DELETE FROM items WHERE seq = $seq',
  room: `SELECT page_count AS pages, freelist_count AS empty, page_size AS bytes
    FROM pragma_page_count, pragma_freelist_count, pragma_page_size`,
} as const;

export class Pruning {
  readonly #database: DatabaseSync;
  readonly #retention: Retention;
  readonly #statements: Readonly<Record<keyof typeof sql, StatementSync>>;
  /** Items up to here have been looked at. */
  #seq = 0;

  constructor(database: DatabaseSync, retention: Retention) {
    this.#database = database;
    this.#retention = retention;
    this.#statements = Object.fromEntries(
      Object.entries(sql).map(([name, text]) => [name, database.prepare(text)]),
    ) as Record<keyof typeof sql, StatementSync>;
  }

  /** A little of it; to be called again while there is more. Throws SQLite's errors: then nothing has gone. */
  step(nowMs: number): Pruned {
    const beforeMs = nowMs - this.#retention.keepMs;
    const removed = inTransaction(this.#database, () => this.#remove(beforeMs));
    const done = removed.rows < rowsMax;
    if (done) this.#seq = 0;
    return { state: this.#gaveBack() || !done ? 'more' : 'done', early: removed.early };
  }

  #remove(beforeMs: number): { readonly rows: number; readonly early: number } {
    let left = rowsMax;
    let early = 0;
    for (let oldest = this.#oldest(beforeMs); oldest && left > 0; oldest = this.#oldest(beforeMs)) {
      const { id, closedAtMs } = oldest;
      const items = Number(this.#statements.items.run({ id, limit: left }).changes);
      left -= items;
      if (left > 0) left -= Number(this.#statements.turns.run({ id, limit: left }).changes);
      // Of a long one the rest goes with the next step.
      if (left === 0) break;
      // A handful, bounded by what its pipeline declares.
      this.#statements.tasks.run({ id });
      this.#statements.session.run({ id });
      left -= 1;
      if (closedAtMs >= beforeMs) early += 1;
    }
    if (left > 0) left -= Number(this.#statements.runs.run({ beforeMs, limit: left }).changes);
    if (left > 0) left -= Number(this.#statements.strayTasks.run({ beforeMs, limit: left }).changes);
    if (left > 0) left -= Number(this.#statements.strayTurns.run({ beforeMs, limit: left }).changes);
    if (left > 0) left -= this.#removeStrays(beforeMs, left);
    return { rows: rowsMax - left, early };
  }

  /** That has to go. */
  #oldest(beforeMs: number): { readonly id: string; readonly closedAtMs: number } | undefined {
    const row = this.#statements.oldest.get();
    if (!row) return undefined;
    const oldest = { id: String(row['id']), closedAtMs: Number(row['closedAtMs']) };
    if (oldest.closedAtMs < beforeMs) return oldest;
    const { pages, empty, bytes } = this.#room();
    return (pages - empty) * bytes > this.#retention.bytesMax ? oldest : undefined;
  }

  /** Items come in the order of time: those that are too old are at the beginning. @returns how many it has looked at */
  #removeStrays(beforeMs: number, limit: number): number {
    const rows = this.#statements.strays.all({ seq: this.#seq, limit });
    const young = rows.findIndex(({ updatedAtMs }) => Number(updatedAtMs) >= beforeMs);
    const looked = young === -1 ? rows : rows.slice(0, young);
    for (const { seq, stray } of looked) if (stray) this.#statements.stray.run({ seq: seq ?? null });
    this.#seq = Number(looked.at(-1)?.['seq'] ?? this.#seq);
    return looked.length;
  }

  /** To the disk, when much is empty. A database of before this was thought of keeps its room, and uses it again. */
  #gaveBack(): boolean {
    const { pages, empty } = this.#room();
    if (empty <= pages * emptyShareMax) return false;
    this.#database.exec(`PRAGMA incremental_vacuum(${pagesMax})`);
    return this.#room().empty < empty;
  }

  #room(): { readonly pages: number; readonly empty: number; readonly bytes: number } {
    return this.#statements.room.get() as { pages: number; empty: number; bytes: number };
  }
}
