// When what stands at a position is due.
import { expect, test } from 'vitest';
import { Pace } from '../../../src/playback/pace.ts';

test('at every speed the first piece is due at once, the next ones in the time of the recording by the speed', () => {
  for (const speed of [0.5, 1, 2, 8]) {
    const pace = new Pace(speed);
    expect(pace.waitMs(0, 5000)).toBe(0);
    expect(pace.waitMs(1000, 5000)).toBeCloseTo(1000 / speed);
    expect(pace.waitMs(1000, 5000 + 1000 / speed)).toBeCloseTo(0);
  }
});

test('at speed 0 everything is due at once', () => {
  const pace = new Pace(0);
  expect(pace.waitMs(0, 1)).toBe(0);
  expect(pace.waitMs(3_600_000, 1)).toBe(0);
});

test('what jitters is caught up with; what was held up comes later by that, and not in a burst', () => {
  const pace = new Pace(1);
  pace.waitMs(0, 0);
  expect(pace.waitMs(100, 300)).toBe(0);
  expect(pace.waitMs(400, 300)).toBe(100);
  expect(pace.waitMs(500, 5500)).toBe(0);
  expect(pace.waitMs(600, 5500)).toBe(100);
});
