import { expect, test } from 'vitest';
import { Seldom } from '../../../src/telemetry/seldom.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';

test('the first of a kind is told, then one in a while with how many were not; kinds do not wait for each other', async () => {
  const clock = new VirtualClock();
  const seldom = new Seldom(clock, 10_000);
  const told: unknown[] = [];
  for (let second = 0; second < 25; second += 1) {
    told.push(seldom.may('a'));
    if (second === 3) told.push(['b', seldom.may('b')]);
    await clock.advance(1000);
  }
  expect(told.filter((each) => each !== undefined)).toEqual([0, ['b', 0], 9, 9]);
});

test('however many kinds there are, it knows a hundred', () => {
  const seldom = new Seldom(new VirtualClock(), 10_000);
  const told = Array.from({ length: 10_000 }, (_, n) => seldom.may(`kind ${n}`));
  expect(told.filter((each) => each !== undefined)).toHaveLength(100);
});
