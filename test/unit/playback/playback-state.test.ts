// The pure life of a playback: one word, one end, and what is told of it.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { initialPlayback, next, type PlaybackEvent } from '../../../src/playback/playback-state.ts';

function run(events: readonly PlaybackEvent[]) {
  let state = initialPlayback;
  const effects: string[] = [];
  for (const event of events) {
    const step = next(state, event);
    state = step.state;
    for (const effect of step.effects) effects.push(`${effect} ${state.word} ${state.positionMs}`);
  }
  return { state, effects };
}

const checked: PlaybackEvent = { type: 'checked', durationMs: 10_000, nowMs: 0 };

test('progress is told once a second of time at the most, and the end at its place', () => {
  const at = (positionMs: number, nowMs: number): PlaybackEvent => ({ type: 'at', positionMs, nowMs });
  const { effects } = run([
    ...[checked, at(500, 500), at(999, 999), at(1000, 1000), at(1900, 1900), at(8000, 2000)],
    ...[at(20_000, 3000), { type: 'through' } as const],
  ]);
  expect(effects).toEqual([
    ...['tell playing 0', 'tell playing 1000', 'tell playing 8000', 'tell playing 10000'],
    ...['tell finished 10000', 'release finished 10000'],
  ]);
});

test('what never began is released and told to nobody', () => {
  const stopped = run([{ type: 'stop', why: 'no' }, checked]);
  expect(stopped.effects).toEqual(['release stopped 0']);
  const failed = run([{ type: 'fail', code: 'recording_unplayable', message: 'broken' }, checked]);
  expect(failed.effects).toEqual(['release failed 0']);
});

test('whatever happens in whichever order, it has one end: the first; nothing is told or released after it', () => {
  const event: fc.Arbitrary<PlaybackEvent> = fc.oneof(
    fc.constant(checked),
    fc.record({ type: fc.constant('at' as const), positionMs: fc.nat(20_000), nowMs: fc.nat(20_000) }),
    fc.constant({ type: 'through' as const }),
    fc.constant({ type: 'stop' as const, why: 'asked' }),
    fc.constant({ type: 'fail' as const, code: 'internal_error' as const, message: 'broken' }),
  );
  fc.assert(
    fc.property(fc.array(event), (events) => {
      const { state, effects } = run(events);
      const ends = effects.filter((effect) => !effect.startsWith('tell playing'));
      const ended = ['finished', 'stopped', 'failed'].includes(state.word);
      expect(ends.filter((effect) => effect.startsWith('release')).length).toBe(ended ? 1 : 0);
      expect(ends.filter((effect) => effect.startsWith('tell')).length).toBeLessThanOrEqual(1);
      if (ended) expect(effects.at(-1)).toBe(`release ${state.word} ${state.positionMs}`);
      expect(state.positionMs).toBeLessThanOrEqual(state.durationMs);
      expect(state.error !== null).toBe(state.word === 'failed');
    }),
  );
});
