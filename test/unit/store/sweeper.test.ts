import { expect, test } from 'vitest';
import type { Pruned } from '../../../src/store/pruning.ts';
import { Sweeper } from '../../../src/store/sweeper.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';

const hourMs = 3_600_000;

/** A sweeper, and what its steps answer, the last one again and again. */
function sweeping(...answers: readonly (Pruned | Error)[]) {
  const clock = new VirtualClock();
  const atMs: number[] = [];
  const notices: string[] = [];
  const step = () => {
    const answer = answers[Math.min(atMs.length, answers.length - 1)];
    atMs.push(clock.now());
    if (answer instanceof Error || answer === undefined) throw answer;
    return answer;
  };
  const sweeper = new Sweeper({ clock, step, onNotice: (message) => notices.push(message) });
  sweeper.start();
  return { clock, atMs, notices, sweeper };
}

const more = { state: 'more', early: 0 } as const;
const done = { state: 'done', early: 0 } as const;

test('sweeps at the start, with a rest after each step, and again each hour', async () => {
  const it = sweeping(more, more, done, more, done);
  await it.clock.advance(hourMs + 100);
  const first = it.atMs[0] ?? 0;
  expect(it.atMs.map((ms) => ms - first)).toEqual([0, 20, 40, 40 + hourMs, 60 + hourMs]);
  expect(it.notices).toEqual([]);
});

test('says once a sweep how many went before their time', async () => {
  const it = sweeping({ ...more, early: 3 }, { ...done, early: 2 }, done);
  await it.clock.advance(3 * hourMs);
  expect(it.notices).toEqual([
    'the database is full: the 5 oldest sessions are removed before their time; give it more room with store.size, or keep less with store.keep',
  ]);
});

test('what the disk refuses is told, and tried again in an hour', async () => {
  const it = sweeping(new Error('database or disk is full'), done);
  await it.clock.advance(1000);
  expect(it.notices).toEqual([
    'old records cannot be removed: database or disk is full; it is tried again in an hour',
  ]);
  await it.clock.advance(hourMs);
  expect(it.atMs).toHaveLength(2);
});

test('stops at once, and leaves no timer', async () => {
  const it = sweeping(more);
  await it.clock.advance(100);
  it.sweeper.stop();
  const steps = it.atMs.length;
  await it.clock.advance(hourMs);
  expect([it.atMs.length, it.clock.pending]).toEqual([steps, 0]);
});
