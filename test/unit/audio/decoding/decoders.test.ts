// The thread that decodes: what comes out is what went in, at the rate that is wished; what breaks, dies or is closed.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { DecoderStream } from '../../../../src/audio/decoding/decoder-stream.ts';
import { Decoders } from '../../../../src/audio/decoding/decoders.ts';
import { concatPcm } from '../../../../src/audio/pcm.ts';
import { writeWav } from '../../../../src/audio/wav.ts';
import { shippedFile } from '../../../../src/engines/locate.ts';
import {
  cluster,
  ebmlHeader,
  joined,
  opusHeadBytes,
  packet,
  segment,
  simpleBlock,
  tonePath,
  track,
  tracks,
} from '../webm/streams.ts';

const tone = new Uint8Array(readFileSync(tonePath));

function open(file = shippedFile('decoding')) {
  const decoders = new Decoders({ file });
  return { decoders, [Symbol.asyncDispose]: () => decoders.close() };
}

async function all(stream: DecoderStream, bytes: Uint8Array, pieceBytes = bytes.length): Promise<Int16Array> {
  const pieces: Int16Array[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes)
    for await (const pcm of stream.decode(bytes.subarray(at, at + pieceBytes))) pieces.push(pcm);
  return concatPcm([...pieces, await stream.end()]);
}

/** By its rising zero crossings, between samples. */
function frequency(pcm: Int16Array, rateHz: number): number {
  const crossings: number[] = [];
  for (let at = 1; at < pcm.length; at += 1) {
    const [before = 0, now = 0] = [pcm[at - 1], pcm[at]];
    if (before < 0 && now >= 0) crossings.push(at - now / (now - before));
  }
  const [first = 0] = crossings;
  return ((crossings.length - 1) * rateHz) / ((crossings.at(-1) ?? 0) - first);
}

test.each([8000, 16_000, 24_000, 44_100, 48_000])(
  'a recorded tone at %i Hz: its length to the sample, its pitch, its loudness',
  async (rateHz) => {
    await using made = open();
    const stream = made.decoders.open('webm', rateHz);
    const pcm = await all(stream, tone, 333);
    expect(pcm.length).toBe(Math.round(2.94 * rateHz));
    expect(stream.facts).toEqual({ codec: 'opus', rateHz: 48_000, samples: 141_120 });
    const middle = pcm.subarray(rateHz / 2, rateHz * 2.5);
    expect(Math.abs(frequency(middle, rateHz) - 440)).toBeLessThan(0.2);
    const rms = Math.sqrt(middle.reduce((sum, sample) => sum + sample ** 2, 0) / middle.length);
    // 0.3 of full scale.
    expect(Math.abs(rms / ((0.3 * 32_768) / Math.SQRT2) - 1)).toBeLessThan(0.1);
  },
);

test('what is to be left out at the beginning is; two channels are mixed; the gain is heeded', async () => {
  await using made = open();
  const of = (head: Uint8Array, toc: number) => {
    const frame = packet(10);
    frame[0] = toc;
    const blocks = [simpleBlock(frame), simpleBlock(frame)];
    return joined(ebmlHeader, segment([tracks(track({ head })), cluster(blocks, 'unknown')], 'unknown'));
  };
  for (const [channels, toc] of [
    [1, 0xf8],
    [2, 0xfc],
  ] as const) {
    const pcm = await all(
      made.decoders.open('webm', 24_000),
      of(opusHeadBytes({ channels, preSkip: 312 }), toc),
    );
    expect(pcm.length).toBe(960 - 156);
  }
  const quiet = Buffer.from(tone);
  // -20 dB, in 256ths.
  quiet.writeInt16LE(-20 * 256, quiet.indexOf('OpusHead') + 16);
  const loudest = (pcm: Int16Array) => pcm.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  const [loud, soft] = [
    await all(made.decoders.open('webm', 24_000), tone),
    await all(made.decoders.open('webm', 24_000), quiet),
  ];
  expect(Math.abs(loudest(loud) / loudest(soft) - 10)).toBeLessThan(0.1);
});

test('a WAV in pieces is that WAV, also cut in the middle of a sample', async () => {
  await using made = open();
  const pcm = Int16Array.from({ length: 30_001 }, (_, at) => (at * 7919) % 20_000);
  const file = writeWav(pcm, 24_000);
  for (const pieceBytes of [1000, 7, file.length]) {
    const stream = made.decoders.open('wav', 24_000);
    const said = pieceBytes === 7 ? pcm.subarray(0, 1478) : pcm;
    expect(await all(stream, writeWav(said, 24_000), pieceBytes)).toEqual(said);
    stream.close();
  }
  const half = made.decoders.open('wav', 12_000);
  expect((await all(half, file)).length).toBe(15_001);
  const looked = made.decoders.open('wav', null);
  expect((await all(looked, file)).length).toBe(0);
  expect(looked.facts).toEqual({ codec: 'pcm', rateHz: 24_000, samples: 30_001 });
  const odd = made.decoders.open('wav', 24_000);
  await expect(all(odd, new Uint8Array(Buffer.from('RIFF....WAVEfmt ')))).rejects.toMatchObject({
    code: 'invalid_audio',
  });
});

test('a stream that breaks says where, gives what came before, and hears the next one', async () => {
  await using made = open();
  const stream = made.decoders.open('webm', 24_000);
  const pieces: Int16Array[] = [];
  const broken = (async () => {
    for await (const pcm of stream.decode(joined(tone, Uint8Array.of(0x42, 0x42, 0x81, 0)))) pieces.push(pcm);
  })();
  await expect(broken).rejects.toMatchObject({
    ...{ code: 'invalid_audio', details: { at_byte: 7249 } },
    message: 'the WebM stream is broken at byte 7249: no element of a WebM is 0x4242',
  });
  expect(concatPcm(pieces).length).toBe(70_560);
  expect((await all(stream, tone.subarray(2000))).length).toBe(0);
  expect((await all(stream, tone)).length).toBe(70_560);
});

test('the place of a stream is told where it is wanted, and to nobody else', async () => {
  await using made = open();
  const [told, untold] = [
    made.decoders.open('webm', 24_000, { place: 'told' }),
    made.decoders.open('webm', 24_000),
  ];
  for (const stream of [told, untold]) for await (const _ of stream.decode(tone.subarray(0, 3000)));
  expect(untold.place).toBeUndefined();
  const { lead, skip } = told.place ?? { lead: new Uint8Array(0), skip: -1 };
  expect(skip).toBe(0);
  // What goes on there has all that was not whole.
  const [before, after] = [told.facts?.samples ?? 0, made.decoders.open('webm', null)];
  for await (const _ of after.decode(joined(lead, tone.subarray(3000))));
  expect(before).toBeGreaterThan(0);
  // The beginning, which is left out of each, is the same.
  const file = Buffer.from(tone);
  const preSkip = file.readUInt16LE(file.indexOf('OpusHead') + 10);
  expect(before + (after.facts?.samples ?? 0)).toBe(141_120 - preSkip);
  const spoilt = joined(tone.subarray(3000), Uint8Array.of(0x42, 0x42, 0x81, 0));
  const heard = async () => {
    for await (const _ of told.decode(spoilt));
  };
  await expect(heard()).rejects.toThrow(/broken/);
  expect(told.place).toBeUndefined();
});

test('many at once, each its own; whoever is closed gets nothing more, and holds nothing', async () => {
  await using made = open();
  const streams = Array.from({ length: 8 }, () => made.decoders.open('webm', 24_000));
  const lengths = await Promise.all(streams.map(async (stream) => (await all(stream, tone, 1000)).length));
  expect(lengths).toEqual(new Array(8).fill(70_560));
  for (const stream of streams) stream.close();
  const stream = made.decoders.open('webm', 24_000);
  let pieces = 0;
  for await (const _ of stream.decode(joined(...new Array<Uint8Array>(20).fill(tone)))) {
    pieces += 1;
    stream.close();
  }
  expect(pieces).toBe(1);
  expect(await stream.end()).toEqual(new Int16Array(0));
  expect(made.decoders.count).toBe(0);
});

test('a thread that cannot live: its streams are told, the next one has another thread; closed, nothing is opened', async () => {
  const made = open('/nowhere/decoding.js');
  const lost = made.decoders.open('webm', 24_000);
  await expect(all(lost, tone)).rejects.toMatchObject({
    ...{
      code: 'internal_error',
      message: expect.stringContaining('the thread that decodes audio has ended'),
    },
  });
  expect(lost.state).toBe('lost');
  expect(made.decoders.open('webm', 24_000).state).toBe('open');
  await made.decoders.close();
  expect(() => made.decoders.open('webm', 24_000)).toThrow(/leaving/);
});
