import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseWav, WavError, wavHeader, writeWav } from '../../../src/audio/wav.ts';

interface Parts {
  readonly code?: number;
  readonly channels?: number;
  readonly rateHz?: number;
  readonly bits?: number;
  readonly data: Uint8Array;
  readonly extensible?: boolean;
  readonly before?: readonly [name: string, body: Uint8Array][];
  readonly after?: readonly [name: string, body: Uint8Array][];
  readonly dataSize?: number;
  readonly riffSize?: number;
}

function chunk(name: string, body: Uint8Array, size = body.length): Buffer {
  const header = Buffer.alloc(8);
  header.write(name, 'latin1');
  header.writeUInt32LE(size, 4);
  return Buffer.concat([header, body, Buffer.alloc(body.length % 2)]);
}

/** A WAV put together by hand, so that the parser is not tested against our own writer alone. */
function wav(parts: Parts): Buffer {
  const { code = 1, channels = 1, rateHz = 16_000, bits = 16, data, extensible = false } = parts;
  const fmt = Buffer.alloc(extensible ? 40 : 16);
  fmt.writeUInt16LE(extensible ? 0xfffe : code, 0);
  fmt.writeUInt16LE(channels, 2);
  fmt.writeUInt32LE(rateHz, 4);
  fmt.writeUInt32LE((rateHz * channels * bits) / 8, 8);
  fmt.writeUInt16LE((channels * bits) / 8, 12);
  fmt.writeUInt16LE(bits, 14);
  if (extensible) {
    fmt.writeUInt16LE(22, 16);
    fmt.writeUInt16LE(bits, 18);
    fmt.writeUInt16LE(code, 24);
    Buffer.from('000000001000800000aa00389b71', 'hex').copy(fmt, 26);
  }
  const body = Buffer.concat([
    Buffer.from('WAVE'),
    ...(parts.before ?? []).map(([name, bytes]) => chunk(name, bytes)),
    chunk('fmt ', fmt),
    chunk('data', data, parts.dataSize),
    ...(parts.after ?? []).map(([name, bytes]) => chunk(name, bytes)),
  ]);
  const header = Buffer.from('RIFF\0\0\0\0', 'latin1');
  header.writeUInt32LE(parts.riffSize ?? body.length, 4);
  return Buffer.concat([header, body]);
}

const int16 = (...values: number[]) => new Uint8Array(Int16Array.from(values).buffer);
const samplesOf = (parts: Parts) => [...parseWav(wav(parts)).pcm];

describe('reading WAV', () => {
  test('what is written is read back, at any offset of its buffer', () => {
    fc.assert(
      fc.property(
        fc.int16Array({ maxLength: 200 }),
        fc.integer({ min: 1, max: 192_000 }),
        fc.nat(3),
        (pcm, rateHz, offset) => {
          const file = writeWav(pcm, rateHz);
          const shifted = new Uint8Array(file.length + offset);
          shifted.set(file, offset);
          expect(parseWav(shifted.subarray(offset))).toEqual({ pcm, rateHz });
        },
      ),
    );
  });

  test('our header is the one that others write', () => {
    const data = int16(1, -2, 3);
    expect(Buffer.from(writeWav(Int16Array.of(1, -2, 3), 16_000))).toEqual(wav({ data }));
  });

  test('a header written for a stream that goes on is completed by writing it anew', () => {
    const data = int16(4, 5);
    expect([...parseWav(Buffer.concat([wavHeader(0, 8000), data])).pcm]).toEqual([4, 5]);
    expect(Buffer.concat([wavHeader(4, 8000), data])).toEqual(wav({ rateHz: 8000, data }));
  });

  test('every integer width and float become 16 bit', () => {
    expect(samplesOf({ bits: 8, data: Uint8Array.of(128, 0, 255) })).toEqual([0, -32_768, 32_512]);
    const wide = Uint8Array.of(0, 0, 0x80, 0xff, 0x7f, 0x00, 0xff, 0xff, 0x7f);
    expect(samplesOf({ bits: 24, data: wide })).toEqual([-32_768, 128, 32_767]);
    const wider = new Uint8Array(Int32Array.of(-(2 ** 31), 2 ** 31 - 1, 3 << 16).buffer);
    expect(samplesOf({ bits: 32, data: wider })).toEqual([-32_768, 32_767, 3]);
    const floats = new Uint8Array(Float32Array.of(-1, 1, 0.5, 7, Number.NaN).buffer);
    expect(samplesOf({ code: 3, bits: 32, data: floats })).toEqual([-32_768, 32_767, 16_384, 32_767, 0]);
  });

  test('channels are averaged to mono', () => {
    expect(samplesOf({ channels: 2, data: int16(100, 200, -32_768, -32_768, 5, -5) })).toEqual([
      150, -32_768, 0,
    ]);
  });

  test('an extensible header is understood', () => {
    expect(samplesOf({ extensible: true, data: int16(1, 2) })).toEqual([1, 2]);
    const floats = new Uint8Array(Float32Array.of(0.5).buffer);
    expect(samplesOf({ extensible: true, code: 3, bits: 32, data: floats })).toEqual([16_384]);
  });

  test('chunks around the samples are skipped, with their padding', () => {
    const before: Parts['before'] = [
      ['LIST', Buffer.from('odd')],
      ['junk', Buffer.alloc(0)],
    ];
    expect(samplesOf({ before, after: [['LIST', Buffer.from('tail')]], data: int16(7, 8) })).toEqual([7, 8]);
  });

  test.each([
    ['0 in both', 0, 0],
    ['0xFFFFFFFF in both', 0xffffffff, 0xffffffff],
    ['0xFFFFFFFF for the data', 0xffffffff, undefined],
  ])('sizes never filled in (%s) mean the rest of the file', (_name, dataSize, riffSize) => {
    const parts = { data: int16(1, 2, 3), dataSize, ...(riffSize === undefined ? {} : { riffSize }) };
    expect(samplesOf(parts)).toEqual([1, 2, 3]);
  });

  test('a data size of 0 is believed where the outer size confirms it', () => {
    expect(samplesOf({ data: new Uint8Array(0), after: [['LIST', Buffer.from('four')]] })).toEqual([]);
  });

  test('a file cut short gives the whole samples that are there', () => {
    const file = wav({ data: int16(1, 2, 3, 4) });
    expect([...parseWav(file.subarray(0, file.length - 3)).pcm]).toEqual([1, 2]);
    const stereo = wav({ channels: 2, data: int16(2, 4, 6, 8) });
    expect([...parseWav(stereo.subarray(0, stereo.length - 1)).pcm]).toEqual([3]);
  });

  const data = int16(1);
  test.each([
    ['an empty file', Buffer.alloc(0), /0 bytes are too few/],
    ['another kind of file', Buffer.from('OggS............'), /"RIFF" expected at offset 0, found "OggS"/],
    ['another kind of RIFF', Buffer.from('RIFF....AVI ....'), /"WAVE" expected at offset 8, found "AVI "/],
    ['a header alone', wav({ data }).subarray(0, 12), /no "fmt " chunk: the file ends at offset 12/],
    [
      'a format without samples',
      wav({ data }).subarray(0, 36),
      /no "data" chunk: the file ends at offset 36/,
    ],
    ['a short format', wav({ data }).subarray(0, 30), /"fmt " chunk at offset 12 has 10 bytes, at least 16/],
    [
      'a compressed format',
      wav({ code: 2, bits: 4, channels: 2, data }),
      /format 2 with 4 bits is not supported/,
    ],
    ['64-bit floats', wav({ code: 3, bits: 64, data }), /format 3 with 64 bits is not supported/],
    ['no channels', wav({ channels: 0, data }), /0 channels/],
    ['no rate', wav({ rateHz: 0, data }), /a rate of 0 Hz/],
  ])('%s is refused with the reason', (_name, file, message) => {
    expect(() => parseWav(file)).toThrow(WavError);
    expect(() => parseWav(file)).toThrow(message);
  });

  test('samples before the format, and a frame size that does not fit, are refused', () => {
    const early = Buffer.concat([Buffer.from('RIFF....WAVE'), chunk('data', data)]);
    expect(() => parseWav(early)).toThrow(/"data" chunk at offset 12 comes before any "fmt " chunk/);
    const file = wav({ data });
    file.writeUInt16LE(3, 32);
    expect(() => parseWav(file)).toThrow(/3 bytes a frame, 2 expected for 1 channels of 16 bits/);
  });

  test('no bytes whatever make it throw anything but a WavError', () => {
    const file = wav({ extensible: true, channels: 2, data: int16(1, 2, 3, 4) });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(file.length - 1), fc.nat(255)), { maxLength: 6 }),
        fc.nat(),
        (edits, cut) => {
          const broken = Buffer.from(file.subarray(0, cut % (file.length + 1)));
          for (const [at, value] of edits) broken[at] = value;
          try {
            parseWav(broken);
          } catch (error) {
            expect(error).toBeInstanceOf(WavError);
          }
        },
      ),
    );
  });
});
