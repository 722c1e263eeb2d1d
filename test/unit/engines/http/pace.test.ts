// The pause between two probes of an engine that loads.
import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { Pace } from '../../../../src/engines/http/pace.ts';
import { VirtualClock } from '../../../../src/testing/virtual-clock.ts';

const { signal: never } = new AbortController();

/** How long the next pause is. */
async function next(pace: Pace, clock: VirtualClock): Promise<number> {
  const began = clock.now();
  let over = false;
  const pause = pace.pause(never).then(() => {
    over = true;
  });
  while (!over) await clock.advance(1);
  await pause;
  return clock.now() - began;
}

test.each([
  [0, 50],
  [5000, 50],
  [20_000, 100],
  [100_000, 500],
  [600_000, 1000],
])('%i ms after the start it is %i ms', async (elapsedMs, ms) => {
  const clock = new VirtualClock();
  const pace = new Pace(clock);
  await clock.advance(elapsedMs);
  expect(await next(pace, clock)).toBe(ms);
  expect(clock.pending).toBe(0);
});

test('is short for a second after something has moved, the one under way too', async () => {
  const clock = new VirtualClock();
  const pace = new Pace(clock);
  await clock.advance(600_000);
  const began = clock.now();
  const pause = pace.pause(never);
  await clock.advance(300);
  for (let count = 0; count < 1000; count += 1) pace.stir();
  await clock.advance(50);
  await pause;
  expect(clock.now() - began).toBe(350);
  expect(await next(pace, clock)).toBe(50);
  await clock.advance(1000);
  expect(await next(pace, clock)).toBe(1000);
  expect(clock.pending).toBe(0);
});

test('a stir does not put the end of a short one off', async () => {
  const clock = new VirtualClock();
  const pace = new Pace(clock);
  const pause = pace.pause(never);
  await clock.advance(49);
  pace.stir();
  await clock.advance(1);
  await pause;
  expect(clock.pending).toBe(0);
});

test('is cut short by a sign, whether it comes during a pause or before', async () => {
  const clock = new VirtualClock();
  const pace = new Pace(clock);
  const pause = pace.pause(never);
  pace.hurry();
  await pause;
  pace.hurry();
  pace.hurry();
  await pace.pause(never);
  expect(clock.pending).toBe(0);
  let over = false;
  const next = pace.pause(never).then(() => {
    over = true;
  });
  await clock.advance(49);
  expect(over).toBe(false);
  pace.hurry();
  await next;
});

test('ends with its signal, and leaves neither timer nor listener', async () => {
  const clock = new VirtualClock();
  const pace = new Pace(clock);
  const controller = new AbortController();
  const pause = pace.pause(controller.signal);
  controller.abort();
  await pause;
  await pace.pause(controller.signal);
  expect(clock.pending).toBe(0);
  expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
});
