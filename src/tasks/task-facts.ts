// A task as everybody is shown it: the API, watchers, its caller.
import type { TaskRow } from '../store/store.ts';
import type { TaskNotice } from '../wire/notices.ts';
import type { TaskState, TaskWord } from './task-state.ts';

export type TaskTrigger = 'tool' | 'api' | 'end';

/** `unclean`: its gateway was gone before it had ended; found at the next start. */
export type ShownTaskWord = Exclude<TaskWord, 'saving'> | 'unclean';

/** Wall times are ms since the epoch. */
export interface TaskFacts {
  readonly id: string;
  readonly name: string;
  readonly session: string;
  readonly trigger: TaskTrigger;
  readonly state: ShownTaskWord;
  readonly startedAtMs: number;
  readonly endedAtMs: number | null;
  /** As far as is known: null of one that is read from the store. */
  readonly progress: { readonly pieces: number; readonly chars: number; readonly elapsedMs: number } | null;
  readonly result: unknown;
  /** What the engine said, where it was no result. */
  readonly raw: string | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** What stays the same of it. */
export interface TaskOrigin {
  readonly id: string;
  readonly name: string;
  readonly session: string;
  readonly trigger: TaskTrigger;
  readonly startedAtMs: number;
}

export function factsOf(origin: TaskOrigin, state: TaskState, nowMs: number): TaskFacts {
  const { word, startedMs, endedMs, pieces, chars, failure: error } = state;
  const elapsedMs = Math.round((endedMs ?? nowMs) - startedMs);
  return {
    ...origin,
    state: shown(word),
    endedAtMs: word !== 'saving' && endedMs !== null ? origin.startedAtMs + elapsedMs : null,
    progress: { pieces, chars, elapsedMs },
    result: word === 'done' ? state.result : null,
    raw: rawOf(state),
    error,
  };
}

/** What is written down: a result that is being saved is there already. */
export function rowOf(origin: TaskOrigin, state: TaskState): Omit<TaskRow, 'run'> {
  const { word, startedMs, endedMs, result, failure } = state;
  const { id, name, session: sessionId, trigger, startedAtMs } = origin;
  return {
    ...{ id, sessionId, name, trigger, startedAtMs },
    state: word === 'saving' ? 'done' : word,
    endedAtMs: endedMs === null ? null : startedAtMs + Math.round(endedMs - startedMs),
    result: word === 'saving' || word === 'done' ? JSON.stringify(result) : null,
    raw: rawOf(state),
    code: failure?.code ?? null,
    message: failure?.message ?? null,
  };
}

export function factsOfRow(row: TaskRow): TaskFacts {
  const { id, name, sessionId: session, startedAtMs, endedAtMs, result, raw, code, message } = row;
  return {
    ...{ id, name, session, startedAtMs, endedAtMs, raw },
    trigger: row.trigger as TaskTrigger,
    state: row.state as ShownTaskWord,
    progress: null,
    result: result === null ? null : JSON.parse(result),
    error: code === null ? null : { code, message: message ?? '' },
  };
}

export function noticeOf({ id, name, state, progress, result, error }: TaskFacts): TaskNotice {
  const { pieces = 0, chars = 0, elapsedMs = 0 } = progress ?? {};
  const word = state === 'unclean' ? 'failed' : state;
  return {
    ...{ type: 'greenroom.task', id, name, state: word, result },
    progress: { pieces, chars, elapsed_ms: elapsedMs },
    message: wordsOf(name, word, { chars, elapsedMs, why: error?.message }),
    ...(error && { error }),
  };
}

function wordsOf(
  name: string,
  state: TaskNotice['state'],
  {
    chars,
    elapsedMs,
    why,
  }: { readonly chars: number; readonly elapsedMs: number; readonly why?: string | undefined },
): string {
  const seconds = `${(elapsedMs / 1000).toFixed(1)} s`;
  switch (state) {
    case 'started':
      return `${name} has begun`;
    case 'progress':
      return `${name}: ${chars} characters after ${seconds}`;
    case 'done':
      return `${name} is done after ${seconds}`;
    case 'failed':
      return `${name} has failed after ${seconds}: ${why}`;
    case 'cancelled':
      return `${name} was cancelled after ${seconds}: ${why}`;
  }
}

function shown(word: TaskWord): Exclude<TaskWord, 'saving'> {
  return word === 'saving' ? 'progress' : word;
}

function rawOf({ word, text }: TaskState): string | null {
  return (word === 'failed' || word === 'cancelled') && text !== '' ? text : null;
}
