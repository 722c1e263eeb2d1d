import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  initialTurnState,
  next,
  resetTurns,
  type TurnEvent,
  type TurnOptions,
  type TurnState,
  withTurnOptions,
} from '../../../src/audio/turns.ts';

const frameMs = 32;

function run(
  speech: readonly number[],
  start: TurnState = initialTurnState(),
): { state: TurnState; events: TurnEvent[] } {
  let state = start;
  const events: TurnEvent[] = [];
  for (const probability of speech) {
    const step = next(state, { speech: probability, frameMs });
    state = step.state;
    events.push(...step.events);
  }
  return { state, events };
}

const frames = (count: number, speech: number) => Array<number>(count).fill(speech);

describe('turns', () => {
  test('a turn starts its padding before the speech, and ends with the silence that proves the end', () => {
    const { events } = run([...frames(20, 0.01), ...frames(30, 0.95), ...frames(20, 0.02)]);
    expect(events).toEqual([
      { type: 'speech_started', atMs: 20 * frameMs - 300 },
      { type: 'speech_stopped', atMs: 50 * frameMs + 500 },
    ]);
  });

  test('the start is told after 96 ms of speech, the stop after 500 ms of silence, and not later', () => {
    const started = run(frames(2, 0.9));
    expect(started.events).toEqual([]);
    const speaking = run(frames(1, 0.9), started.state);
    expect(speaking.events).toEqual([{ type: 'speech_started', atMs: 0 }]);
    const trailing = run(frames(15, 0), speaking.state);
    expect(trailing.events).toEqual([]);
    expect(run(frames(1, 0), trailing.state).events).toEqual([{ type: 'speech_stopped', atMs: 96 + 500 }]);
  });

  test('a click is no turn', () => {
    expect(
      run([...frames(10, 0), 0.99, 0.99, ...frames(5, 0), 0.9, 0.4, 0.3, ...frames(9, 0)]).events,
    ).toEqual([]);
  });

  test('a pause shorter than the silence, and a dip above the exit threshold, do not end a turn', () => {
    const { events } = run([...frames(5, 0.9), ...frames(15, 0), ...frames(2, 0.9), ...frames(50, 0.36)]);
    expect(events).toEqual([{ type: 'speech_started', atMs: 0 }]);
  });

  test('what is not quite speech does not prolong a silence', () => {
    const { events } = run([...frames(5, 0.9), ...frames(8, 0.1), ...frames(8, 0.45)]);
    expect(events.at(-1)).toEqual({ type: 'speech_stopped', atMs: 160 + 500 });
  });

  test('the padding never reaches into the turn before', () => {
    const { events } = run([...frames(5, 0.9), ...frames(17, 0), ...frames(5, 0.9)]);
    expect(events.map(({ atMs }) => atMs)).toEqual([0, 660, 660]);
  });

  test('a low threshold can still be left', () => {
    const { events } = run([...frames(5, 0.9), ...frames(20, 0)], initialTurnState({ threshold: 0.1 }));
    expect(events.map(({ type }) => type)).toEqual(['speech_started', 'speech_stopped']);
  });

  test('options change in the middle of a turn', () => {
    const { state } = run([...frames(5, 0.9), ...frames(5, 0)]);
    const changed = withTurnOptions(state, { silenceDurationMs: 100 });
    expect(changed.options.threshold).toBe(0.5);
    expect(run(frames(1, 0), changed).events).toEqual([{ type: 'speech_stopped', atMs: 260 }]);
  });

  test('a reset forgets the turn, says nothing, and no later turn reaches back before it', () => {
    const { state } = run(frames(10, 0.9));
    const { events } = run([...frames(1, 0), ...frames(5, 0.9)], resetTurns(state, 5000));
    expect(events).toEqual([{ type: 'speech_started', atMs: 5000 }]);
  });

  const options: fc.Arbitrary<Partial<TurnOptions>> = fc.record(
    {
      threshold: fc.double({ min: 0.05, max: 0.95, noNaN: true }),
      prefixPaddingMs: fc.nat(1000),
      silenceDurationMs: fc.nat(1000),
      minSpeechMs: fc.nat(200),
    },
    { requiredKeys: [] },
  );
  const stretch = fc.tuple(fc.integer({ min: 1, max: 40 }), fc.double({ min: 0, max: 1, noNaN: true }));
  const action = fc.oneof(
    { weight: 8, arbitrary: stretch },
    { weight: 1, arbitrary: options },
    { weight: 1, arbitrary: fc.constant('reset' as const) },
  );

  test('whatever is heard, starts and stops alternate and their times never go back', () => {
    fc.assert(
      fc.property(
        options,
        fc.double({ min: 5, max: 60, noNaN: true }),
        fc.array(action),
        (given, lengthMs, actions) => {
          let state = initialTurnState(given);
          let lastMs = 0;
          let speaking = false;
          for (const act of actions) {
            if (act === 'reset') {
              state = resetTurns(state, state.positionMs);
              [lastMs, speaking] = [state.positionMs, false];
            } else if (!Array.isArray(act)) {
              state = withTurnOptions(state, act);
            } else {
              for (let left = act[0]; left > 0; left--) {
                const step = next(state, { speech: act[1], frameMs: lengthMs });
                state = step.state;
                for (const { type, atMs } of step.events) {
                  expect(type).toBe(speaking ? 'speech_stopped' : 'speech_started');
                  expect(atMs).toBeGreaterThanOrEqual(lastMs);
                  expect(atMs).toBeLessThanOrEqual(Math.ceil(state.positionMs));
                  expect(Number.isInteger(atMs)).toBe(true);
                  [lastMs, speaking] = [atMs, !speaking];
                }
              }
            }
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  test('a state is a value: the same step from it gives the same answer', () => {
    const { state } = run(frames(2, 0.9));
    const frozen = structuredClone(state);
    expect(next(state, { speech: 0.9, frameMs })).toEqual(next(state, { speech: 0.9, frameMs }));
    expect(state).toEqual(frozen);
  });
});
