// What the pages reckon before they draw: rows of a tree, a load's part, an address, a leaving, a recording's shape.
import { expect, test } from 'vitest';
import { left, nextLeaving } from '../../../console/src/leaving/leaving.ts';
import { actionsFor, loadOf, rungsOf } from '../../../console/src/lobby/load.ts';
import { routeOf, tokenOf } from '../../../console/src/route.ts';
import { Peaks, soundIn } from '../../../console/src/sessions/peaks.ts';
import { countsOf, flatten } from '../../../console/src/tree/flatten.ts';
import { bytes, duration } from '../../../console/src/ui/format.ts';
import { writeWav } from '../../../src/audio/wav.ts';
import type { EngineStatus } from '../../../src/engines/status.ts';
import type { TreeNode } from '../../../src/lifecycle/report.ts';

const node = (name: string, children: readonly TreeNode[] = [], state = 'open'): TreeNode => ({
  ...{ name, kind: 'scope', state, ageMs: 5, children },
});

test('a tree is rows, what is wide is shut until somebody opens it', () => {
  const many = Array.from({ length: 60 }, (_, n) => node(`session ${n}`, [node('lease')]));
  const root = node('gateway', [node('engines', [node('voice')]), node('sessions', many)]);
  const none = { turned: new Set<string>(), text: '' };
  expect(flatten(root, none).map(({ path, level, state, below }) => [path, level, state, below])).toEqual([
    ['gateway', 1, 'opened', 123],
    ['gateway/engines', 2, 'opened', 1],
    ['gateway/engines/voice', 3, 'leaf', 0],
    ['gateway/sessions', 2, 'shut', 120],
  ]);
  const opened = flatten(root, { ...none, turned: new Set(['gateway/sessions', 'gateway/engines']) });
  expect(opened).toHaveLength(3 + 120);
  const found = flatten(root, { ...none, text: 'SESSION 7' });
  expect(found.map(({ path }) => path)).toEqual([
    'gateway',
    'gateway/sessions',
    'gateway/sessions/session 7',
  ]);
  expect(countsOf(node('a', [node('b', [], 'overdue'), node('c', [], 'releasing')]))).toEqual({
    ...{ open: 1, closing: 1, overdue: 1 },
  });
  const twice = flatten(node('a', [node('b'), node('b')]), none).map(({ path }) => path);
  expect(new Set(twice).size).toBe(3);
});

const engine = (facts: Partial<EngineStatus>) => {
  const base = {
    state: 'starting',
    rung: 'alive',
    rungMs: { spawned: 1, alive: 5 },
    evidence: { alive: 'it lives' },
  };
  return { ...base, progress: null, expectedMs: null, elapsedMs: 100, ...facts } as EngineStatus;
};

test('a load is as far as the engine says, or else as it took before, and never all of it', () => {
  expect(loadOf(engine({ progress: 0.25, expectedMs: 1000 }), 100)).toMatchObject({
    part: 0.25,
    from: 'engine',
    elapsedMs: 200,
    etaMs: 800,
  });
  expect(loadOf(engine({ expectedMs: 1000 }), 400)).toMatchObject({
    part: 0.5,
    from: 'estimated',
    etaMs: 500,
  });
  expect(loadOf(engine({ expectedMs: 1000 }), 5000)).toMatchObject({ part: 0.99, etaMs: 0 });
  expect(loadOf(engine({}), 0)).toMatchObject({ part: null, from: 'nowhere', etaMs: null });
});

test('while it starts the rungs to come are shown, afterwards those that it has', () => {
  const shown = (status: EngineStatus) => rungsOf(status).map(({ name, state }) => `${name} ${state}`);
  expect(shown(engine({})).slice(0, 4)).toEqual([
    'spawned reached',
    'alive reached',
    'listening next',
    'owned open',
  ]);
  expect(
    shown(engine({ state: 'ready', rung: 'ready', rungMs: { spawned: 1, loaded: 5, ready: 6 } })),
  ).toEqual([...['spawned reached', 'loaded reached', 'ready reached']]);
  expect(actionsFor({ state: 'failed' })).toEqual(['start']);
  expect(actionsFor({ state: 'stopping' })).toEqual([]);
  expect(actionsFor({ state: 'ready' })).toEqual(['restart', 'unload', 'stop']);
});

test.each([
  ['', { page: 'lobby', rest: '' }],
  ['#/events', { page: 'events', rest: '' }],
  ['#/sessions/sess_1%2F2', { page: 'sessions', rest: 'sess_1/2' }],
  ['#/sessions/100%', { page: 'sessions', rest: '100%' }],
  ['#/nowhere', { page: 'lobby', rest: '' }],
  ['#token=secret', { page: 'lobby', rest: '' }],
])('the address %s is the page %j', (fragment, expected) => {
  expect(routeOf(fragment)).toEqual(expected);
});

test('a token in the address is found, and nothing else is taken for one', () => {
  expect(tokenOf('#token=a%2Bb')).toBe('a+b');
  expect(tokenOf('#/token=x')).toBe('x');
  expect(tokenOf('#token=')).toBeUndefined();
  expect(tokenOf('#/events')).toBeUndefined();
});

test('a leaving is told, ends with its connection, and is over when another gateway answers', () => {
  const told = nextLeaving({ atMs: 100, reason: 'quit', totalMs: 3000 });
  const gone = left(told, 'gone', 300);
  expect(gone).toMatchObject({ state: 'gone', reason: 'quit', goneMs: 300 });
  expect(left(gone, 'gone', 900)).toBe(gone);
  const back = left(gone, 'open', 1300);
  expect(back).toMatchObject({ state: 'back', goneMs: 300, backMs: 1300 });
  // One that is killed says nothing.
  expect(left(back, 'gone', 5000)).toMatchObject({ state: 'gone', reason: null, stages: [] });
  expect(left({ state: 'none' }, 'open', 5000)).toEqual({ state: 'none' });
});

test('the shape of a recording is the same however it is cut', () => {
  const pcm = Int16Array.from({ length: 1000 }, (_, n) => (n < 500 ? 0 : n % 2 === 0 ? 16_384 : -16_384));
  const wav = writeWav(pcm, 24_000);
  const whole = new Peaks(10, 1000);
  whole.push(wav);
  expect([...whole.values]).toEqual([0, 0, 0, 0, 0, 0.5, 0.5, 0.5, 0.5, 0.5]);
  expect(whole.part).toBe(1);
  const cut = new Peaks(10, 1000);
  for (let at = 0; at < wav.length; at += 7) cut.push(wav.subarray(at, at + 7));
  expect(cut.values).toEqual(whole.values);
  expect(soundIn(wav.subarray(0, 20))).toBeNull();
});

test.each([
  [82, '82 ms'],
  [1400, '1.4 s'],
  [59_400, '59 s'],
  [185_000, '3:05 min'],
  [7_500_000, '2 h 05'],
  [273_600_000, '3 d 4 h'],
  [-5, '0 ms'],
])('%i ms are %s', (ms, words) => {
  expect(duration(ms)).toBe(words);
});

test('bytes are as people read them', () => {
  expect([0, 1023, 1536, 150 * 1024, 5 * 2 ** 30].map(bytes)).toEqual([
    ...['0 B', '1023 B', '1.5 KiB', '150 KiB', '5.0 GiB'],
  ]);
});
