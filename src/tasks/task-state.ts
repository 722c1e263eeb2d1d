// The life of one task, as a pure function of what happens to it. The shell asks the engine, writes rows, sends notices
// and speaks; this decides when.
//
//     started ──a piece──▶ progress ──an answer that fits──▶ saving ──on disk──▶ done
//        │  ▲                 │ │                              └──cancelled──▶ done (not spoken)
//        │  └─(asked again)───┘ └──the second wrong answer, a failure, its limit──▶ failed
//        └──────────────────────────────cancelled (either)──▶ cancelled
import type { ReadOutcome } from './result.ts';

export type TaskWord = 'started' | 'progress' | 'saving' | 'done' | 'failed' | 'cancelled';

export interface TaskState {
  readonly word: TaskWord;
  /** An answer that does not fit is asked for once more. */
  readonly attempt: 1 | 2;
  readonly startedMs: number;
  readonly endedMs: number | null;
  /** When its caller was last told. */
  readonly toldMs: number;
  /** What came of the engine, in both attempts: tokens, as a rule, and characters. */
  readonly pieces: number;
  readonly chars: number;
  /** Of this attempt. */
  readonly text: string;
  readonly result: unknown;
  readonly failure: { readonly code: string; readonly message: string } | null;
}

export type TaskInput = { readonly atMs: number } & (
  | { readonly type: 'piece'; readonly text: string }
  /** The answer is complete, and was read. */
  | { readonly type: 'answered'; readonly outcome: ReadOutcome }
  | { readonly type: 'failed'; readonly code: string; readonly message: string }
  /** The result is on disk, or is known not to come there. */
  | { readonly type: 'saved' }
  | { readonly type: 'cancelled'; readonly message: string }
);

/** `save`: write it down as it is. `tell`: its caller and those who watch. `speak`: how it ended, aloud. In order. */
export type TaskEffect = 'save' | 'tell' | 'speak';

export interface TaskStep {
  readonly state: TaskState;
  readonly effects: readonly TaskEffect[];
}

/** Progress is told this often at the most. */
const tellEveryMs = 1000;
/** Of one answer. */
export const resultCharsMax = 262_144;

export function begin(atMs: number): TaskStep {
  return {
    state: {
      ...{ word: 'started', attempt: 1, startedMs: atMs, endedMs: null, toldMs: atMs },
      ...{ pieces: 0, chars: 0, text: '', result: null, failure: null },
    },
    effects: ['save', 'tell'],
  };
}

export function isOver({ word }: TaskState): boolean {
  return word === 'done' || word === 'failed' || word === 'cancelled';
}

export function next(state: TaskState, input: TaskInput): TaskStep {
  if (isOver(state)) return { state, effects: [] };
  if (state.word === 'saving') return whileSaving(state, input);
  switch (input.type) {
    case 'piece':
      return piece(state, input.text, input.atMs);
    case 'answered':
      return answered(state, input.outcome, input.atMs);
    case 'failed':
      return over(state, 'failed', input, input.atMs);
    case 'cancelled':
      return over(state, 'cancelled', { code: 'cancelled', message: input.message }, input.atMs);
    case 'saved':
      return { state, effects: [] };
  }
}

/** Nothing loses a result any more. */
function whileSaving(state: TaskState, { type, atMs }: TaskInput): TaskStep {
  if (type !== 'saved' && type !== 'cancelled' && type !== 'failed') return { state, effects: [] };
  const done: TaskState = { ...state, word: 'done', toldMs: atMs };
  return { state: done, effects: type === 'saved' ? ['tell', 'speak'] : ['tell'] };
}

function piece(state: TaskState, text: string, atMs: number): TaskStep {
  const more: TaskState = {
    ...{ ...state, word: 'progress', text: state.text + text },
    ...{ pieces: state.pieces + 1, chars: state.chars + text.length },
  };
  if (more.text.length > resultCharsMax) {
    const message = `the answer is longer than ${resultCharsMax} characters`;
    return over(more, 'failed', { code: 'task_result_invalid', message }, atMs);
  }
  if (state.word === 'progress' && atMs - state.toldMs < tellEveryMs) return { state: more, effects: [] };
  return { state: { ...more, toldMs: atMs }, effects: ['tell'] };
}

function answered(state: TaskState, outcome: ReadOutcome, atMs: number): TaskStep {
  if (outcome.state === 'fits') {
    const saving: TaskState = { ...state, word: 'saving', result: outcome.value, endedMs: atMs };
    return { state: saving, effects: ['save'] };
  }
  if (state.attempt === 1) {
    return { state: { ...state, word: 'progress', attempt: 2, text: '', toldMs: atMs }, effects: ['tell'] };
  }
  const message = `the answer does not fit, asked twice: ${outcome.why}`;
  return over(state, 'failed', { code: 'task_result_invalid', message }, atMs);
}

function over(
  state: TaskState,
  word: 'failed' | 'cancelled',
  { code, message }: { readonly code: string; readonly message: string },
  atMs: number,
): TaskStep {
  const ended: TaskState = { ...state, word, endedMs: atMs, toldMs: atMs, failure: { code, message } };
  return { state: ended, effects: word === 'failed' ? ['save', 'tell', 'speak'] : ['save', 'tell'] };
}
