// Looks at what a WebSocket reads before `ws` does, and takes the short whole frames that somebody wants as they are:
// those never become a message. All else goes on to `ws` byte by byte as it came, in its order, which judges it.
import type { Writable } from 'node:stream';
import type { WebSocket } from 'ws';
import type { FrameReader, TextFrame } from './text-frame.ts';

export class FrameTap<Frame extends TextFrame> {
  readonly #read: FrameReader<Frame>;
  readonly #take: (frame: Frame) => boolean;
  /** The head of a frame that goes to `ws`, as far as it has come. */
  #head: number[] = [];
  /** Of its payload, what is still to come. */
  #left = 0;
  #message: 'whole' | 'in parts' = 'whole';

  /** `take`: false leaves the frame, which must not have been changed, to `ws`. */
  constructor(read: FrameReader<Frame>, take: (frame: Frame) => boolean) {
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
      if (socket.readyState !== socket.OPEN) return write(chunk);
      let more = true;
      this.pass(chunk, (rest) => {
        if (!receiver.writableEnded) more = write(rest);
      });
      return more;
    };
  }

  /** Takes what is wanted of a chunk, and gives the rest on. */
  pass(chunk: Buffer, rest: (bytes: Buffer) => void): void {
    let start = 0;
    let at = 0;
    while (at < chunk.length) {
      const frame = this.#isBetween() ? this.#read(chunk, at) : undefined;
      if (!frame) {
        at = this.#skip(chunk, at);
        continue;
      }
      // What came before it goes first.
      if (at > start) rest(chunk.subarray(start, at));
      start = at;
      at += frame.bytes.length;
      if (this.#take(frame)) start = at;
    }
    if (start === 0) rest(chunk);
    else if (start < chunk.length) rest(chunk.subarray(start));
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
      this.#begin(this.#head);
      this.#head = [];
      if (this.#left === 0) return at;
    }
    const skipped = Math.min(this.#left, chunk.length - at);
    this.#left -= skipped;
    return at + skipped;
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
