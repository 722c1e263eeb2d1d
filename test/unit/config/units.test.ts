import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  durationMsMax,
  formatDuration,
  formatSize,
  parseDuration,
  parseSize,
} from '../../../src/config/units.ts';

test.each([
  ['120s', 120_000],
  ['1.5s', 1_500],
  ['1.1s', 1_100],
  ['250ms', 250],
  ['10m', 600_000],
  ['2h', 7_200_000],
  ['1d', 86_400_000],
  ['0s', 0],
  ['0', 0],
  [0, 0],
])('the duration %s is %d ms', (written, expected) => {
  expect(parseDuration(written)).toEqual({ ok: true, value: expected });
});

test.each([
  [120, 'add a unit to the duration: 120s or 120ms?'],
  ['120', 'add a unit to the duration: 120s or 120ms?'],
  ['fast', 'expected a duration such as 120s, got "fast"'],
  ['120 s', 'expected a duration such as 120s, got "120 s"'],
  ['-1s', 'expected a duration such as 120s, got "-1s"'],
  [-1, 'expected a duration such as 120s, got "-1"'],
  ['', 'expected a duration such as 120s, got ""'],
  ['0.5ms', 'a duration is in whole milliseconds, got 0.5ms'],
  ['1.0005s', 'a duration is in whole milliseconds, got 1.0005s'],
  ['25d', 'a duration is at most 2147483647ms, got 25d'],
  [null, 'expected a duration such as 120s, got nothing'],
  [['1s'], 'expected a duration such as 120s, got a list'],
  [true, 'expected a duration such as 120s, got true'],
])('the duration %j is refused with what to write instead', (written, problem) => {
  expect(parseDuration(written)).toEqual({ ok: false, problem });
});

test.each([
  ['64MiB', 67_108_864],
  ['1KiB', 1_024],
  ['4MB', 4_000_000],
  ['1kB', 1_000],
  ['1KB', 1_000],
  ['1.5GiB', 1_610_612_736],
  ['100B', 100],
  ['100', 100],
  [100, 100],
])('the size %s is %d bytes', (written, expected) => {
  expect(parseSize(written)).toEqual({ ok: true, value: expected });
});

test.each([
  ['64M', 'expected a size such as 64MiB, 1KiB, 4MB or a number of bytes, got "64M"'],
  [-1, 'expected a size such as 64MiB, 1KiB, 4MB or a number of bytes, got "-1"'],
  ['0.5B', 'a size is in whole bytes, got 0.5B'],
  ['9000TiB', 'a size is at most 8192TiB, got 9000TiB'],
  [undefined, 'expected a size such as 64MiB, got nothing'],
  [{}, 'expected a size such as 64MiB, got a section'],
])('the size %j is refused with what to write instead', (written, problem) => {
  expect(parseSize(written)).toEqual({ ok: false, problem });
});

test('every duration is read back as it was written', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: durationMsMax }), (valueMs) => {
      expect(parseDuration(formatDuration(valueMs))).toEqual({ ok: true, value: valueMs });
    }),
  );
});

test('every size is read back as it was written', () => {
  const sizes = fc.oneof(
    fc.maxSafeNat(),
    fc.nat(8191).map((count) => count * 2 ** 30),
  );
  fc.assert(
    fc.property(sizes, (bytes) => {
      expect(parseSize(formatSize(bytes))).toEqual({ ok: true, value: bytes });
    }),
  );
});

test('units are shown in their shortest exact form', () => {
  expect([0, 250, 1_500, 120_000, 90_000, 86_400_000].map(formatDuration)).toEqual([
    '0s',
    '250ms',
    '1500ms',
    '2m',
    '90s',
    '1d',
  ]);
  expect([0, 1_000, 1_024, 1_025, 67_108_864, 4_000_000].map(formatSize)).toEqual([
    '0B',
    '1kB',
    '1KiB',
    '1025B',
    '64MiB',
    '4MB',
  ]);
});

test('no value of any kind makes parsing throw', () => {
  fc.assert(
    fc.property(fc.anything({ withNullPrototype: true, withBigInt: true }), (value) => {
      parseDuration(value);
      parseSize(value);
    }),
  );
});
