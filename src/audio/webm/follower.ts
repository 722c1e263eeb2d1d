// A stream of WebM as a caller sends it, for as long as it is one: when it breaks, what comes is passed over until a piece
// begins with the header of a new stream, which always is one. Counts what was said, without decoding it. Pure.
//
//     sound ──it breaks──▶ broken ──a piece that begins a stream──▶ sound
import { beginsWebm, type Demuxed, type StreamStand, WebmDemuxer } from './demuxer.ts';
import { WebmError } from './ebml.ts';
import type { OpusHead } from './opus-head.ts';
import { opusPacket } from './opus-packet.ts';

interface StreamFault {
  /** Of all that was fed. */
  readonly atByte: number;
  /** With its position. */
  readonly message: string;
}

export type Followed = Demuxed | { readonly type: 'fault'; readonly fault: StreamFault };

export class WebmFollower {
  #demuxer = new WebmDemuxer();
  #state: 'sound' | 'broken' = 'sound';
  /** Fed before the stream that is followed. */
  #beganAt = 0;
  #fedBytes = 0;
  #head: OpusHead | undefined;
  #skip = 0;
  #samples = 0;
  #wholeBytes = 0;

  get state(): 'sound' | 'broken' {
    return this.#state;
  }

  /** Of the last stream. */
  get head(): OpusHead | undefined {
    return this.#head;
  }

  /** Of all that was given out, at 48 kHz: what it lasts when it is decoded. */
  get samples(): number {
    return this.#samples;
  }

  /** Up to here all of it is whole. */
  get wholeBytes(): number {
    return this.#wholeBytes;
  }

  /** Undefined: it is broken, or nothing has come. */
  get stand(): StreamStand | undefined {
    return this.#state === 'sound' && this.#fedBytes > this.#beganAt ? this.#demuxer.stand : undefined;
  }

  feed(bytes: Uint8Array): void {
    // Whatever was left of the one before: a recorder was started anew.
    if (beginsWebm(bytes) && this.#fedBytes > 0) {
      this.#demuxer = new WebmDemuxer();
      this.#beganAt = this.#fedBytes;
      this.#state = 'sound';
    }
    this.#fedBytes += bytes.length;
    if (this.#state === 'sound') this.#demuxer.feed(bytes);
  }

  next(): Followed | undefined {
    if (this.#state === 'broken') return undefined;
    try {
      const demuxed = this.#demuxer.next();
      this.#wholeBytes = this.#beganAt + this.#demuxer.wholeBytes;
      if (demuxed) return this.#counted(demuxed);
      return undefined;
    } catch (thrown) {
      if (!(thrown instanceof WebmError)) throw thrown;
      return this.broken(thrown.atByte, thrown.message.replace(/^at byte \d+: /, ''));
    }
  }

  /** Whoever decodes it finds that it cannot go on. `atByte`: of the stream that is followed. */
  broken(atByte: number, why: string): Followed {
    this.#state = 'broken';
    // What it holds is of no use any more.
    this.#demuxer = new WebmDemuxer();
    const at = this.#beganAt + atByte;
    return {
      type: 'fault',
      fault: { atByte: at, message: `the WebM stream is broken at byte ${at}: ${why}` },
    };
  }

  #counted(demuxed: Demuxed): Followed {
    if (demuxed.type === 'track') {
      this.#head = demuxed.head;
      this.#skip = demuxed.head.preSkip;
      return demuxed;
    }
    const packet = opusPacket(demuxed.bytes, this.#head?.streams);
    if (packet.state === 'broken') return this.broken(demuxed.atByte, packet.why);
    const skipped = Math.min(this.#skip, packet.samples);
    this.#skip -= skipped;
    this.#samples += Math.max(0, packet.samples - skipped - demuxed.discard);
    return demuxed;
  }
}
