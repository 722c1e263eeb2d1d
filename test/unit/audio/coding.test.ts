// Streams of samples as they travel, to PCM16 at 24 kHz and back.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bytesPerSample, type Coding, StreamDecoder, StreamEncoder } from '../../../src/audio/coding.ts';
import { decodeAlaw, decodeUlaw } from '../../../src/audio/g711.ts';
import { bytesToPcm, concatPcm, pcmToBytes } from '../../../src/audio/pcm.ts';

const insideHz = 24_000;
const codings: readonly Coding[] = [
  ...[8000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000].map((rateHz) => ({
    law: 'linear' as const,
    rateHz,
  })),
  { law: 'ulaw', rateHz: 8000 },
  { law: 'alaw', rateHz: 8000 },
];
const named = codings.map((coding) => [`${coding.law} at ${coding.rateHz} Hz`, coding] as const);

const joined = (chunks: readonly Uint8Array[]) => Uint8Array.from(chunks.flatMap((chunk) => [...chunk]));

function decoded(bytes: Uint8Array, coding: Coding, cuts: readonly number[] = []): Int16Array {
  const decoder = new StreamDecoder(coding, insideHz);
  const chunks: Int16Array[] = [];
  let at = 0;
  for (const cut of cuts) chunks.push(decoder.push(bytes.subarray(at, (at += cut))));
  return concatPcm([...chunks, decoder.push(bytes.subarray(at)), decoder.flush()]);
}

function encoded(pcm: Int16Array, coding: Coding, cuts: readonly number[] = []): Uint8Array {
  const encoder = new StreamEncoder(insideHz, coding);
  const chunks: Uint8Array[] = [];
  let at = 0;
  for (const cut of cuts) chunks.push(encoder.push(pcm.subarray(at, (at += cut))));
  return joined([...chunks, encoder.push(pcm.subarray(at)), encoder.flush()]);
}

function tone(hz: number, samples: number, amplitude = 20_000): Int16Array {
  return Int16Array.from({ length: samples }, (_, index) =>
    Math.round(amplitude * Math.sin((2 * Math.PI * hz * index) / insideHz)),
  );
}

/** How far what was changed lies below the signal; both ends of a tone that begins at once ring. */
function snrDb(before: Int16Array, after: Int16Array): number {
  let [power, noise] = [0, 0];
  for (let index = 600; index < before.length - 600; index++) {
    const [was, is] = [before[index] ?? 0, after[index] ?? 0];
    power += was * was;
    noise += (was - is) ** 2;
  }
  return 10 * Math.log10(power / noise);
}

const cuts = fc.array(fc.integer({ min: 0, max: 801 }), { maxLength: 20 });

describe.each(named)('%s', (_name, coding) => {
  test('comes in the same however its bytes are cut, also within a sample, and lasts as long', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4000 }), cuts, (bytes, where) => {
        const whole = decoded(bytes, coding);
        expect(decoded(bytes, coding, where)).toEqual(whole);
        const samples = Math.floor(bytes.length / bytesPerSample(coding));
        expect(whole.length).toBe(Math.round((samples * insideHz) / coding.rateHz));
      }),
      { numRuns: 25 },
    );
  });

  test('goes out the same however the samples are cut, and lasts as long, to a sample', () => {
    fc.assert(
      fc.property(fc.int16Array({ maxLength: 4000 }), cuts, (pcm, where) => {
        const whole = encoded(pcm, coding);
        expect(encoded(pcm, coding, where)).toEqual(whole);
        const samples = Math.round((pcm.length * coding.rateHz) / insideHz);
        expect(whole.length).toBe(samples * bytesPerSample(coding));
      }),
      { numRuns: 25 },
    );
  });

  // 1 and 3 kHz are in the band of a telephone.
  test.each([1000, 3000])('a tone of %i Hz goes out and comes in again', (hz) => {
    const before = tone(hz, insideHz);
    const after = decoded(encoded(before, coding), coding);
    expect(after.length).toBe(before.length);
    expect(snrDb(before, after)).toBeGreaterThan(coding.law === 'linear' ? 84 : 36);
  });
});

/** Less than in the middle of the band: the ripple of two filters counts as noise here. */
test('the widest band of each rate survives the way out and in: 0.9 of its half', () => {
  for (const coding of codings.filter(({ law }) => law === 'linear')) {
    const before = tone(0.89 * Math.min(insideHz, coding.rateHz) * 0.5, insideHz);
    expect(snrDb(before, decoded(encoded(before, coding), coding))).toBeGreaterThan(75);
  }
});

test('PCM16 at the rate of inside is passed through as it is', () => {
  const pcm = Int16Array.of(1, -2, 32_767, -32_768);
  const coding: Coding = { law: 'linear', rateHz: insideHz };
  expect(decoded(pcmToBytes(pcm), coding)).toEqual(pcm);
  expect(bytesToPcm(encoded(pcm, coding))).toEqual(pcm);
});

test('G.711 at the rate of inside is its table and nothing else', () => {
  const codes = Uint8Array.from({ length: 256 }, (_, code) => code);
  expect(decoded(codes, { law: 'ulaw', rateHz: insideHz })).toEqual(decodeUlaw(codes));
  expect(decoded(codes, { law: 'alaw', rateHz: insideHz })).toEqual(decodeAlaw(codes));
});

test('a flush ends a stretch of audio: the next one is as of a new decoder, but for half a sample that waits', () => {
  const coding: Coding = { law: 'linear', rateHz: 16_000 };
  const bytes = pcmToBytes(tone(700, 1600));
  const decoder = new StreamDecoder(coding, insideHz);
  const first = concatPcm([decoder.push(bytes.subarray(0, 1601)), decoder.flush()]);
  expect(first).toEqual(decoded(bytes.subarray(0, 1600), coding));
  const second = concatPcm([decoder.push(bytes.subarray(1601)), decoder.flush()]);
  expect(second).toEqual(decoded(bytes.subarray(1600), coding));
});

test('half a sample whose other half will not come is forgotten', () => {
  const decoder = new StreamDecoder({ law: 'linear', rateHz: insideHz }, insideHz);
  decoder.push(Uint8Array.of(1, 0, 9));
  decoder.dropHalf();
  expect([...decoder.push(Uint8Array.of(2, 0))]).toEqual([2]);
});
