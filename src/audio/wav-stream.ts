// A WAV as it comes, in pieces cut anywhere: 16-bit mono at its own rate. Pure; nothing to close.
import { parseWav, readWavHead, WavError, type WavHead } from './wav.ts';

/** A header that has not come to its samples by then is none. */
const headBytesMax = 1024 * 1024;

export class WavStream {
  #held = new Uint8Array(0);
  #head: { readonly facts: WavHead; readonly bytes: Uint8Array } | undefined;
  #leftBytes = Number.POSITIVE_INFINITY;
  #frames = 0;

  get rateHz(): number | undefined {
    return this.#head?.facts.rateHz;
  }

  /** Of one channel, so far. */
  get samples(): number {
    return this.#frames;
  }

  /** The whole frames of it. Throws WavError. @param use `count`: they are only counted */
  push(bytes: Uint8Array, use: 'read' | 'count' = 'read'): Int16Array {
    let data = bytes;
    if (!this.#head) {
      const start = joined(this.#held, bytes);
      const facts = readWavHead(start);
      if (!facts) {
        if (start.length > headBytesMax)
          throw new WavError(`no "data" chunk in its first ${headBytesMax} bytes`);
        this.#held = start;
        return new Int16Array(0);
      }
      this.#head = { facts, bytes: start.slice(0, facts.dataAt) };
      this.#leftBytes = facts.dataBytes;
      this.#held = new Uint8Array(0);
      data = start.subarray(facts.dataAt);
    }
    const { facts, bytes: head } = this.#head;
    const inside = data.subarray(0, this.#leftBytes);
    this.#leftBytes -= inside.length;
    const there = joined(this.#held, inside);
    const whole = there.length - (there.length % facts.frameBytes);
    this.#held = there.slice(whole);
    this.#frames += whole / facts.frameBytes;
    if (use === 'count' || whole === 0) return new Int16Array(0);
    // With the head before it, each piece is a file of its own.
    return parseWav(joined(head, there.subarray(0, whole))).pcm;
  }

  /** Throws WavError when it never came to its samples, or ended before they did. */
  end(): void {
    if (!this.#head) throw new WavError(`no "data" chunk in its ${this.#held.length} bytes`);
    const { dataBytes } = this.#head.facts;
    if (this.#leftBytes > 0 && Number.isFinite(dataBytes))
      throw new WavError(
        `it was cut: ${dataBytes - this.#leftBytes} of ${dataBytes} bytes of sound are there`,
      );
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}
