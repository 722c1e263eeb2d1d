// Where a stream is, as the other thread is told: the same as if all of it were told each time, at the cost of what came.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { PlaceListener, PlaceTeller } from '../../../../src/audio/decoding/place-changes.ts';
import { WebmFollower } from '../../../../src/audio/webm/follower.ts';
import {
  ebmlHeader,
  element,
  joined,
  segment,
  simpleBlock,
  tonePath,
  track,
  tracks,
} from '../webm/streams.ts';

const tone = new Uint8Array(readFileSync(tonePath));

function told() {
  const follower = new WebmFollower();
  const teller = new PlaceTeller();
  const listener = new PlaceListener();
  let bytesTold = 0;
  let changes = 0;
  return {
    ...{ follower, listener },
    /** All that crosses over from the one thread to the other. */
    bytesTold: () => bytesTold,
    changes: () => changes,
    /** Returns how many packets it completes. */
    push(bytes: Uint8Array): number {
      follower.feed(bytes);
      let packets = 0;
      for (let next = follower.next(); next; next = follower.next()) if (next.type === 'packet') packets += 1;
      const change = teller.change(follower.stand);
      if (!change) return packets;
      changes += 1;
      if (change.state === 'moved') bytesTold += (change.header?.length ?? 0) + change.rest.length;
      if (change.state === 'longer') bytesTold += change.more.length;
      listener.hear(change);
      return packets;
    },
  };
}

function packetsOf(bytes: Uint8Array): number {
  const follower = new WebmFollower();
  follower.feed(bytes);
  let packets = 0;
  for (let next = follower.next(); next; next = follower.next()) if (next.type === 'packet') packets += 1;
  return packets;
}

test.each([1, 7, 333])(
  'told every %i bytes, it can be gone on with from each, and nothing is missing',
  (step) => {
    const made = told();
    let packets = 0;
    for (let at = 0; at < tone.length; at += step) {
      packets += made.push(tone.subarray(at, at + step));
      const place = made.listener.place;
      if (!place) throw new Error(`no place after ${at} bytes`);
      const { lead, skip } = place;
      if (at < 2000 || step > 1)
        expect(packets + packetsOf(joined(lead, tone.subarray(at + step + skip)))).toBe(49);
    }
    expect(packets).toBe(49);
    // The header is told while it comes, and then not again.
    const header = made.follower.stand?.header.length ?? 0;
    expect(made.bytesTold()).toBeLessThan(tone.length * 2 + header * 20);
  },
);

test('a long element in many pieces: each is told once; what is skipped has no bytes', () => {
  const made = told();
  const start = joined(ebmlHeader, segment([tracks(track())], 'unknown'));
  made.push(start);
  const before = made.bytesTold();
  const long = element(0xa3, joined(simpleBlock(new Uint8Array(0)).subarray(-4), new Uint8Array(500_000)));
  for (let at = 0; at < long.length - 1; at += 1000) {
    made.push(long.subarray(at, Math.min(at + 1000, long.length - 1)));
    made.push(new Uint8Array(0));
  }
  expect(made.bytesTold() - before).toBe(long.length - 1);
  expect(made.changes()).toBe(1 + Math.ceil((long.length - 1) / 1000));
  expect(made.listener.place?.lead.subarray(-long.length + 1)).toEqual(long.subarray(0, -1));

  const passed = told();
  passed.push(joined(start, element(0xec, new Uint8Array(0), 100_000)));
  const skipping = passed.bytesTold();
  for (let count = 0; count < 50; count += 1) passed.push(new Uint8Array(1000));
  expect(passed.bytesTold()).toBe(skipping);
  expect(passed.listener.place?.skip).toBe(50_000);
});

test('16 MiB of Infos, and of segments: what is told has a bound, or is no more than what came', () => {
  const push = (made: ReturnType<typeof told>, piece: Uint8Array) => {
    for (let bytes = 0; bytes < 16 * 1024 * 1024; bytes += piece.length) made.push(piece);
  };
  const infos = told();
  infos.push(ebmlHeader);
  push(infos, element(0x1549a966, new Uint8Array(16_000)));
  expect(infos.follower.state).toBe('broken');
  expect(infos.listener.place).toBeUndefined();
  expect(infos.bytesTold()).toBeLessThan(64 * 1024 * 5);

  const segments = told();
  segments.push(ebmlHeader);
  const empty = Uint8Array.of(0x18, 0x53, 0x80, 0x67, 0x80);
  push(segments, joined(...new Array<Uint8Array>(3200).fill(empty)));
  expect(segments.follower.state).toBe('sound');
  expect(segments.listener.place?.lead.length).toBe(ebmlHeader.length + 12);
  expect(segments.bytesTold()).toBeLessThan(1024 * 1024);
});

test('a stream that breaks has no place, told once; the next one has its own', () => {
  const made = told();
  made.push(tone);
  expect(made.listener.place).toBeDefined();
  made.push(Uint8Array.of(0, 1, 2));
  expect(made.listener.place).toBeUndefined();
  const { length } = tone;
  const before = made.changes();
  made.push(tone.subarray(2000));
  expect(made.changes()).toBe(before);
  made.push(tone.subarray(0, length - 10));
  const { lead, skip } = made.listener.place ?? { lead: new Uint8Array(0), skip: -1 };
  expect(packetsOf(joined(lead, tone.subarray(length - 10 + skip)))).toBeGreaterThan(0);
});
