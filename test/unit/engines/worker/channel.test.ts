import { duplexPair } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { neededChars } from '../../../../src/engines/shown.ts';
import {
  Channel,
  type ChannelFault,
  FrameReader,
  frameOf,
  messageBytesMax,
  strangerCharsMax,
} from '../../../../src/engines/worker/channel.ts';

const mark = frameOf(null).subarray(0, 4);
const announced = (bytes: number) => {
  const header = Buffer.concat([mark, Buffer.alloc(4)]);
  header.writeUInt32LE(bytes, 4);
  return header;
};

/** What a reader makes of bytes that come cut in pieces of these sizes. */
function read(
  bytes: Buffer,
  sizes: readonly number[] = [],
): { messages: unknown[]; fault: ChannelFault | undefined } {
  const reader = new FrameReader();
  const messages: unknown[] = [];
  for (let at = 0, count = 0; at < bytes.length; count += 1) {
    const end = at + (sizes[count % sizes.length] ?? bytes.length);
    const answer = reader.read(bytes.subarray(at, end));
    messages.push(...answer.messages);
    if (answer.fault !== undefined) return { messages, fault: answer.fault };
    at = end;
  }
  return { messages, fault: undefined };
}

describe('frames', () => {
  test('come out as they went in, wherever they are cut', () => {
    const sent = [
      { type: 'hello' },
      {
        type: 'chunk',
        id: 1,
        value: { pcm: Int16Array.from({ length: 999 }, (_, at) => at - 500), rate: 24_000 },
      },
      { type: 'progress', fraction: 0.5, text: 'é 漢字' },
      null,
      [Float32Array.of(0.25), Uint8Array.of(1, 2, 3)],
    ];
    const bytes = Buffer.concat(sent.map(frameOf));
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1 }), (sizes) => {
        expect(read(bytes, sizes)).toEqual({ messages: sent, fault: undefined });
      }),
    );
    expect(read(bytes)).toEqual({ messages: sent, fault: undefined });
  });

  test('give samples a buffer of their own, which can go on to a thread', () => {
    const reader = new FrameReader();
    // An odd number of bytes before it.
    const [message] = reader.read(frameOf({ a: 'x', pcm: Int16Array.of(1, -2, 3) })).messages;
    const { pcm } = message as { pcm: Int16Array };
    expect([...pcm]).toEqual([1, -2, 3]);
    expect(pcm.buffer.byteLength).toBe(6);
    expect(structuredClone(pcm, { transfer: [pcm.buffer] })).toEqual(Int16Array.of(1, -2, 3));
  });

  test('that are no frames say what came, after the messages before it', () => {
    const what = 'what came is no message';
    const came = 'CUDA error: out of memory\n';
    const text = Buffer.from(came);
    expect(read(text)).toEqual({ messages: [], fault: { what, came } });
    expect(read(Buffer.concat([frameOf(1), frameOf(2), text]))).toEqual({
      messages: [1, 2],
      fault: { what, came },
    });
    expect(read(Buffer.from('x')).fault).toEqual({ what, came: 'x' });
    expect(read(Buffer.concat([frameOf(1), Buffer.from('x')]), [1])).toEqual({
      messages: [1],
      fault: { what, came: 'x' },
    });
  });

  test('that are no frames are told with more than is shown: a secret in it is still whole', () => {
    const { came = '' } = read(Buffer.alloc(1_000_000, 'x')).fault ?? {};
    expect(came).toBe('x'.repeat(neededChars(strangerCharsMax)));
  });

  test('that announce too much are refused before anything is kept for them', () => {
    expect(read(announced(messageBytesMax + 1)).fault).toEqual({
      what: 'a message of 67108865 bytes was announced; 67108864 is the most',
    });
    expect(read(announced(messageBytesMax)).fault).toBeUndefined();
  });

  test.each([0, 1, 2, 100])('of %i bytes that hold no message are refused', (bytes) => {
    const { fault } = read(Buffer.concat([announced(bytes), Buffer.alloc(bytes, 0xff)]));
    expect(fault?.what).toMatch(new RegExp(`^a message of ${bytes} bytes cannot be read \\(.+\\)$`));
  });

  test('never throw, whatever comes', () => {
    const frame = frameOf({ id: 7, pcm: new Int16Array(8) });
    const spoilt = fc.tuple(fc.nat(frame.length - 1), fc.nat(255)).map(([at, byte]) => {
      const copy = Buffer.from(frame);
      copy[at] = byte;
      return copy;
    });
    const anything = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
    const pieces = fc.array(fc.oneof(anything, spoilt, fc.constant(frame)), { maxLength: 5 });
    fc.assert(
      fc.property(pieces, fc.integer({ min: 1, max: 50 }), (parts, size) => {
        read(Buffer.concat(parts), [size]);
      }),
      { numRuns: 2000 },
    );
  });

  test('are not made of a message that is too large, or cannot be cloned', () => {
    expect(() => frameOf(new Uint8Array(messageBytesMax))).toThrow('is too large: 67108864 is the most');
    expect(() => frameOf({ call: () => 1 })).toThrow('could not be cloned');
  });
});

class End {
  readonly said: string[] = [];
  readonly messages: unknown[] = [];
  readonly channel: Channel;

  constructor(stream: ReturnType<typeof duplexPair>[0]) {
    this.channel = new Channel(stream, {
      message: (message) => this.messages.push(message),
      broken: ({ what, came }) => this.said.push(`${what}: ${came}`),
      closed: () => this.said.push('closed'),
    });
  }
}

describe('a channel', () => {
  test('carries messages both ways, in order', async () => {
    const [one, other] = duplexPair();
    const [here, there] = [new End(one), new End(other)];
    for (const message of [1, 2, 3]) here.channel.send(message);
    there.channel.send('back');
    await turn();
    expect(there.messages).toEqual([1, 2, 3]);
    expect(here.messages).toEqual(['back']);
  });

  test('that is broken tells it once, closes, and takes nothing more, in either direction', async () => {
    const [one, other] = duplexPair();
    const here = new End(one);
    other.on('error', () => undefined);
    other.write(Buffer.concat([frameOf(1), Buffer.from('oops'), frameOf(2)]));
    other.write('and again');
    await turn();
    expect(here.messages).toEqual([1]);
    expect(here.said).toEqual([expect.stringContaining('no message: oops'), 'closed']);
    here.channel.send('to nobody');
    await turn();
    expect(here.said).toHaveLength(2);
  });

  test('whose other end is gone tells it, and sending has no effect', async () => {
    const [one, other] = duplexPair();
    const here = new End(one);
    here.channel.send('half');
    one.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    other.destroy();
    await turn();
    here.channel.send('more');
    await turn();
    expect(here.said).toEqual(['closed']);
  });
});
