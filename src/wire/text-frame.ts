// A short text message of a WebSocket, whole and in one frame (RFC 6455, 5.2), as it lies in what was read. What is
// only passed on is never made a text of: it leaves as the bytes that came.
import { randomFillSync } from 'node:crypto';

/** A length of two bytes: from 126 to 65535 bytes of text. */
const shortLength = 126;
const maskBit = 0x80;
const finalText = 0x81;
/** A frame that is a smaller part of what was read with it is copied: it must not keep all that when it has to wait. */
const ownShare = 4;

/** What may be carried on as it came. Both have `length`, and `${}` gives the text. */
export type WireText = string | TextFrame;

export interface TextFrame {
  /** Head and text, as they travel. */
  readonly bytes: Buffer;
  /** Bytes of its text. */
  readonly length: number;
  /** Whether more was read with it, behind it. */
  readonly followed: boolean;
  toString(): string;
}

/** Finds the whole frame that begins there. */
export type FrameReader<Frame extends TextFrame> = (chunk: Buffer, start: number) => Frame | undefined;

/** A server's: not masked. */
export class ServerFrame implements TextFrame {
  static readonly headBytes = 4;
  readonly bytes: Buffer;
  readonly followed: boolean;

  private constructor(bytes: Buffer, followed: boolean) {
    this.bytes = bytes;
    this.followed = followed;
  }

  static readonly read: FrameReader<ServerFrame> = (chunk, start) => {
    const end = endOf(chunk, start, 0);
    if (end === undefined) return undefined;
    if (end - start === chunk.length) return new ServerFrame(chunk, false);
    const part = chunk.subarray(start, end);
    const bytes = part.length * ownShare < chunk.length ? copyOf(part) : part;
    return new ServerFrame(bytes, end < chunk.length);
  };

  get length(): number {
    return this.bytes.length - ServerFrame.headBytes;
  }

  toString(): string {
    return this.bytes.toString('utf8', ServerFrame.headBytes, this.bytes.length);
  }
}

/** A client's: masked, and read through its mask. Its bytes lie at a multiple of four. */
export class ClientFrame implements TextFrame {
  static readonly headBytes = 8;
  readonly bytes: Buffer;
  readonly followed: boolean;
  /** The mask, then the text as far as whole words go. */
  readonly #words: Int32Array;

  private constructor(bytes: Buffer, followed: boolean) {
    this.bytes = bytes;
    this.followed = followed;
    this.#words = new Int32Array(bytes.buffer, bytes.byteOffset + 4, (bytes.length - 4) >> 2);
  }

  static readonly read: FrameReader<ClientFrame> = (chunk, start) => {
    const end = endOf(chunk, start, maskBit);
    if (end === undefined) return undefined;
    const part = end - start === chunk.length ? chunk : chunk.subarray(start, end);
    const fits = part.byteOffset % 4 === 0 && part.length * ownShare >= chunk.length;
    return new ClientFrame(fits ? part : copyOf(part), end < chunk.length);
  };

  get length(): number {
    return this.bytes.length - ClientFrame.headBytes;
  }

  /** The byte of its text there. */
  at(index: number): number {
    return (this.bytes[ClientFrame.headBytes + index] ?? 0) ^ (this.bytes[4 + (index & 3)] ?? 0);
  }

  startsWith(head: Uint8Array): boolean {
    for (let index = 0; index < head.length; index += 1) if (this.at(index) !== head[index]) return false;
    return true;
  }

  /** Whether each byte of that stretch is of a set: 0 or 1 for every pair of bytes, 65536 of them. */
  consistsOf(pairs: Uint8Array, from: number, to: number): boolean {
    const words = this.#words;
    const mask = words[0] ?? 0;
    const first = (from + 3) >> 2;
    const end = to >> 2;
    let all = 1;
    for (let index = first; index < end; index += 1) {
      const word = (words[index + 1] ?? 0) ^ mask;
      all &= (pairs[word & 0xffff] ?? 0) & (pairs[word >>> 16] ?? 0);
    }
    for (let index = from; index < first * 4; index += 1) all &= pairs[this.at(index) * 257] ?? 0;
    for (let index = end * 4; index < to; index += 1) all &= pairs[this.at(index) * 257] ?? 0;
    return all === 1;
  }

  /** At most so many bytes of it from its start. */
  head(bytesMax: number): string {
    const plain = Buffer.allocUnsafe(Math.min(bytesMax, this.length));
    for (let index = 0; index < plain.length; index += 1) plain[index] = this.at(index);
    return plain.toString();
  }

  toString(): string {
    return this.head(this.length);
  }

  /** With a mask that its sender could not know. */
  remask(): void {
    const { bytes } = this;
    const words = this.#words;
    const before = bytes.readUInt32BE(4);
    const change = (words[0] ?? 0) ^ newMask();
    for (let index = 0; index < words.length; index += 1) words[index] = (words[index] ?? 0) ^ change;
    const changed = before ^ bytes.readUInt32BE(4);
    for (let index = 4 + words.length * 4; index < bytes.length; index += 1)
      bytes[index] = (bytes[index] ?? 0) ^ (changed >>> (24 - 8 * (index & 3)));
  }
}

function endOf(chunk: Buffer, start: number, mask: 0 | typeof maskBit): number | undefined {
  if (chunk[start] !== finalText || chunk[start + 1] !== (mask | shortLength)) return undefined;
  const head = mask === 0 ? ServerFrame.headBytes : ClientFrame.headBytes;
  if (start + head > chunk.length) return undefined;
  const length = chunk.readUInt16BE(start + 2);
  const end = start + head + length;
  return length < shortLength || end > chunk.length ? undefined : end;
}

/** In memory of its own, and nobody else's. */
function copyOf(part: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(part.length);
  copy.set(part);
  return copy;
}

const masks = new Int32Array(1024);
let masksUsed = masks.length;

function newMask(): number {
  if (masksUsed === masks.length) {
    randomFillSync(masks);
    masksUsed = 0;
  }
  return masks[masksUsed++] ?? 0;
}
