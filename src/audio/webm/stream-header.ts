// What stands before the clusters of a WebM, kept as it came, so that the stream can be gone on with from its middle; only
// the segment is written anew, of unknown size. Its size has a bound: it is kept for as long as the stream is. Pure.
import { WebmError } from './ebml.ts';

/** A recorder writes some 200 bytes, a file of many tracks a few thousand. */
const headerBytesMax = 64 * 1024;

const segmentStart = Uint8Array.of(0x18, 0x53, 0x80, 0x67, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff);

export class StreamHeader {
  #parts: Uint8Array[] = [];
  #length = 0;
  #joined: Uint8Array | undefined;

  /** Another array whenever it is another header: of two streams too. */
  get bytes(): Uint8Array {
    this.#joined ??= concat(this.#parts, this.#length);
    return this.#joined;
  }

  /** A stream begins. */
  begin(ebml: Uint8Array): void {
    this.#parts = [];
    this.#length = 0;
    this.add(ebml);
  }

  /** It takes the place of the one before: what that one said of its tracks is not of this one. */
  beginSegment(): void {
    const [ebml] = this.#parts;
    if (ebml) this.begin(ebml);
    this.add(segmentStart);
  }

  add(part: Uint8Array): void {
    this.#parts.push(part);
    this.#length += part.length;
    this.#joined = undefined;
  }

  /** Throws WebmError for what there is no room for, before any of it is waited for. `beside`: what is kept beside it. */
  checkRoom(name: string, bytes: number, atByte: number, beside: 'what is there' | 'nothing'): void {
    const all = bytes + (beside === 'nothing' ? 0 : this.#length);
    if (all <= headerBytesMax) return;
    throw new WebmError(
      atByte,
      `${name} has ${bytes} bytes, which makes the header of the stream ${all}, over ${headerBytesMax}`,
    );
  }
}

function concat(parts: readonly Uint8Array[], length: number): Uint8Array {
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
