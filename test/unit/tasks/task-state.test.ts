// The life of a task: what it says, saves and speaks in which order, whatever comes.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  begin,
  isOver,
  next,
  resultCharsMax,
  type TaskEffect,
  type TaskInput,
  type TaskState,
} from '../../../src/tasks/task-state.ts';

type Given = TaskInput extends infer Input ? (Input extends unknown ? Omit<Input, 'atMs'> : never) : never;

const fits: Given = { type: 'answered', outcome: { state: 'fits', value: { level: 'B2' } } };
const wrong: Given = { type: 'answered', outcome: { state: 'wrong', why: 'it is not JSON' } };
const saved: Given = { type: 'saved' };
const cancelled: Given = { type: 'cancelled', message: 'its session has ended' };
const failed: Given = { type: 'failed', code: 'engine_exited', message: 'it died' };
const piece = (text = 'abc'): Given => ({ type: 'piece', text });

interface Told {
  readonly effect: TaskEffect;
  readonly state: TaskState;
}

/** One input each 100 ms. */
function run(...inputs: readonly Given[]) {
  let { state, effects } = begin(0);
  const told: Told[] = effects.map((effect) => ({ effect, state }));
  inputs.forEach((input, at) => {
    ({ state, effects } = next(state, { ...input, atMs: (at + 1) * 100 } as TaskInput));
    told.push(...effects.map((effect) => ({ effect, state })));
  });
  return { state, told, lines: told.map(({ effect, state: { word } }) => `${effect} ${word}`) };
}

describe('a task', () => {
  test('is saved before it is told and spoken', () => {
    const { state, lines } = run(piece(), fits, saved);
    expect(lines).toEqual([
      ...['save started', 'tell started', 'tell progress', 'save saving'],
      ...['tell done', 'speak done'],
    ]);
    expect(state).toMatchObject({ word: 'done', result: { level: 'B2' }, endedMs: 200, failure: null });
  });

  test('tells its progress at once, and then once a second', () => {
    const { state, lines } = run(...Array.from({ length: 25 }, () => piece()));
    expect(lines.filter((line) => line === 'tell progress')).toHaveLength(3);
    expect(state).toMatchObject({ pieces: 25, chars: 75 });
  });

  test('asks once more for what does not fit, then fails with the words of the engine kept', () => {
    expect(run(piece('no'), wrong).state).toMatchObject({ word: 'progress', attempt: 2, text: '' });
    const { state, lines } = run(piece('no'), wrong, piece('no again'), wrong);
    expect(state).toMatchObject({
      ...{ word: 'failed', text: 'no again', chars: 10 },
      failure: {
        code: 'task_result_invalid',
        message: 'the answer does not fit, asked twice: it is not JSON',
      },
    });
    expect(lines.slice(-3)).toEqual(['save failed', 'tell failed', 'speak failed']);
    expect(run(wrong, fits, saved).state.word).toBe('done');
  });

  test('does not take an answer without end', () => {
    const { state } = run(piece('x'.repeat(resultCharsMax)), piece('y'));
    expect(state).toMatchObject({ word: 'failed', failure: { code: 'task_result_invalid' } });
  });

  test.each([cancelled, failed])(
    'has a result that is being saved, whatever ends it then: it is told, not spoken',
    (end) => {
      const { state, lines } = run(piece(), fits, end);
      expect(state).toMatchObject({ word: 'done', result: { level: 'B2' }, failure: null });
      expect(lines.slice(-2)).toEqual(['save saving', 'tell done']);
    },
  );
});

const given = fc.oneof(
  { weight: 6, arbitrary: fc.string().map(piece) },
  fc.constantFrom(fits, wrong, wrong, saved, cancelled, failed),
);

test('whatever comes: one end, saved before it is told, spoken at most once, and not where it was cancelled; nothing after it', () => {
  fc.assert(
    fc.property(fc.array(given, { maxLength: 30 }), (inputs) => {
      const { state, told, lines } = run(...inputs, cancelled);
      expect(isOver(state)).toBe(true);
      const ends = told.filter(({ effect, state: at }) => effect === 'tell' && isOver(at));
      expect(ends).toHaveLength(1);
      const [end] = ends;
      const at = told.indexOf(end as Told);
      const lastSave = told.findLastIndex(({ effect }) => effect === 'save');
      expect(lastSave).toBeLessThan(at);
      expect(told[lastSave]?.state.result).toEqual(end?.state.result);
      // A result, or that there is none; a cancelled one is nobody's business any more.
      expect(lines.slice(at + 1)).toEqual(lines.filter((line) => line.startsWith('speak ')));
      expect(lines.filter((line) => line.startsWith('speak ')).length).toBeLessThanOrEqual(1);
      expect(lines).not.toContain('speak cancelled');
      expect(state.failure === null).toBe(state.word === 'done');
      expect(told.every(({ state: each }) => each.chars >= each.text.length)).toBe(true);
    }),
    { numRuns: 500 },
  );
});
