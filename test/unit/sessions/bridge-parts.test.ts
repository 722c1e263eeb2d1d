// What a bridged call waits for, and what it holds meanwhile: within bounds.
import { expect, test } from 'vitest';
import type { TimerName } from '../../../src/bridge/state.ts';
import { Scope } from '../../../src/lifecycle/scope.ts';
import { BridgeClock } from '../../../src/sessions/bridge-clock.ts';
import { EarlyFrames } from '../../../src/sessions/early-frames.ts';
import { AudioBudget } from '../../../src/sessions/input-audio.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';

test('a response that is owed is waited for as long as anything comes, and 60 s more', async () => {
  const clock = new VirtualClock();
  await using scope = new Scope('session', { clock });
  const fired: [TimerName, number][] = [];
  const timers = new BridgeClock({
    ...{ scope, lobbyWaitMs: 60_000, openTimeoutMs: 10_000 },
    onTimer: (name) => fired.push([name, clock.now()]),
  });
  timers.start('open');
  timers.start('silence');
  await clock.advance(9000);
  timers.stop('open');
  await clock.advance(41_000);
  timers.heard();
  await clock.advance(59_999);
  expect(fired).toEqual([]);
  await clock.advance(1);
  expect(fired).toEqual([['silence', 110_000]]);
  timers.start('lobby');
  await scope.close('done');
  expect(clock.pending).toBe(0);
});

const audio = (text: string, ms = 20) => ({ text, key: null, ms, bytes: text.length });
const word = (text: string, key: string | null = null) => ({ text, key, ms: 0, bytes: 0 });

function frames({ ageMs = 100, bytesMax = 1000, total = 10_000 } = {}) {
  const told: string[] = [];
  const budget = new AudioBudget(total);
  const early = new EarlyFrames({ budget, ageMs, bytesMax, onDropped: (why) => told.push(why) });
  return { early, budget, told };
}

test('audio that is too old, or too much, goes oldest first; everything else stays, in its order', () => {
  const { early, budget, told } = frames();
  early.hold(word('update'));
  for (let index = 0; index < 7; index += 1) early.hold(audio(`a${index}`));
  early.hold(word('create', 'r1'));
  expect(told).toHaveLength(2);
  expect(told[0]).toBe('only the last 0.1 s of input are kept: the oldest was dropped');
  early.drop({ key: 'r1' });
  expect(early.take()).toEqual(['update', 'a2', 'a3', 'a4', 'a5', 'a6']);
  expect(budget.bytes).toBe(0);
});

test('what all calls together may hold bounds each of them', () => {
  const { early, budget } = frames({ total: 10 });
  budget.add(6);
  early.hold(audio('abcd'));
  early.hold(audio('efgh'));
  expect(early.take()).toEqual(['efgh']);
  expect(budget.bytes).toBe(6);
});

test('a clear takes the audio since the last commit', () => {
  const { early } = frames();
  early.hold(audio('a'));
  early.hold(word('commit', 'commit'));
  early.hold(audio('b'));
  early.drop('audio');
  expect(early.take()).toEqual(['a', 'commit']);
});

test('a clear of very many crumbs takes a moment', () => {
  const { early } = frames({ ageMs: 1e9, bytesMax: 1e9, total: 1e9 });
  for (let count = 0; count < 50_000; count += 1) early.hold(audio('a', 0));
  early.hold(word('commit', 'commit'));
  const began = performance.now();
  early.drop('audio');
  // Seconds, when each was looked for among all others.
  expect(performance.now() - began).toBeLessThan(500);
  expect(early.take()).toHaveLength(50_001);
});
