import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { writeWav } from '../../../../src/audio/wav.ts';
import { speechBody } from '../../../../src/engines/http/speech-body.ts';

const pcm = Int16Array.from({ length: 500 }, (_, at) => at * 100 - 25_000);
const raw = Buffer.from(pcm.buffer);

function decode(type: string | undefined, bytes: Uint8Array, sizes: readonly number[] = []) {
  const body = speechBody(type);
  if (!body) throw new Error(`${type} is refused`);
  const samples: number[] = [];
  const rates = new Set<number>();
  for (let at = 0, count = 0; at < bytes.length; count += 1) {
    const end = at + (sizes[count % sizes.length] ?? bytes.length);
    const chunk = body.push(Buffer.from(bytes.subarray(at, end)));
    if (chunk) {
      samples.push(...chunk.pcm);
      rates.add(chunk.rate);
    }
    at = end;
  }
  body.end();
  return { samples, rates: [...rates] };
}

/** 16-bit stereo with a chunk before the samples and one after. */
function studioWav(dataBytes?: number): Buffer {
  const plain = Buffer.from(writeWav(pcm, 22_050));
  const fmt = Buffer.from(plain.subarray(12, 36));
  fmt.writeUInt16LE(2, 10);
  fmt.writeUInt16LE(4, 20);
  const list = Buffer.from('LIST\x03\x00\x00\x00abc\x00', 'latin1');
  const data = Buffer.alloc(8);
  data.write('data');
  data.writeUInt32LE(dataBytes ?? raw.length * 2, 4);
  const both = Buffer.alloc(raw.length * 2);
  for (const [at, sample] of pcm.entries()) {
    both.writeInt16LE(sample, at * 4);
    both.writeInt16LE(sample, at * 4 + 2);
  }
  const parts = [plain.subarray(0, 12), list, fmt, data, both];
  return Buffer.concat(dataBytes === undefined ? [...parts, list] : parts);
}

const pieces = fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1 });

describe('the body of a speech answer', () => {
  test.each([
    undefined,
    'audio/pcm',
    'Audio/PCM',
    'audio/L16; channels=1',
    'application/octet-stream',
    'binary/octet-stream',
  ])('of type %s is raw samples at 24 kHz', (type) => {
    expect(decode(type, raw, [333])).toEqual({ samples: [...pcm], rates: [24_000] });
  });

  test.each(['audio/pcm;rate=16000', 'audio/L16; rate="16000"; channels=1'])(
    'of type %s has that rate',
    (type) => {
      expect(decode(type, raw).rates).toEqual([16_000]);
    },
  );

  test.each([
    ['plain', 'audio/wav', Buffer.from(writeWav(pcm, 16_000)), 16_000],
    ['plain, by its first bytes', undefined, Buffer.from(writeWav(pcm, 16_000)), 16_000],
    ['stereo, with other chunks', 'audio/x-wav', studioWav(), 22_050],
    ['stereo, of a size that was never filled in', 'audio/vnd.wave', studioWav(0xffffffff), 22_050],
    ['stereo, of no size', 'audio/wave', studioWav(0), 22_050],
  ])('that is a WAV (%s) is read as it comes, at its own rate', (_, type, wav, rate) => {
    fc.assert(
      fc.property(pieces, (sizes) => {
        expect(decode(type, wav, sizes)).toEqual({ samples: [...pcm], rates: [rate] });
      }),
      { numRuns: 50 },
    );
  });

  test.each(['text/html', 'application/json', 'audio/mpeg', 'text/event-stream', 'x'])(
    'of type %s is none',
    (type) => {
      expect(speechBody(type)).toBeNull();
    },
  );

  test.each([
    ['nothing', Buffer.alloc(0), 'its answer has no samples (0 bytes)'],
    ['a WAV without samples', writeWav(new Int16Array(0), 16_000), 'its answer has no samples (a WAV'],
    [
      'a WAV that ends in its head',
      writeWav(pcm, 16_000).subarray(0, 30),
      'its answer has no samples (a WAV',
    ],
  ])('with %s has nothing to hear', (_, bytes, why) => {
    expect(() => decode(undefined, bytes)).toThrow(why);
  });

  test.each([
    ['audio/pcm;rate=1', raw],
    ['audio/pcm;rate=384001', raw],
    ['audio/wav', Buffer.from(writeWav(pcm, 1))],
  ])('(%s) at a rate that is none is refused', (type, bytes) => {
    const why = /^its audio is at \d+ Hz, not at a whole number of samples per second from 1000 to 384000$/;
    expect(() => decode(type, bytes)).toThrow(why);
  });

  test('that is a WAV we cannot read says so, and one without samples is not kept for ever', () => {
    const wav = Buffer.from(writeWav(pcm, 16_000));
    wav.writeUInt16LE(85, 20);
    expect(() => decode('audio/wav', wav)).toThrow('format 85 with 16 bits is not supported');
    const endless = Buffer.concat([wav.subarray(0, 12), Buffer.alloc(70_000)]);
    endless.write('LIST', 12);
    endless.writeUInt32LE(0x7fffffff, 16);
    expect(() => decode('audio/wav', endless)).toThrow('no samples in its first 65536 bytes');
  });
});
