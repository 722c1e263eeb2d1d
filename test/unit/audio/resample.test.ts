import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concatPcm } from '../../../src/audio/pcm.ts';
import { Resampler, resample } from '../../../src/audio/resample.ts';

const rates = [8000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000] as const;
const rate = fc.constantFrom(...rates);

/** Every rate of the wire to that of inside (24 kHz) and back, and what models of 16 kHz are given. */
const pairs: readonly (readonly [number, number])[] = [
  ...rates.filter((hz) => hz !== 24_000).flatMap((hz) => [[hz, 24_000] as const, [24_000, hz] as const]),
  [48_000, 16_000],
  [22_050, 16_000],
];

const amplitude = 30_000;
/** Both ends of a sine that starts and stops at once ring; quality is measured between. */
const edgeSamples = 400;

function sine(hz: number, rateHz: number, samples: number): Int16Array {
  return Int16Array.from({ length: samples }, (_, index) =>
    Math.round(amplitude * Math.sin((2 * Math.PI * hz * index) / rateHz)),
  );
}

/** Least squares: the sine of this frequency that is in the signal, and how far all the rest lies below it. */
function measure(
  pcm: Int16Array,
  hz: number,
  rateHz: number,
): { gainDb: number; snrDb: number; phase: number } {
  let [ss, sc, cc, ys, yc, yy, count] = [0, 0, 0, 0, 0, 0, 0];
  for (let index = edgeSamples; index < pcm.length - edgeSamples; index++) {
    const angle = (2 * Math.PI * hz * index) / rateHz;
    const [s, c, y] = [Math.sin(angle), Math.cos(angle), pcm[index] ?? 0];
    ss += s * s;
    sc += s * c;
    cc += c * c;
    ys += y * s;
    yc += y * c;
    yy += y * y;
    count += 1;
  }
  const determinant = ss * cc - sc * sc;
  const [a, b] = [(ys * cc - yc * sc) / determinant, (yc * ss - ys * sc) / determinant];
  const power = (a * a + b * b) / 2;
  const rest = yy / count - (a * ys + b * yc) / count;
  return {
    gainDb: 20 * Math.log10(Math.hypot(a, b) / amplitude),
    snrDb: 10 * Math.log10(power / rest),
    phase: Math.atan2(b, a),
  };
}

function levelDb(pcm: Int16Array): number {
  const middle = pcm.subarray(edgeSamples, -edgeSamples);
  const power = middle.reduce((sum, sample) => sum + sample * sample, 0) / middle.length;
  return 10 * Math.log10(Math.max(power, 1e-9) / (amplitude ** 2 / 2));
}

describe('resampling', () => {
  test('however the input is cut, the output is the same, and of the exact length', () => {
    fc.assert(
      fc.property(
        rate,
        rate,
        fc.int16Array({ maxLength: 4000 }),
        fc.array(fc.integer({ min: 0, max: 700 }), { maxLength: 20 }),
        (fromHz, toHz, pcm, cuts) => {
          const resampler = new Resampler({ fromHz, toHz });
          const chunks: Int16Array[] = [];
          let at = 0;
          for (const cut of cuts) chunks.push(resampler.push(pcm.subarray(at, (at += cut))));
          chunks.push(resampler.push(pcm.subarray(at)), resampler.flush());
          expect(concatPcm(chunks)).toEqual(resample(pcm, fromHz, toHz));
          expect(concatPcm(chunks).length).toBe(Math.round((pcm.length * toHz) / fromHz));
        },
      ),
      { numRuns: 60 },
    );
  });

  test('a long recording in one piece is the same as in many', () => {
    const pcm = sine(440, 48_000, 100_000);
    const resampler = new Resampler({ fromHz: 48_000, toHz: 24_000 });
    const chunks: Int16Array[] = [];
    for (let at = 0; at < pcm.length; at += 960) chunks.push(resampler.push(pcm.subarray(at, at + 960)));
    expect(concatPcm([...chunks, resampler.flush()])).toEqual(resample(pcm, 48_000, 24_000));
  });

  test('output comes as soon as its half filter of input is there, not at the end', () => {
    const resampler = new Resampler({ fromHz: 24_000, toHz: 16_000 });
    const out = Array.from({ length: 50 }, () => resampler.push(new Int16Array(480)).length);
    expect(out[0]).toBeGreaterThan(240);
    expect(out.slice(1).every((length) => length === 320)).toBe(true);
  });

  test.each(pairs)(
    '%i to %i Hz is flat to 0.9 of the lower Nyquist frequency, clean and without delay',
    (fromHz, toHz) => {
      for (const part of [0.011, 0.31, 0.63, 0.8, 0.9]) {
        const hz = (part * Math.min(fromHz, toHz)) / 2;
        const { gainDb, snrDb, phase } = measure(
          resample(sine(hz, fromHz, fromHz / 4), fromHz, toHz),
          hz,
          toHz,
        );
        expect(Math.abs(gainDb)).toBeLessThan(0.01);
        expect(snrDb).toBeGreaterThan(85);
        expect(Math.abs(phase)).toBeLessThan(1e-5);
      }
    },
  );

  test.each(pairs.filter(([fromHz, toHz]) => fromHz > toHz))(
    '%i to %i Hz lets nothing through that would alias',
    (fromHz, toHz) => {
      for (const part of [1.01, 1.1, 1.35]) {
        const hz = (part * toHz) / 2;
        if (hz >= fromHz / 2) continue;
        expect(levelDb(resample(sine(hz, fromHz, fromHz / 4), fromHz, toHz))).toBeLessThan(-78);
      }
    },
  );

  test.each(pairs)(
    '%i to %i Hz for a machine is flat to 0.75 of it, and 56 dB down beyond',
    (fromHz, toHz) => {
      const forMachine = (hz: number) => {
        const resampler = new Resampler({ fromHz, toHz, listener: 'machine' });
        return concatPcm([resampler.push(sine(hz, fromHz, fromHz / 4)), resampler.flush()]);
      };
      for (const part of [0.011, 0.31, 0.63, 0.75]) {
        const hz = (part * Math.min(fromHz, toHz)) / 2;
        const { gainDb, snrDb } = measure(forMachine(hz), hz, toHz);
        expect(Math.abs(gainDb)).toBeLessThan(0.05);
        expect(snrDb).toBeGreaterThan(56);
      }
      for (const part of [1.01, 1.1, 1.35]) {
        const hz = (part * toHz) / 2;
        if (hz < fromHz / 2) expect(levelDb(forMachine(hz))).toBeLessThan(-56);
      }
    },
  );

  test.each(rates.filter((hz) => hz !== 24_000))('24000 to %i Hz and back leaves a tone clean', (hz) => {
    const before = sine(1234.5, 24_000, 24_000);
    const { gainDb, snrDb, phase } = measure(
      resample(resample(before, 24_000, hz), hz, 24_000),
      1234.5,
      24_000,
    );
    expect(Math.abs(gainDb)).toBeLessThan(0.01);
    expect(snrDb).toBeGreaterThan(85);
    expect(Math.abs(phase)).toBeLessThan(1e-5);
  });

  test('loud signals saturate and never wrap', () => {
    const square = Int16Array.from({ length: 8000 }, (_, index) => (index % 200 < 100 ? 32_767 : -32_768));
    const out = resample(square, 16_000, 24_000);
    const highs = out.filter((_, index) => index % 300 > 10 && index % 300 < 140);
    const lows = out.filter((_, index) => index % 300 > 160 && index % 300 < 290);
    expect(Math.min(...highs)).toBeGreaterThan(25_000);
    expect(Math.max(...highs)).toBe(32_767);
    expect(Math.max(...lows)).toBeLessThan(-25_000);
    expect(Math.min(...lows)).toBe(-32_768);
  });

  test('a constant stays that constant', () => {
    const out = resample(new Int16Array(4000).fill(12_345), 44_100, 24_000).subarray(200, -200);
    expect(new Set(out)).toEqual(new Set([12_345]));
  });

  test('equal rates pass the samples through', () => {
    const pcm = Int16Array.of(1, 2, 3);
    const resampler = new Resampler({ fromHz: 24_000, toHz: 24_000 });
    expect(resampler.push(pcm)).toEqual(pcm);
    expect(resampler.flush().length).toBe(0);
    expect(resample(pcm, 24_000, 24_000)).toEqual(pcm);
  });

  test('after a flush the resampler is as new', () => {
    const resampler = new Resampler({ fromHz: 16_000, toHz: 24_000 });
    const pcm = sine(440, 16_000, 3000);
    const first = concatPcm([resampler.push(pcm), resampler.flush()]);
    expect(concatPcm([resampler.push(pcm), resampler.flush()])).toEqual(first);
  });

  test('a rate that is none, and a ratio that would need a huge table, are refused', () => {
    expect(() => new Resampler({ fromHz: 0, toHz: 0 })).toThrow('whole number of Hz above 0, not 0');
    expect(() => new Resampler({ fromHz: 24_000, toHz: Number.NaN })).toThrow('not NaN');
    expect(() => new Resampler({ fromHz: 16_000, toHz: 47_999 })).toThrow(
      /ratio 47999:16000 needs \d+ coefficients/,
    );
  });
});
