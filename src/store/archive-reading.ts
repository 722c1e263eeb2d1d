// The SQL of what is found again, prepared once; see archive.ts. Runs in the store's thread.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type {
  ArchiveQuery,
  ItemMatch,
  ItemsPage,
  SessionFound,
  SessionSearch,
  SessionWhole,
} from './archive.ts';
import { exported } from './export/exported.ts';
import { itemColumns, sessionColumns, taskColumns } from './statements.ts';
import { type ItemRow, inConversationOrder, type RecordingRow, type TaskRow } from './store.ts';

/** Of one session. */
const matchesMax = 3;
/** Of an excerpt. */
const excerptWords = 16;
const excerptChars = 240;

const found = `${sessionColumns}, seq,
  (SELECT count(*) FROM recordings WHERE recordings.session_id = sessions.id) AS recordings`;

const wanted = `($state IS NULL OR ($state = 'open') = (state = 'open'))
  AND ($pipeline IS NULL OR pipeline = $pipeline)
  AND ($sinceMs IS NULL OR opened_at >= $sinceMs) AND ($untilMs IS NULL OR opened_at < $untilMs)
  AND ($before IS NULL OR seq < $before)`;

const hits = `items_words JOIN items ON items.seq = items_words.rowid
  WHERE items_words MATCH $match AND items.deleted_at IS NULL`;

const sql = {
  all: `SELECT ${found} FROM sessions WHERE ${wanted} ORDER BY seq DESC LIMIT $limit`,
  matching: `SELECT ${found} FROM sessions WHERE ${wanted} AND id IN (SELECT session_id FROM ${hits})
    ORDER BY seq DESC LIMIT $limit`,
  hits: `SELECT items.seq, items.session_id AS sessionId FROM ${hits}
    AND items.session_id IN (SELECT value FROM json_each($sessions)) ORDER BY items_words.rowid`,
  excerpt: `SELECT items.id AS item, items.role, items.created_at AS atMs,
      snippet(items_words, 0, '', '', '…', ${excerptWords}) AS excerpt
    FROM ${hits} AND items_words.rowid = $seq`,
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
    const match = matching(words);
    const rows = this.#statements.matching.all({ ...given, match });
    const matches = this.#matches(
      match,
      rows.map(({ id }) => String(id)),
    );
    return rows.map((row) => shown(row, matches.get(String(row['id'])) ?? []));
  }

  /** By session. One walk through all that the words have found, whoever's it is. */
  #matches(match: string, sessions: readonly string[]): ReadonlyMap<string, readonly ItemMatch[]> {
    const first = new Map<string, number[]>();
    for (const row of this.#statements.hits.iterate({ match, sessions: JSON.stringify(sessions) })) {
      const sessionId = String(row['sessionId']);
      const seqs = first.get(sessionId) ?? [];
      if (seqs.length < matchesMax) first.set(sessionId, [...seqs, Number(row['seq'])]);
    }
    const excerpt = (seq: number) =>
      shortened(this.#statements.excerpt.get({ match, seq }) as unknown as ItemMatch);
    return new Map([...first].map(([sessionId, seqs]) => [sessionId, seqs.map(excerpt)]));
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

/** What has no spaces is one word, however long. */
function shortened(found: ItemMatch): ItemMatch {
  const { excerpt } = found;
  return excerpt.length > excerptChars ? { ...found, excerpt: `${excerpt.slice(0, excerptChars)}…` } : found;
}

/** Words alone, each as the beginning of one: nothing of what somebody wrote is taken for more than that. */
const matching = (words: readonly string[]): string => words.map((word) => `"${word}"*`).join(' ');
