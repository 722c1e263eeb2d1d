// Against ITU-T G.711 itself: its tables are built here from the sizes of their intervals, as the standard lists them.
import { describe, expect, test } from 'vitest';
import { decodeAlaw, decodeUlaw, encodeAlaw, encodeUlaw } from '../../../src/audio/g711.ts';

interface Law {
  readonly decode: (codes: Uint8Array) => Int16Array;
  readonly encode: (pcm: Int16Array) => Uint8Array;
  /** Of the standard's own numbers to 16 bits. */
  readonly scale: number;
  /** The sizes of the 128 intervals of one sign, from zero up (tables 1a and 2a, column 2). */
  readonly intervals: readonly number[];
  /** What travels for the `n`th interval of a sign. */
  readonly code: (n: number, sign: 1 | -1) => number;
}

const times = (count: number, size: number) => Array<number>(count).fill(size);

const ulaw: Law = {
  decode: decodeUlaw,
  encode: encodeUlaw,
  scale: 4,
  intervals: [1, ...times(15, 2), ...[4, 8, 16, 32, 64, 128, 256].flatMap((size) => times(16, size))],
  code: (n, sign) => (sign > 0 ? 0xff : 0x7f) - n,
};
const alaw: Law = {
  decode: decodeAlaw,
  encode: encodeAlaw,
  scale: 8,
  intervals: [...times(32, 2), ...[4, 8, 16, 32, 64, 128].flatMap((size) => times(16, size))],
  code: (n, sign) => (sign > 0 ? 0x80 + n : n) ^ 0x55,
};
const laws = [
  ['µ-law', ulaw],
  ['A-law', alaw],
] as const;

const allCodes = Uint8Array.from({ length: 256 }, (_, code) => code);
const allSamples = Int16Array.from({ length: 65_536 }, (_, index) => index - 32_768);

/** The decision values x, from 0 to the end of the last interval. */
function decisionsOf({ intervals }: Law): number[] {
  const decisions = [0];
  for (const size of intervals) decisions.push((decisions.at(-1) ?? 0) + size);
  return decisions;
}

/** The quantised values y: the middle of each interval, and 0 for the one that both signs of µ-law share. */
function valuesOf(law: Law): number[] {
  const x = decisionsOf(law);
  return law.intervals.map((size, n) => (size === 1 ? 0 : ((x[n] ?? 0) + (x[n + 1] ?? 0)) / 2));
}

describe.each(laws)('%s', (_name, law) => {
  test('has the 128 intervals of the standard', () => {
    expect(law.intervals).toHaveLength(128);
    expect(decisionsOf(law).at(-1)).toBe(law === ulaw ? 8159 : 4096);
  });

  test('decodes all 256 codes to the quantised values of the standard', () => {
    const expected = new Int16Array(256);
    for (const [n, value] of valuesOf(law).entries()) {
      for (const sign of [1, -1] as const) expected[law.code(n, sign)] = sign * value * law.scale;
    }
    expect(law.decode(allCodes)).toEqual(expected);
  });

  test('encodes all 65536 samples by the decision values of the standard', () => {
    const x = decisionsOf(law).map((decision) => decision * law.scale);
    const expected = Array.from(allSamples, (sample) => {
      const sign = sample < 0 ? -1 : 1;
      // Beyond the last decision value is overload. On one: away from zero above it, towards zero below.
      const n = x.findIndex((decision, index) =>
        index === 0 ? false : sign > 0 ? sample < decision : -sample <= decision,
      );
      return law.code(n === -1 ? 127 : n - 1, sign);
    });
    expect([...law.encode(allSamples)]).toEqual(expected);
  });

  test('decoded and encoded again, every code is itself; of the two zeros of µ-law the positive one', () => {
    const again = law.encode(law.decode(allCodes));
    const expected = allCodes.map((code) => (law === ulaw && code === 0x7f ? 0xff : code));
    expect(again).toEqual(expected);
    expect(law.decode(again)).toEqual(law.decode(allCodes));
  });

  test('coding again what was coded changes nothing', () => {
    const once = law.decode(law.encode(allSamples));
    expect(law.decode(law.encode(once))).toEqual(once);
  });

  test('louder is never quieter, and nothing wraps', () => {
    const out = law.decode(law.encode(allSamples));
    expect(out.every((value, index) => index === 0 || value >= (out[index - 1] ?? 0))).toBe(true);
    // The last decision value of A-law is the largest sample there is; that of µ-law is 132 less.
    const half = law === ulaw ? 512 + 132 : 512;
    expect(out.every((value, index) => Math.abs(value - (allSamples[index] ?? 0)) <= half)).toBe(true);
  });

  test('nothing in, nothing out', () => {
    expect(law.decode(new Uint8Array(0))).toEqual(new Int16Array(0));
    expect(law.encode(new Int16Array(0))).toEqual(new Uint8Array(0));
  });
});

describe('values that the standard prints', () => {
  test('of µ-law: the quantised value at the begin of each segment, the least and the largest', () => {
    const codes = Uint8Array.of(0x80, 0x8f, 0x9f, 0xaf, 0xbf, 0xcf, 0xdf, 0xef, 0xfe, 0xff);
    expect([...decodeUlaw(codes)].map((value) => value / 4)).toEqual([
      8031, 4191, 2079, 1023, 495, 231, 99, 33, 2, 0,
    ]);
    expect([...decodeUlaw(Uint8Array.of(0x00, 0x7e, 0x7f))]).toEqual([-32_124, -8, 0]);
  });

  test('of A-law', () => {
    const codes = Uint8Array.of(0xaa, 0xa5, 0xb5, 0x85, 0x95, 0xe5, 0xf5, 0xd5);
    expect([...decodeAlaw(codes)].map((value) => value / 8)).toEqual([
      4032, 2112, 1056, 528, 264, 132, 66, 1,
    ]);
    expect([...decodeAlaw(Uint8Array.of(0x2a, 0x55))]).toEqual([-32_256, -8]);
  });

  // Tables 5 and 6: eight codes that are 1 kHz at 0 dBm0, when the overload of a sine is at 3.14 and 3.17 dBm0.
  test.each([
    ['A-law', decodeAlaw, [0x34, 0x21, 0x21, 0x34, 0xb4, 0xa1, 0xa1, 0xb4], 4096 * 8, -3.14],
    ['µ-law', decodeUlaw, [0x1e, 0x0b, 0x0b, 0x1e, 0x9e, 0x8b, 0x8b, 0x9e], 8159 * 4, -3.17],
  ] as const)('the digital milliwatt of %s has its level', (_name, decode, codes, overload, expectedDb) => {
    const pcm = decode(Uint8Array.from(codes));
    const amplitude = Math.sqrt((2 * pcm.reduce((sum, sample) => sum + sample * sample, 0)) / pcm.length);
    expect(20 * Math.log10(amplitude / overload)).toBeCloseTo(expectedDb, 1);
    expect([...pcm].slice(4)).toEqual([...pcm].slice(0, 4).map((sample) => -sample));
  });

  test('a sine at any level of speech is at least 33 dB above what the coding adds', () => {
    for (const { decode, encode } of [ulaw, alaw]) {
      for (const levelDb of [0, -10, -20, -30]) {
        const amplitude = 32_000 * 10 ** (levelDb / 20);
        const sine = Int16Array.from({ length: 8000 }, (_, index) =>
          Math.round(amplitude * Math.sin((2 * Math.PI * 1013 * index) / 8000)),
        );
        const out = decode(encode(sine));
        const noise = sine.reduce((sum, sample, index) => sum + (sample - (out[index] ?? 0)) ** 2, 0);
        const power = sine.reduce((sum, sample) => sum + sample * sample, 0);
        expect(10 * Math.log10(power / noise)).toBeGreaterThan(33);
      }
    }
  });
});
