// The SQL of what is found again, prepared once; see archive.ts. Runs in the store's thread.
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type {
  ArchiveQuery,
  ItemMatch,
  ItemsPage,
  SessionFound,
  SessionSearch,
  SessionWhole,
} from './archive.ts';
import { excerptOf } from './excerpt.ts';
import { exported } from './export/exported.ts';
import { type Hit, NewestSessions } from './newest-sessions.ts';
import { itemColumns, sessionColumns, taskColumns } from './statements.ts';
import { type ItemRow, inConversationOrder, type RecordingRow, type TaskRow } from './store.ts';

const found = `${sessionColumns}, seq,
  (SELECT count(*) FROM recordings WHERE recordings.session_id = sessions.id) AS recordings`;

const wanted = `($state IS NULL OR ($state = 'open') = (state = 'open'))
  AND ($pipeline IS NULL OR pipeline = $pipeline)
  AND ($sinceMs IS NULL OR opened_at >= $sinceMs) AND ($untilMs IS NULL OR opened_at < $untilMs)
  AND ($before IS NULL OR sessions.seq < $before)`;

const sql = {
  all: `SELECT ${found} FROM sessions WHERE ${wanted} ORDER BY seq DESC LIMIT $limit`,
  some: `SELECT ${found} FROM sessions WHERE id IN (SELECT value FROM json_each($sessions)) ORDER BY seq DESC`,
  hits: `SELECT items.seq AS itemSeq, items.created_at AS createdAtMs, sessions.id, sessions.seq, opened_at AS openedAtMs
    FROM items_words JOIN items ON items.seq = items_words.rowid JOIN sessions ON sessions.id = items.session_id
    WHERE items_words MATCH $match AND items.deleted_at IS NULL
      AND ${wanted}
    ORDER BY items_words.rowid DESC`,
  found: 'SELECT id AS item, role, created_at AS atMs, text FROM items WHERE seq = $seq',
  session: `SELECT ${found} FROM sessions WHERE id = $sessionId`,
  items: `SELECT ${itemColumns} FROM items WHERE session_id = $sessionId ORDER BY seq`,
  tasks: `SELECT ${taskColumns} FROM tasks WHERE session_id = $sessionId ORDER BY seq`,
  recordings: `SELECT id, session_id AS sessionId, take, pipeline, state, reason, started_at AS startedAtMs,
      ended_at AS endedAtMs, bytes, duration_ms AS durationMs, container, shelf
    FROM recordings WHERE session_id = $sessionId ORDER BY take`,
  runs: `SELECT id, run, engine, kind, model_key AS modelKey, spawned_at AS spawnedAtMs, ready_at AS readyAtMs,
      ended_at AS endedAtMs, load_ms AS loadMs, outcome
    FROM engine_runs WHERE engine = $engine ORDER BY seq DESC LIMIT $limit`,
} as const;

export class ArchiveReading {
  readonly #statements: Readonly<Record<keyof typeof sql, StatementSync>>;

  constructor(database: DatabaseSync) {
    this.#statements = Object.fromEntries(
      Object.entries(sql).map(([name, text]) => [name, database.prepare(text)]),
    ) as Record<keyof typeof sql, StatementSync>;
  }

  read(query: ArchiveQuery): readonly unknown[] {
    switch (query.of) {
      case 'search':
        return this.#search(query.search);
      case 'whole': {
        const whole = this.#whole(query.sessionId);
        return whole ? [whole] : [];
      }
      case 'page':
        return [this.#page(query.sessionId, query.from, query.limit)];
      case 'export': {
        const { sessionId, format, take } = query;
        const whole = this.#whole(sessionId);
        return whole ? exported({ ...whole, items: this.#items(sessionId) }, format, take) : [];
      }
      case 'runs':
        return this.#statements.runs.all({ engine: query.engine, limit: query.limit });
    }
  }

  #search({ words, ...search }: SessionSearch): readonly SessionFound[] {
    const { state, pipeline, sinceMs, untilMs, before, limit } = search;
    const given = {
      ...{ state: state ?? null, pipeline: pipeline ?? null, before: before ?? null, limit },
      ...{ sinceMs: sinceMs ?? null, untilMs: untilMs ?? null },
    };
    if (!words) return this.#statements.all.all(given).map((row) => shown(row, []));
    if (words.length === 0) return [];
    const { limit: _, ...filter } = given;
    const matches = this.#matches(matching(words), filter, limit);
    const sessions = JSON.stringify([...matches.keys()]);
    return this.#statements.some.all({ sessions }).map((row) => {
      const seqs = matches.get(String(row['id'])) ?? [];
      return shown(
        row,
        seqs.map((seq) => this.#match(seq, words)),
      );
    });
  }

  /**
   * Of the newest sessions, by id, items that the words have found. From the newest item on: what is older than the
   * opening of all those sessions can be in none that is newer. So a word that everybody says takes no longer.
   */
  #matches(
    match: string,
    filter: Readonly<Record<string, SQLInputValue>>,
    limit: number,
  ): ReadonlyMap<string, readonly number[]> {
    const newest = new NewestSessions(limit);
    for (const row of this.#statements.hits.iterate({ match, ...filter })) {
      const hit = row as unknown as Hit;
      if (newest.isFullSince(hit.createdAtMs)) break;
      newest.add(hit);
    }
    return newest.items;
  }

  #match(seq: number, words: readonly string[]): ItemMatch {
    const { text, ...match } = this.#statements.found.get({ seq }) as unknown as Omit<
      ItemMatch,
      'excerpt'
    > & {
      readonly text: string;
    };
    return { ...match, excerpt: excerptOf(text, words) };
  }

  #whole(sessionId: string): SessionWhole | undefined {
    const row = this.#statements.session.get({ sessionId });
    if (!row) return undefined;
    return {
      session: shown(row, []),
      recordings: this.#statements.recordings.all({ sessionId }) as unknown as RecordingRow[],
      tasks: this.#statements.tasks.all({ sessionId }) as unknown as TaskRow[],
    };
  }

  #page(sessionId: string, from: number, limit: number): ItemsPage {
    const all = this.#items(sessionId);
    const items = all.slice(from, from + limit);
    return { items, next: from + items.length < all.length ? from + items.length : null };
  }

  #items(sessionId: string): readonly ItemRow[] {
    return inConversationOrder(this.#statements.items.all({ sessionId }) as unknown as ItemRow[]);
  }
}

const shown = (row: Readonly<Record<string, unknown>>, matches: readonly ItemMatch[]): SessionFound =>
  ({ ...row, matches }) as unknown as SessionFound;

/** Words alone, each as the beginning of one: nothing of what somebody wrote is taken for more than that. */
const matching = (words: readonly string[]): string => words.map((word) => `"${word}"*`).join(' ');
