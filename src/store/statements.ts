// The SQL of writing and reading, prepared once. Columns are named as the rows' fields are.
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { PlainQuery } from './protocol.ts';
import {
  type ItemRow,
  inConversationOrder,
  itemsListedMax,
  type SessionQuery,
  sessionsListed,
  turnsListedMax,
  type Write,
} from './store.ts';

const writing = {
  session: `
    INSERT INTO sessions (id, run, pipeline, generation, remote, state, opened_at, closed_at, reason, close_code, items, answers)
    VALUES ($id, $run, $pipeline, $generation, $remote, $state, $openedAtMs, $closedAtMs, $reason, $closeCode, $items, $answers)
    ON CONFLICT (id) DO UPDATE SET state = excluded.state, closed_at = excluded.closed_at, reason = excluded.reason,
      close_code = excluded.close_code, items = excluded.items, answers = excluded.answers`,
  item: `
    INSERT INTO items (session_id, id, previous_id, type, role, status, name, call_id, text, created_at, updated_at)
    VALUES ($sessionId, $id, $previousId, $type, $role, $status, $name, $callId, $text, $createdAtMs, $updatedAtMs)
    ON CONFLICT (session_id, id) WHERE deleted_at IS NULL DO UPDATE SET status = excluded.status,
      text = excluded.text, updated_at = excluded.updated_at`,
  item_truncated: `
    UPDATE items SET text = $text, heard_ms = $heardMs, updated_at = $updatedAtMs
    WHERE session_id = $sessionId AND id = $id AND deleted_at IS NULL`,
  item_source: `
    UPDATE items SET source = $source, filler = $filler
    WHERE session_id = $sessionId AND id = $id AND deleted_at IS NULL`,
  item_deleted: `
    UPDATE items SET deleted_at = $deletedAtMs
    WHERE session_id = $sessionId AND id = $id AND deleted_at IS NULL`,
  engine_run: `
    INSERT INTO engine_runs (id, run, engine, kind, model_key, spawned_at, ready_at, ended_at, load_ms, outcome)
    VALUES ($id, $run, $engine, $kind, $modelKey, $spawnedAtMs, $readyAtMs, $endedAtMs, $loadMs, $outcome)
    ON CONFLICT (id) DO UPDATE SET ready_at = excluded.ready_at, ended_at = excluded.ended_at,
      load_ms = excluded.load_ms, outcome = excluded.outcome`,
  task: `
    INSERT INTO tasks (id, run, session_id, name, trigger, state, started_at, ended_at, result, raw, code, message)
    VALUES ($id, $run, $sessionId, $name, $trigger, $state, $startedAtMs, $endedAtMs, $result, $raw, $code, $message)
    ON CONFLICT (id) DO UPDATE SET state = excluded.state, ended_at = excluded.ended_at, result = excluded.result,
      raw = excluded.raw, code = excluded.code, message = excluded.message`,
  recording: `
    INSERT INTO recordings
      (id, session_id, take, pipeline, state, reason, started_at, ended_at, bytes, duration_ms, container, shelf)
    VALUES ($id, $sessionId, $take, $pipeline, $state, $reason, $startedAtMs, $endedAtMs, $bytes, $durationMs,
      $container, $shelf)
    ON CONFLICT (id) DO UPDATE SET state = excluded.state, reason = excluded.reason, started_at = excluded.started_at,
      ended_at = excluded.ended_at, bytes = excluded.bytes, duration_ms = excluded.duration_ms,
      container = excluded.container, shelf = excluded.shelf`,
  recording_removed: 'DELETE FROM recordings WHERE id = $id',
  recordings_seen: 'DELETE FROM recordings WHERE shelf <> $shelf',
  turn: `
    INSERT INTO turns (session_id, id, item_id, state, began_at, silence_ms, hear_ms, think_ms, sentence_ms, speak_ms,
      first_audio_ms, answer_ms)
    VALUES ($sessionId, $id, $itemId, $state, $beganAtMs, $silenceMs, $hearMs, $thinkMs, $sentenceMs, $speakMs,
      $firstAudioMs, $answerMs)`,
} as const satisfies Record<Write['type'], string>;

/** What earlier runs left open: their process was gone before it could say how it ended. */
const markingUnclean: readonly string[] = [
  `UPDATE items SET status = 'incomplete' WHERE status = 'in_progress' AND session_id IN
     (SELECT id FROM sessions WHERE state = 'open' AND run <> $run)`,
  `UPDATE sessions SET state = 'unclean', closed_at = $nowMs,
     items = (SELECT count(*) FROM items WHERE session_id = sessions.id)
   WHERE state = 'open' AND run <> $run`,
  `UPDATE engine_runs SET outcome = 'unclean', ended_at = $nowMs WHERE ended_at IS NULL AND run <> $run`,
  `UPDATE tasks SET state = 'unclean', ended_at = $nowMs WHERE ended_at IS NULL AND run <> $run`,
];

export const sessionColumns = `id, run, pipeline, generation, remote, state, opened_at AS openedAtMs, closed_at AS closedAtMs, reason,
  close_code AS closeCode, items, answers`;

export const itemColumns = `session_id AS sessionId, id, previous_id AS previousId, type, role, status, name,
  call_id AS callId, text, heard_ms AS heardMs, source, filler, created_at AS createdAtMs, updated_at AS updatedAtMs,
  deleted_at AS deletedAtMs`;

export const taskColumns = `id, run, session_id AS sessionId, name, trigger, state, started_at AS startedAtMs,
  ended_at AS endedAtMs, result, raw, code, message`;

const turnColumns = `session_id AS sessionId, id, item_id AS itemId, state, began_at AS beganAtMs,
  silence_ms AS silenceMs, hear_ms AS hearMs, think_ms AS thinkMs, sentence_ms AS sentenceMs, speak_ms AS speakMs,
  first_audio_ms AS firstAudioMs, answer_ms AS answerMs`;

const reading = {
  sessions: `SELECT ${sessionColumns} FROM sessions
    WHERE ($state IS NULL OR state = $state OR ($state = 'past' AND state <> 'open'))
      AND ($before IS NULL OR seq < (SELECT seq FROM sessions WHERE id = $before))
    ORDER BY seq DESC LIMIT $limit`,
  items: `SELECT ${itemColumns} FROM items WHERE session_id = $sessionId ORDER BY seq LIMIT ${itemsListedMax}`,
  tasks: `SELECT ${taskColumns} FROM tasks WHERE session_id = $sessionId ORDER BY seq`,
  turns: `SELECT ${turnColumns} FROM
    (SELECT * FROM turns WHERE session_id = $sessionId ORDER BY seq DESC LIMIT ${turnsListedMax}) ORDER BY seq`,
  loads: `SELECT load_ms AS loadMs FROM engine_runs WHERE model_key = $modelKey AND load_ms IS NOT NULL
    ORDER BY ready_at DESC, seq DESC LIMIT $count`,
} as const satisfies Record<PlainQuery['of'], string>;

export class Statements {
  readonly #run: string;
  readonly #writing: Readonly<Record<Write['type'], StatementSync>>;
  readonly #reading: Readonly<Record<PlainQuery['of'], StatementSync>>;
  readonly #marking: readonly StatementSync[];

  constructor(database: DatabaseSync, run: string) {
    const prepareAll = <Name extends string>(sources: Readonly<Record<Name, string>>) =>
      Object.fromEntries(
        Object.entries<string>(sources).map(([name, sql]) => [name, database.prepare(sql)]),
      ) as Record<Name, StatementSync>;
    this.#run = run;
    this.#writing = prepareAll(writing);
    this.#reading = prepareAll(reading);
    this.#marking = markingUnclean.map((sql) => database.prepare(sql));
    for (const statement of this.#marking) statement.setAllowUnknownNamedParameters(true);
  }

  write({ type, row }: Write): void {
    const runs = type === 'session' || type === 'engine_run' || type === 'task';
    this.#writing[type].run(runs ? { ...row, run: this.#run } : { ...row });
  }

  markUnclean(nowMs: number): void {
    for (const statement of this.#marking) statement.run({ run: this.#run, nowMs });
  }

  read(query: PlainQuery): readonly unknown[] {
    const { of } = query;
    const all = (values: Record<string, SQLInputValue>) => this.#reading[of].all(values);
    switch (of) {
      case 'sessions':
        return all(listed(query));
      case 'items':
        return inConversationOrder(all({ sessionId: query.sessionId }) as unknown as ItemRow[]);
      case 'tasks':
      case 'turns':
        return all({ sessionId: query.sessionId });
      case 'loads':
        return all({ modelKey: query.modelKey, count: query.count }).map((row) => row['loadMs']);
    }
  }
}

function listed({ state = undefined, limit = sessionsListed.default, before }: SessionQuery) {
  return { state: state ?? null, before: before ?? null, limit: Math.min(limit, sessionsListed.max) };
}
