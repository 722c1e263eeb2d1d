// What no recorder would write and somebody else might: headers without end, numbers that are none.
import { expect, test } from 'vitest';
import { WebmFollower } from '../../../../src/audio/webm/follower.ts';
import {
  blockBody,
  cluster,
  ebmlHeader,
  element,
  joined,
  number,
  packet,
  segment,
  simpleBlock,
  track,
  tracks,
} from './streams.ts';

function followed(...pieces: readonly Uint8Array[]) {
  const follower = new WebmFollower();
  const faults: string[] = [];
  let packets = 0;
  for (const piece of pieces) {
    follower.feed(piece);
    for (let next = follower.next(); next; next = follower.next()) {
      if (next.type === 'fault') faults.push(next.fault.message);
      if (next.type === 'packet') packets += 1;
    }
  }
  return { faults, packets, samples: follower.samples, stand: follower.stand };
}

const info = (bytes: number) => element(0x1549a966, new Uint8Array(bytes));
const empty = Uint8Array.of(0x18, 0x53, 0x80, 0x67, 0x80);

test('a header has up to 64 KiB, whatever it is made of; what stands behind it is not kept', () => {
  const sound = [tracks(track()), cluster([simpleBlock(packet())], 'unknown')];
  expect(followed(ebmlHeader, segment([info(60_000), ...sound], 'unknown'))).toMatchObject({
    ...{ faults: [], packets: 1 },
  });
  for (const header of [
    joined(ebmlHeader, segment([info(40_000), info(40_000), ...sound], 'unknown')),
    joined(ebmlHeader, segment([info(60_000), tracks(track({ more: [info(10_000)] }))], 'unknown')),
    // Told at once, not when all of it is there.
    joined(ebmlHeader, element(0x1549a966, new Uint8Array(0), 70_000)),
    element(0x1a45dfa3, new Uint8Array(0), 70_000),
  ]) {
    const { faults, packets, stand } = followed(header);
    expect(faults).toEqual([
      expect.stringMatching(/^the WebM stream is broken at byte \d+: .* has \d+ bytes, .*, over 65536$/),
    ]);
    expect(packets).toBe(0);
    expect(stand).toBeUndefined();
  }
  const behind = followed(ebmlHeader, segment(sound, 'unknown'), info(500_000), simpleBlock(packet()));
  expect(behind).toMatchObject({ faults: [], packets: 2 });
  expect(behind.stand?.header.length).toBeLessThan(400);
});

test('one segment at a time: another one takes its place, and has tracks of its own', () => {
  const many = followed(ebmlHeader, joined(...new Array<Uint8Array>(20_000).fill(empty)));
  expect(many.faults).toEqual([]);
  expect(many.stand?.header.length).toBe(ebmlHeader.length + 12);
  const whole = [info(40_000), tracks(track()), cluster([simpleBlock(packet())])];
  const twice = followed(ebmlHeader, segment(whole), segment(whole));
  expect(twice).toMatchObject({ faults: [], packets: 2 });
  expect(twice.stand?.header.length).toBeLessThan(64 * 1024);
  const { faults } = followed(ebmlHeader, segment(whole), segment([cluster([simpleBlock(packet())])]));
  expect(faults).toEqual([expect.stringContaining('a cluster comes before the tracks')]);
});

test('thousands of tracks that are none of ours make a short message', () => {
  const empty = new Uint8Array(20_000).map((_, at) => (at % 2 === 0 ? 0xae : 0x80));
  const { faults } = followed(ebmlHeader, segment([element(0x1654ae6b, empty)]));
  expect(faults).toEqual([expect.stringMatching(/"", 9992 more$/)]);
  expect(faults[0]?.length).toBeLessThan(200);
});

test('numbers have up to 8 bytes: of what is left out, of clusters, of tracks', () => {
  const padded = (padding: Uint8Array) => {
    const group = element(0xa0, [element(0xa1, blockBody(packet())), element(0x75a2, padding)]);
    return followed(ebmlHeader, segment([tracks(track()), cluster([group])]));
  };
  for (const bytes of [9, 128, 200]) {
    const { faults, samples } = padded(new Uint8Array(bytes).fill(0xff));
    expect(faults).toEqual([expect.stringContaining(`a number of ${bytes} bytes, over 8`)]);
    expect(samples).toBe(0);
  }
  // The most and the least, and 10 ms.
  expect(padded(joined(Uint8Array.of(0x7f), new Uint8Array(7).fill(0xff))).samples).toBe(0);
  expect(padded(joined(Uint8Array.of(0x80), new Uint8Array(7))).samples).toBe(960);
  expect(padded(joined(Uint8Array.of(0), number(10_000_000))).samples).toBe(480);
  expect(padded(new Uint8Array(0)).samples).toBe(960);

  const long = new Uint8Array(300).fill(0xff);
  const timed = element(0x1f43b675, [element(0xe7, long), simpleBlock(packet())]);
  expect(followed(ebmlHeader, segment([tracks(track()), timed])).faults).toEqual([
    expect.stringContaining('Timestamp is a number of 300 bytes, over 8'),
  ]);
  for (const id of [0xd7, 0x83]) {
    const odd = track({ more: [element(id, long)] });
    expect(followed(ebmlHeader, segment([tracks(odd)])).faults).toEqual([
      expect.stringContaining('a number of 300 bytes, over 8'),
    ]);
  }
});
