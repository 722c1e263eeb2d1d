// What is read of a WebM, however it is cut, and what is said of one that is none.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import {
  BufferSource,
  BufferTarget,
  EncodedAudioPacketSource,
  type EncodedPacket,
  EncodedPacketSink,
  Input,
  Output,
  WEBM,
  WebMOutputFormat,
} from 'mediabunny';
import { expect, test } from 'vitest';
import { WebmDemuxer } from '../../../../src/audio/webm/demuxer.ts';
import { WebmError } from '../../../../src/audio/webm/ebml.ts';
import { WebmFollower } from '../../../../src/audio/webm/follower.ts';
import {
  blockBody,
  cluster,
  ebmlHeader,
  element,
  joined,
  number,
  opusHeadBytes,
  packet,
  placeOf,
  segment,
  simpleBlock,
  tonePath,
  track,
  tracks,
} from './streams.ts';

const tone = new Uint8Array(readFileSync(tonePath));

function packetsOf(bytes: Uint8Array, pieceBytes = bytes.length): readonly Uint8Array[] {
  const demuxer = new WebmDemuxer();
  const found: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += Math.max(1, pieceBytes)) {
    demuxer.feed(bytes.subarray(at, at + pieceBytes));
    for (let next = demuxer.next(); next; next = demuxer.next())
      if (next.type === 'packet') found.push(next.bytes);
  }
  return found;
}

const why = (bytes: Uint8Array): string => {
  try {
    packetsOf(bytes);
  } catch (thrown) {
    if (thrown instanceof WebmError) return thrown.message;
    throw thrown;
  }
  return 'nothing is wrong';
};

const stream = (...blocks: readonly Uint8Array[]) =>
  joined(ebmlHeader, segment([tracks(track()), cluster(blocks, 'unknown')], 'unknown'));

test('what Chromium records is the same packets however it is cut', () => {
  const whole = packetsOf(tone);
  expect(whole.length).toBe(49);
  for (const pieceBytes of [1, 2, 3, 7, 64, 999]) expect(packetsOf(tone, pieceBytes)).toEqual(whole);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 60 }), (lengths) => {
      const demuxer = new WebmDemuxer();
      const found: Uint8Array[] = [];
      let at = 0;
      for (let index = 0; at < tone.length; index += 1) {
        const to = at + (lengths[index % lengths.length] ?? 1);
        demuxer.feed(tone.subarray(at, to));
        at = to;
        for (let next = demuxer.next(); next; next = demuxer.next())
          if (next.type === 'packet') found.push(next.bytes);
      }
      expect(found).toEqual(whole);
    }),
    { numRuns: 30 },
  );
});

test('cut at every byte: what is whole before it is there, and it can be gone on with from there', () => {
  // Ten packets in five clusters; what comes after is the same.
  const small = tone.subarray(0, 2200);
  const whole = packetsOf(small);
  expect(whole.length).toBeGreaterThan(5);
  for (let cut = 0; cut <= small.length; cut += 1) {
    const demuxer = new WebmDemuxer();
    demuxer.feed(small.subarray(0, cut));
    let before = 0;
    for (let next = demuxer.next(); next; next = demuxer.next()) if (next.type === 'packet') before += 1;
    expect(packetsOf(small.subarray(0, demuxer.wholeBytes)).length).toBe(before);
    const { lead, skip } = placeOf(demuxer);
    const rest = packetsOf(joined(lead, small.subarray(cut + skip)));
    expect(rest).toEqual(whole.slice(before));
  }
});

test('frames in one block: Xiph, the same length, EBML', () => {
  const [a, b, c] = [packet(300, 1), packet(20, 2), packet(280, 3)];
  const xiph = joined(Uint8Array.of(2, 255, 45, 20), a, b, c);
  expect(packetsOf(stream(simpleBlock(xiph, { flags: 0x82 })))).toEqual([a, b, c]);
  const same = joined(Uint8Array.of(2), b, b, b);
  expect(packetsOf(stream(simpleBlock(same, { flags: 0x84 })))).toEqual([b, b, b]);
  // 300 as it is, in two bytes; 20 as 280 less, in two bytes with its middle at 8191.
  const less = 8191 - 280;
  const ebml = joined(Uint8Array.of(2, 0x41, 0x2c, 0x40 | (less >> 8), less & 0xff), a, b, c);
  expect(packetsOf(stream(simpleBlock(ebml, { flags: 0x86 })))).toEqual([a, b, c]);
  expect(why(stream(simpleBlock(Uint8Array.of(200, 255, 255), { flags: 0x82 })))).toContain('longer than it');
  expect(why(stream(simpleBlock(Uint8Array.of(2, 1, 1, 1, 1), { flags: 0x84 })))).toContain(
    '3 frames of the same length',
  );
  expect(why(stream(simpleBlock(Uint8Array.of(3, 0x81, 0x80), { flags: 0x86 })))).toContain(
    'less than no bytes',
  );
  expect(why(stream(simpleBlock(new Uint8Array(0), { flags: 0x82 })))).toContain('does not say how many');
});

test('files: known sizes, groups with padding to be left out, other tracks, what is passed over', () => {
  const group = element(0xa0, [
    element(0xa1, blockBody(packet(30, 5))),
    element(0x75a2, joined(Uint8Array.of(0), number(10_000_000))),
  ]);
  const video = track({ number: 2, type: 1, codec: 'V_VP8', head: null });
  const picture = simpleBlock(new Uint8Array(5000), { track: 2 });
  const file = joined(
    ebmlHeader,
    segment([
      element(0x114d9b74, new Uint8Array(40)),
      element(0xec, new Uint8Array(4000)),
      element(0x1549a966, element(0x2ad7b1, number(1_000_000))),
      tracks(video, track()),
      cluster([picture, simpleBlock(packet(20, 4)), picture, group]),
      element(0x1c53bb6b, new Uint8Array(100)),
    ]),
  );
  const expected = [packet(20, 4), packet(30, 5)];
  for (const pieceBytes of [1, 5, 4096, file.length]) expect(packetsOf(file, pieceBytes)).toEqual(expected);
  const follower = new WebmFollower();
  follower.feed(file);
  while (follower.next());
  // 20 ms, and 20 ms less 10.
  expect(follower.samples).toBe(960 + 480);
});

test('what is no WebM, or none of ours, is told with its byte', () => {
  expect(why(new Uint8Array(Buffer.from('RIFF____WAVE')))).toBe(
    'at byte 0: a WebM begins with 1A45DFA3, found 0x52 as byte 0',
  );
  expect(why(Uint8Array.of(0x1a, 0x45, 0xff))).toContain('found 0xFF as byte 2');
  const of = (...entries: readonly Uint8Array[]) =>
    joined(ebmlHeader, segment([tracks(...entries)], 'unknown'));
  expect(why(of(track({ type: 1, codec: 'V_VP9', head: null })))).toMatch(/A_OPUS expected, found "V_VP9"/);
  expect(why(of(track({ codec: 'A_VORBIS' })))).toMatch(/found "A_VORBIS"/);
  expect(why(of())).toMatch(/found none/);
  expect(why(of(track({ head: null })))).toContain('no OpusHead');
  expect(why(of(track({ head: new Uint8Array(19) })))).toContain('an OpusHead of at least 19 bytes');
  expect(why(of(track({ head: opusHeadBytes({ channels: 3 }) })))).toContain('3 channels, 1 or 2 expected');
  expect(why(of(track({ head: opusHeadBytes({ family: 255 }) })))).toContain('mapping family 255');
  expect(why(of(track({ head: opusHeadBytes({ version: 16 }) })))).toContain('version 16');
  expect(why(of(track({ more: [element(0x6d80, new Uint8Array(1))] })))).toContain('ContentEncodings');
  expect(why(joined(ebmlHeader, segment([cluster([])], 'unknown')))).toContain('before the tracks');
  expect(why(joined(ebmlHeader, element(0x1549a966, new Uint8Array(0), 2 ** 40)))).toContain(
    'Info has 1099511627776 bytes',
  );
  expect(why(joined(ebmlHeader, element(0xec, new Uint8Array(0), 2 ** 52)))).toContain('Void has');
  expect(why(joined(ebmlHeader, element(0xec, new Uint8Array(0), 'unknown')))).toContain(
    'does not say how long it is',
  );
  expect(why(joined(stream(simpleBlock(packet())), Uint8Array.of(0x42, 0x42, 0x81)))).toMatch(
    /no element of a WebM is 0x4242/,
  );
  const inside = element(0xae, [element(0x86, new Uint8Array(2), 200)]);
  expect(why(of(inside))).toContain('longer than what it is in');
});

test('garbage ends in an error or in nothing, never in anything else', () => {
  const flat = stream(simpleBlock(packet(40)), simpleBlock(packet(50)));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      expect(typeof why(bytes)).toBe('string');
      expect(typeof why(joined(ebmlHeader, bytes))).toBe('string');
      expect(typeof why(joined(flat, bytes))).toBe('string');
    }),
    { numRuns: 500 },
  );
  // A byte that is another one, anywhere.
  fc.assert(
    fc.property(fc.nat(tone.length - 1), fc.integer({ min: 1, max: 255 }), (at, other) => {
      const bytes = tone.slice();
      bytes[at] = (bytes[at] ?? 0) ^ other;
      const follower = new WebmFollower();
      follower.feed(bytes);
      for (let next = follower.next(); next; next = follower.next())
        if (next.type === 'fault') expect(next.fault.message).toContain('is broken at byte');
      expect(follower.samples).toBeLessThanOrEqual(6 * 48_000);
    }),
    { numRuns: 500 },
  );
});

test('a stream that breaks is passed over until another begins; a recorder that is started anew always begins one', () => {
  const follower = new WebmFollower();
  const faults: string[] = [];
  const feed = (bytes: Uint8Array) => {
    follower.feed(bytes);
    for (let next = follower.next(); next; next = follower.next())
      if (next.type === 'fault') faults.push(next.fault.message);
  };
  feed(tone);
  expect(follower.samples).toBe(141_120);
  feed(Uint8Array.of(0, 1, 2));
  feed(tone.subarray(5000));
  expect(faults).toEqual(['the WebM stream is broken at byte 7249: an element expected, found 0x00']);
  expect(follower.stand).toBeUndefined();
  feed(tone);
  // Cut off in the middle of a block.
  feed(tone.subarray(0, 3000));
  const { samples } = follower;
  feed(tone);
  expect(follower.samples - samples).toBe(141_120);
  expect(faults.length).toBe(1);
  const broken = stream(simpleBlock(Uint8Array.of(0xfb, 0)));
  feed(broken);
  expect(faults[1]).toMatch(/a packet has no frames$/);
});

test('what mediabunny writes is read, and what it reads of Chromium is the same', async () => {
  const input = new Input({ formats: [WEBM], source: new BufferSource(tone) });
  const read = await input.getPrimaryAudioTrack();
  if (!read) throw new Error('mediabunny finds no track');
  const sink = new EncodedPacketSink(read);
  const theirs: EncodedPacket[] = [];
  for await (const one of sink.packets()) theirs.push(one);
  expect(theirs.map(({ data }) => [...data])).toEqual(packetsOf(tone).map((data) => [...data]));

  for (const appendOnly of [true, false]) {
    const target = new BufferTarget();
    const output = new Output({ format: new WebMOutputFormat({ appendOnly }), target });
    const source = new EncodedAudioPacketSource('opus');
    output.addAudioTrack(source);
    await output.start();
    const config = await read.getDecoderConfig();
    for (const one of theirs) await source.add(one, config ? { decoderConfig: config } : undefined);
    await output.finalize();
    const written = new Uint8Array(target.buffer ?? new ArrayBuffer(0));
    expect(packetsOf(written, 100).map((data) => [...data])).toEqual(theirs.map(({ data }) => [...data]));
  }
});
