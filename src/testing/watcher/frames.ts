// Frames of a WebSocket as its client sends and reads them (RFC 6455, 5.2). By hand, so that a test can read as little as
// it likes, and say what no client would.

export const opcodes = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface Frame {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** A masked frame; the mask of zeros leaves the payload as it is. */
export function clientFrame(opcode: number, payload: Buffer | string): Buffer {
  const body = Buffer.from(payload);
  const { length } = body;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  head[0] = 0x80 | opcode;
  if (length < 126) head[1] = 0x80 | length;
  else if (length < 65_536) {
    head[1] = 0x80 | 126;
    head.writeUInt16BE(length, 2);
  } else {
    head[1] = 0x80 | 127;
    head.writeBigUInt64BE(BigInt(length), 2);
  }
  return Buffer.concat([head, Buffer.alloc(4), body]);
}

/** What a server sent, taken apart as it comes. A message is one frame, as the gateway has it. */
export class Frames {
  #rest: Buffer = Buffer.alloc(0);

  push(bytes: Buffer): readonly Frame[] {
    this.#rest = this.#rest.length > 0 ? Buffer.concat([this.#rest, bytes]) : bytes;
    const frames: Frame[] = [];
    for (let frame = this.#next(); frame; frame = this.#next()) frames.push(frame);
    // The bytes given are used again for the next read.
    this.#rest = Buffer.from(this.#rest);
    return frames;
  }

  #next(): Frame | undefined {
    const [first = 0, short = 0] = this.#rest;
    const headBytes = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (this.#rest.length < headBytes) return undefined;
    const length =
      short < 126
        ? short
        : short === 126
          ? this.#rest.readUInt16BE(2)
          : Number(this.#rest.readBigUInt64BE(2));
    const end = headBytes + length;
    if (this.#rest.length < end) return undefined;
    const payload = Buffer.from(this.#rest.subarray(headBytes, end));
    this.#rest = this.#rest.subarray(end);
    return { opcode: first & 0x0f, payload };
  }
}
