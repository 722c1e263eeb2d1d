// Looks at what a WebSocket reads before `ws` does, and takes the short whole frames that somebody wants as they are:
// those never become a message. All else goes on to `ws` byte by byte as it came, in its order, which judges it. A long
// text of a client's is unmasked as its bytes come, and kept in the pieces that were read: `ws` would join and unmask it at
// its end, in one go, and slowly.
import type { Writable } from 'node:stream';
import type { WebSocket } from 'ws';
import { LongText, longBytesMin } from './long-text.ts';
import { applyMask } from './mask.ts';
import type { FrameReader, TextFrame } from './text-frame.ts';

/** Masked texts of 1 MiB and more, each in one frame. */
export interface LongFrames {
  /** What is longer goes to `ws`, which refuses it. */
  readonly bytesMax: number;
  readonly take: (text: LongText) => void;
}

const finalText = 0x81;

export class FrameTap<Frame extends TextFrame> {
  readonly #read: FrameReader<Frame>;
  readonly #take: (frame: Frame) => boolean;
  readonly #longs: LongFrames | undefined;
  /** The head of a frame that goes to `ws`, as far as it has come. */
  #head: number[] = [];
  /** Of its payload, what is still to come. */
  #left = 0;
  /** The long one that is under way. */
  #long: { readonly mask: Buffer; readonly parts: Buffer[]; bytes: number } | undefined;
  /** The beginning of a head, until the rest of it has come. */
  #cut: Buffer | undefined;
  #message: 'whole' | 'in parts' = 'whole';

  /** `take`: false leaves the frame, which must not have been changed, to `ws`. */
  constructor(read: FrameReader<Frame>, take: (frame: Frame) => boolean, longs?: LongFrames) {
    this.#longs = longs;
    this.#read = read;
    this.#take = take;
  }

  /**
   * Puts itself before the receiver of an open WebSocket without extensions. `ws` has no place for that: where its
   * receiver is not found, everything comes as messages, and costs more.
   */
  attach(socket: WebSocket): void {
    const receiver = (socket as { readonly _receiver?: Pick<Writable, 'write' | 'writableEnded'> })._receiver;
    if (!receiver) return;
    const write = receiver.write.bind(receiver);
    receiver.write = (chunk: Buffer) => {
      // After a close there is nothing to take.
      if (socket.readyState !== socket.OPEN && !this.#long && !this.#cut) return write(chunk);
      let more = true;
      this.pass(chunk, (rest) => {
        if (!receiver.writableEnded) more = write(rest);
      });
      return more;
    };
  }

  /** Takes what is wanted of a chunk, and gives the rest on. */
  pass(came: Buffer, rest: (bytes: Buffer) => void): void {
    const chunk = this.#cut ? Buffer.concat([this.#cut, came]) : came;
    this.#cut = undefined;
    let start = 0;
    let at = 0;
    while (at < chunk.length) {
      if (this.#long) {
        start = at = this.#takeLong(this.#long, chunk, at);
        continue;
      }
      const frame = this.#isBetween() ? this.#read(chunk, at) : undefined;
      if (!frame) {
        const head = at;
        at = this.#skip(chunk, at);
        // What came before it goes first.
        if (this.#long && head > start) rest(chunk.subarray(start, head));
        if (this.#long) start = at;
        continue;
      }
      if (at > start) rest(chunk.subarray(start, at));
      start = at;
      at += frame.bytes.length;
      if (this.#take(frame)) start = at;
    }
    // Whose frame it is shows when its head is whole.
    const end = chunk.length - this.#head.length;
    if (this.#head.length > 0) this.#cut = Buffer.from(chunk.subarray(end));
    this.#head = [];
    if (start < end) rest(start === 0 && end === chunk.length ? chunk : chunk.subarray(start, end));
  }

  #isBetween(): boolean {
    return this.#left === 0 && this.#head.length === 0 && this.#message === 'whole';
  }

  /** @returns where the frame that lies there ends, or the chunk */
  #skip(chunk: Buffer, from: number): number {
    let at = from;
    while (this.#left === 0 && at < chunk.length) {
      this.#head.push(chunk[at] ?? 0);
      at += 1;
      if (this.#head.length < headLength(this.#head)) continue;
      const between = this.#message === 'whole';
      this.#begin(this.#head);
      this.#head = [];
      if (this.#left === 0) return at;
      if (between && this.#isLong(chunk, from, at)) {
        this.#long = { mask: Buffer.from(chunk.subarray(at - 4, at)), parts: [], bytes: 0 };
        return at;
      }
    }
    const skipped = Math.min(this.#left, chunk.length - at);
    this.#left -= skipped;
    return at + skipped;
  }

  #isLong(chunk: Buffer, head: number, end: number): boolean {
    const masked = (chunk[head + 1] ?? 0) >= 0x80 && end - head === 14;
    if (!this.#longs || !masked || chunk[head] !== finalText) return false;
    return this.#left >= longBytesMin && this.#left <= this.#longs.bytesMax;
  }

  #takeLong(long: { mask: Buffer; parts: Buffer[]; bytes: number }, chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#left);
    const part = chunk.subarray(at, end);
    applyMask(part, long.mask, long.bytes);
    long.parts.push(part);
    long.bytes += part.length;
    this.#left -= part.length;
    if (this.#left > 0) return end;
    this.#long = undefined;
    this.#longs?.take(new LongText(long.parts));
    return end;
  }

  #begin(head: readonly number[]): void {
    const [first = 0, second = 0] = head;
    // Control frames may come between the parts of a message.
    if ((first & 0x08) === 0) this.#message = first >= 0x80 ? 'whole' : 'in parts';
    const short = second & 0x7f;
    const bytes = short === 126 ? 2 : short === 127 ? 8 : 0;
    this.#left =
      bytes === 0 ? short : head.slice(2, 2 + bytes).reduce((length, byte) => length * 256 + byte, 0);
  }
}

function headLength([, second]: readonly number[]): number {
  if (second === undefined) return 2;
  const short = second & 0x7f;
  return 2 + (short === 126 ? 2 : short === 127 ? 8 : 0) + (second >= 0x80 ? 4 : 0);
}
