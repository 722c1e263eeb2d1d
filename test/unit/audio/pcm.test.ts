import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  base64ToPcm,
  bytesToPcm,
  concatPcm,
  durationMs,
  pcmToBase64,
  pcmToBytes,
  samplesIn,
  toSample,
} from '../../../src/audio/pcm.ts';

const samples = fc.int16Array({ maxLength: 300 });

describe('PCM16 in its three shapes', () => {
  test('samples survive base64 and bytes unchanged', () => {
    fc.assert(
      fc.property(samples, (pcm) => {
        expect(base64ToPcm(pcmToBase64(pcm))).toEqual(pcm);
        expect(bytesToPcm(pcmToBytes(pcm))).toEqual(pcm);
      }),
    );
  });

  test('bytes at any offset of their buffer give the same samples, as a Uint8Array and as a Buffer', () => {
    fc.assert(
      fc.property(samples, fc.nat(9), (pcm, offset) => {
        const backing = new Uint8Array(offset + pcm.byteLength + 3);
        backing.set(pcmToBytes(pcm), offset);
        expect(bytesToPcm(backing.subarray(offset, offset + pcm.byteLength))).toEqual(pcm);
        expect(bytesToPcm(Buffer.from(backing.buffer, offset, pcm.byteLength))).toEqual(pcm);
      }),
    );
  });

  test('aligned bytes are viewed, not copied', () => {
    const bytes = Uint8Array.of(0, 0, 1, 2, 3, 4).subarray(2);
    expect(bytesToPcm(bytes).buffer).toBe(bytes.buffer);
    expect([...bytesToPcm(bytes)]).toEqual([0x0201, 0x0403]);
  });

  test('a view on part of a buffer gives its own samples only', () => {
    const part = Int16Array.of(1, 2, 3, 4).subarray(1, 3);
    expect([...base64ToPcm(pcmToBase64(part))]).toEqual([2, 3]);
    expect([...pcmToBytes(part)]).toEqual([2, 0, 3, 0]);
  });

  test('half a sample at the end is left out', () => {
    expect([...bytesToPcm(Uint8Array.of(1, 0, 9))]).toEqual([1]);
    expect([...base64ToPcm(Buffer.from([1, 0, 9]).toString('base64'))]).toEqual([1]);
  });

  test('decoded audio owns its memory, so that it can be transferred to a worker', () => {
    const pcm = base64ToPcm(pcmToBase64(Int16Array.of(1, 2, 3)));
    expect(pcm.buffer.byteLength).toBe(6);
    expect([...structuredClone(pcm, { transfer: [pcm.buffer as ArrayBuffer] })]).toEqual([1, 2, 3]);
    expect(pcm.length).toBe(0);
  });

  test('durations and sample counts convert both ways', () => {
    expect(durationMs(480, 24_000)).toBe(20);
    expect(samplesIn(20, 24_000)).toBe(480);
    expect(samplesIn(10, 22_050)).toBe(221);
  });

  test('a value out of range saturates', () => {
    expect([40_000, 32_767.4, -40_000, 0.5, -0.4].map(toSample)).toEqual([32_767, 32_767, -32_768, 1, -0]);
  });

  test('chunks are joined in order', () => {
    expect([...concatPcm([Int16Array.of(1), new Int16Array(0), Int16Array.of(2, 3)])]).toEqual([1, 2, 3]);
    expect(concatPcm([]).length).toBe(0);
  });
});
