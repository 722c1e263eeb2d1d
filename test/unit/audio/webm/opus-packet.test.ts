// What is a packet of Opus, and how long it is: as libopus has it.
import { OpusDecoder } from 'opus-decoder';
import { expect, test, vi } from 'vitest';
import { opusPacket } from '../../../../src/audio/webm/opus-packet.ts';

test('the length of a packet is in its first bytes', () => {
  const ms = (...bytes: readonly number[]) => {
    const packet = opusPacket(Uint8Array.from(bytes));
    return packet.state === 'sound' ? packet.samples / 48 : packet.why;
  };
  // SILK of 10 to 60 ms, hybrid of 10 and 20, CELT of 2.5 to 20.
  expect([0x00, 0x08, 0x10, 0x18].map((toc) => ms(toc, 1))).toEqual([10, 20, 40, 60]);
  expect([0x60, 0x68].map((toc) => ms(toc, 1))).toEqual([10, 20]);
  expect([0x80, 0x88, 0x90, 0x98].map((toc) => ms(toc, 1))).toEqual([2.5, 5, 10, 20]);
  expect(ms(0xf9, 1, 1)).toBe(40);
  expect(ms(0xfa, 1, 1, 1)).toBe(40);
  expect(ms(0xfb, 3, 1, 1, 1)).toBe(60);
  expect(ms(0xf9, 1, 1, 1)).toContain('two frames of the same length');
  expect(ms(0xfb, 7, 1)).toContain('over 120 ms');
  expect(ms(0xfb, 0x43, 255)).toContain('padding');
  expect(ms()).toContain('no bytes');
});

test('a decoder takes what passes, and refuses what does not', async () => {
  // It says on the console what it does not take.
  const said = vi.spyOn(console, 'error').mockReturnValue(undefined);
  const decoder = new OpusDecoder({ channels: 1 });
  await decoder.ready;
  try {
    let state = 7;
    const random = (below: number) => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
      return (state >> 8) % below;
    };
    const seen = { sound: 0, broken: 0 };
    for (let run = 0; run < 3000; run += 1) {
      const bytes = Uint8Array.from({ length: 1 + random(run % 3 === 0 ? 1400 : 40) }, () => random(256));
      // More of what has many frames, and padding.
      if (run % 2 === 0) bytes.set([random(256) | 3, random(256) & 0xcf].slice(0, bytes.length));
      const packet = opusPacket(bytes);
      const { samplesDecoded, errors } = decoder.decodeFrame(bytes);
      seen[packet.state] += 1;
      if (packet.state === 'sound') expect(samplesDecoded).toBe(packet.samples);
      else expect(errors.length).toBe(1);
    }
    expect(Math.min(seen.sound, seen.broken)).toBeGreaterThan(300);
  } finally {
    decoder.free();
    said.mockRestore();
  }
});
