import { describe, expect, test } from 'vitest';
import {
  markerOf,
  parseEntry,
  type RunEntry,
  runName,
  runOf,
  type SpawnEntry,
  spawnName,
  standingOf,
} from '../../../src/engines/journal-entry.ts';

const run = '0123456789abcdef'.repeat(2);
const marker = markerOf(run, '6f1c-x_1');
const here = { bootId: 'boot', pidNamespace: 'pid:[1]' };
const spawned: SpawnEntry = {
  ...{ marker, engine: 'ears', pid: 4711, pgid: 4711, startTime: 99, argvHash: 'ab', at: '127.0.0.1:20123' },
  ...{ spawnedAt: '2026-01-01T00:00:00.000Z', ...here },
};
const begun: RunEntry = { run, pid: 1, startedAt: '2026-01-01T00:00:00.000Z', ...here };

describe('a file of the journal', () => {
  test('is read as it was written', () => {
    expect(parseEntry(spawnName(marker), JSON.stringify(spawned))).toEqual({
      state: 'spawn',
      entry: spawned,
    });
    const thread = {
      ...spawned,
      startTime: null,
      argvHash: null,
      at: null,
      bootId: null,
      pidNamespace: null,
    };
    expect(parseEntry(spawnName(marker), JSON.stringify(thread))).toEqual({ state: 'spawn', entry: thread });
    expect(parseEntry(runName(run), JSON.stringify(begun))).toEqual({ state: 'run', entry: begun });
  });

  test.each<[string, object | string]>([
    ['half written', '{"marker":"'],
    ['empty', ''],
    ['a list', '[]'],
    ['null', 'null'],
    ['of the group of everybody', { ...spawned, pid: 0, pgid: 0 }],
    ['of a group by a negative number', { ...spawned, pid: -4711, pgid: -4711 }],
    ['of init', { ...spawned, pid: 1, pgid: 1 }],
    ['of a group that it does not lead', { ...spawned, pgid: 4712 }],
    ['of a fraction', { ...spawned, pid: 1.5, pgid: 1.5 }],
    ['of a text for a number', { ...spawned, pid: '4711', pgid: '4711' }],
    ['without a boot', { ...spawned, bootId: undefined }],
    ['without a start time', { ...spawned, startTime: undefined }],
    ['of a marker that is none of ours', { ...spawned, marker: '../../etc/passwd' }],
    ['of no time', { ...spawned, spawnedAt: 'yesterday' }],
    ['of another marker than its name', { ...spawned, marker: markerOf(run, 'other') }],
    ['a run', begun],
  ])('that is %s is corrupt', (_, content) => {
    const text = typeof content === 'string' ? content : JSON.stringify(content);
    expect(parseEntry(spawnName(marker), text)).toMatchObject({ state: 'corrupt', name: spawnName(marker) });
  });

  test('of a run under another name is corrupt', () => {
    expect(parseEntry(runName('f'.repeat(32)), JSON.stringify(begun))).toMatchObject({ state: 'corrupt' });
    expect(parseEntry(runName(run), JSON.stringify({ ...begun, pid: 0 }))).toMatchObject({
      state: 'corrupt',
    });
  });
});

test.each([
  [marker, run],
  [run, undefined],
  [`.${run}`, undefined],
  [`a/b.${run}`, undefined],
  [`a.${run.toUpperCase()}`, undefined],
  [`a.${run}0`, undefined],
  ['', undefined],
])('the run of %s', (text, found) => {
  expect(runOf(text)).toBe(found);
});

describe('the process of an entry', () => {
  const now = { parent: 1, pgid: 4711, startTime: 99 };

  test.each([
    ['there', spawned, here, now],
    ['gone', spawned, here, undefined],
    ['reused', spawned, here, { ...now, startTime: 100 }],
    ['reused', { ...spawned, startTime: null }, here, now],
    ['elsewhere', spawned, { ...here, bootId: 'next boot' }, now],
    ['elsewhere', spawned, { ...here, pidNamespace: 'pid:[2]' }, now],
    ['elsewhere', spawned, { bootId: null, pidNamespace: null }, now],
  ] as const)('is %s', (standing, entry, place, stat) => {
    expect(standingOf(entry, place, stat)).toBe(standing);
  });
});
