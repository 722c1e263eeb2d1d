// What is taken before `ws` and what goes on to it, however it is cut: together it is what was sent, in its order.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import * as ws from 'ws';
import { FrameTap } from '../../../src/wire/frame-tap.ts';
import { ClientFrame, type FrameReader, ServerFrame, type TextFrame } from '../../../src/wire/text-frame.ts';
import { frameOf, unmasked } from '../../support/ws-frames.ts';

interface Part {
  readonly kind: 'text' | 'wanted' | 'binary' | 'ping' | 'two parts';
  readonly length: number;
}

const part: fc.Arbitrary<Part> = fc.record({
  kind: fc.constantFrom('text', 'wanted', 'wanted', 'binary', 'ping', 'two parts'),
  length: fc.oneof(
    fc.integer({ min: 0, max: 300 }),
    fc.constantFrom(125, 126, 127, 1323, 65_535, 65_536, 70_000),
  ),
});

const textOf = ({ kind, length }: Part, index: number) =>
  `${kind === 'wanted' ? '!' : '?'}${index} `.padEnd(kind === 'ping' ? Math.min(length, 125) : length, 'aé7');

function bytesOf(each: Part, index: number, mask: number | null): Buffer {
  const text = Buffer.from(textOf(each, index));
  switch (each.kind) {
    case 'binary':
      return frameOf(text, { opcode: 2, mask });
    case 'ping':
      return frameOf(text.subarray(0, 125), { opcode: 9, mask });
    case 'two parts': {
      const between = frameOf(Buffer.from('p'), { opcode: 9, mask });
      // A whole text frame cannot stand inside: but its bytes can, in the part.
      const inside = Buffer.concat([text, frameOf(Buffer.alloc(200, '!'), { opcode: 1, mask })]);
      return Buffer.concat([
        frameOf(text, { opcode: 2, mask, last: false }),
        between,
        frameOf(inside, { opcode: 0, mask }),
      ]);
    }
    default:
      return frameOf(text, { opcode: 1, mask });
  }
}

/** What arrives, message by message: `tap` decides what is taken on the way. */
function arriving(chunks: readonly Buffer[], isServer: boolean, tapped: boolean) {
  const messages: string[] = [];
  const taken: string[] = [];
  const { Receiver } = ws as unknown as {
    readonly Receiver: new (options: object) => NodeJS.WritableStream;
  };
  const receiver = new Receiver({ isServer, skipUTF8Validation: true });
  receiver.on('message', (data: Buffer, isBinary: boolean) =>
    messages.push(`${isBinary ? 'b' : 't'}${data}`),
  );
  receiver.on('ping', (data: Buffer) => messages.push(`p${data}`));
  receiver.on('error', (error: Error) => messages.push(`error ${error.message}`));
  const read: FrameReader<TextFrame> = isServer ? ClientFrame.read : ServerFrame.read;
  const tap = new FrameTap(read, (frame) => {
    if (!`${frame}`.startsWith('!')) return false;
    messages.push(`t${frame}`);
    taken.push(`${frame}`);
    return true;
  });
  for (const chunk of chunks) {
    if (tapped) tap.pass(Buffer.from(chunk), (rest) => void receiver.write(rest));
    else receiver.write(Buffer.from(chunk));
  }
  return { messages, taken };
}

function cut(all: Buffer, at: readonly number[]): Buffer[] {
  const places = [0, ...at.map((place) => place % (all.length + 1)).sort((a, b) => a - b), all.length];
  return places.slice(1).flatMap((end, index) => {
    const chunk = all.subarray(places[index], end);
    return chunk.length > 0 ? [chunk] : [];
  });
}

test('however it is cut, the same arrives as without a tap, in the same order', () => {
  const cuts = fc.array(fc.nat(400_000), { maxLength: 6 });
  const property = fc.property(
    fc.array(part, { maxLength: 8 }),
    cuts,
    fc.boolean(),
    (parts, at, isServer) => {
      const mask = isServer ? 0x9ac3_0f51 : null;
      const all = Buffer.concat(parts.map((each, index) => bytesOf(each, index, mask)));
      const chunks = cut(all, at);
      expect(arriving(chunks, isServer, true).messages).toEqual(arriving(chunks, isServer, false).messages);
    },
  );
  fc.assert(property, { numRuns: 300 });
});

test.each([true, false])(
  'whole wanted frames are taken, also between others (from a client: %s)',
  (isServer) => {
    const mask = isServer ? 0x0102_0304 : null;
    const parts = (['wanted', 'text', 'ping', 'wanted', 'binary', 'wanted'] as const).map((kind) => ({
      ...{ kind, length: 1001 },
    }));
    const all = Buffer.concat(parts.map((each, index) => bytesOf(each, index, mask)));
    expect(arriving([all], isServer, true).taken).toHaveLength(3);
    // The end of a frame that began before.
    expect(arriving([all.subarray(0, 500), all.subarray(500)], isServer, true).taken).toHaveLength(2);
  },
);

test.each([126, 127, 128, 129, 1323])('%i bytes go on with another mask, and are the same text', (length) => {
  const text = 'abcdefgh'.repeat(200).slice(0, length);
  const sent = frameOf(Buffer.from(text), { opcode: 1, mask: 0x1122_3344 });
  for (const start of [0, 1, 2, 3, 4]) {
    const chunk = Buffer.concat([Buffer.alloc(start), sent]);
    const frame = ClientFrame.read(chunk, start);
    expect(`${frame}`).toBe(text);
    frame?.remask();
    expect(`${frame}`).toBe(text);
    const bytes = frame?.bytes ?? Buffer.alloc(0);
    expect(unmasked(bytes)).toBe(text);
    expect(bytes.subarray(4, 8)).not.toEqual(sent.subarray(4, 8));
  }
});

test('a small frame that was read with much else does not keep all of it', () => {
  const frame = ServerFrame.read(
    Buffer.concat([frameOf(Buffer.alloc(200, 'a'), { opcode: 1, mask: null }), Buffer.alloc(30_000)]),
    0,
  );
  expect(frame?.length).toBe(200);
  expect(frame?.bytes.buffer.byteLength).toBeLessThan(10_000);
});

test('the installed `ws` has the place for it: what is taken is no message, and nothing is after a close', async () => {
  const server = new ws.WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[ws.WebSocket]>;
  const client = new ws.WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  try {
    const [[socket]] = await Promise.all([accepted, once(client, 'open')]);
    const seen: string[] = [];
    const tap = new FrameTap(ClientFrame.read, (frame) => {
      if (!`${frame}`.startsWith('!')) return false;
      seen.push(`taken ${frame.length}`);
      return true;
    });
    tap.attach(socket);
    socket.on('message', (data: Buffer) => seen.push(`message ${data.length}`));
    for (const text of ['!'.repeat(500), '?'.repeat(400), '!'.repeat(300)]) client.send(text);
    client.close(1000);
    await once(socket, 'close');
    expect(seen).toEqual(['taken 500', 'message 400', 'taken 300']);
  } finally {
    client.terminate();
    server.close();
  }
});

test('a long text of a client comes unmasked in the pieces that were read; others go to ws', () => {
  const text = Buffer.alloc(1_100_000, 'abcé');
  const bytes = Buffer.concat([
    frameOf(Buffer.from('before'), { opcode: 1, mask: 0x01020304 }),
    frameOf(text, { opcode: 1, mask: 0x11aa33cc }),
    frameOf(Buffer.from('p'), { opcode: 9, mask: 0x01020304 }),
    frameOf(text, { opcode: 2, mask: 0x11aa33cc }),
    frameOf(text, { opcode: 1, mask: 0x11aa33cc, last: false }),
    frameOf(text, { opcode: 0, mask: 0x11aa33cc }),
  ]);
  for (const size of [1, 7, 13, 4096, 65_536, bytes.length]) {
    const came: Buffer[] = [];
    const longs: string[] = [];
    const tap = new FrameTap(ClientFrame.read, () => false, {
      bytesMax: 2_000_000,
      take: (long) => longs.push(`after ${Buffer.concat(came).length}: ${long}`),
    });
    // Cut finely around the head of the long one alone: the rest is the same.
    for (let at = 0; at < bytes.length; ) {
      const end = at < 40 ? at + size : at + 65_536;
      tap.pass(Buffer.from(bytes.subarray(at, end)), (rest) => came.push(Buffer.from(rest)));
      at = Math.min(end, bytes.length);
    }
    expect(longs).toEqual([`after 12: ${text}`]);
    const rest = Buffer.concat([bytes.subarray(0, 12), bytes.subarray(12 + 14 + text.length)]);
    expect(Buffer.concat(came).equals(rest)).toBe(true);
  }
});

test('a long text that is over the limit is left to ws, which refuses it', () => {
  const bytes = frameOf(Buffer.alloc(1_100_000, 'a'), { opcode: 1, mask: 1 });
  const came: Buffer[] = [];
  const tap = new FrameTap(ClientFrame.read, () => false, { bytesMax: 1_099_999, take: () => came.pop() });
  tap.pass(Buffer.from(bytes), (rest) => came.push(rest));
  expect(Buffer.concat(came).equals(bytes)).toBe(true);
});
