// What a stream is read by, whatever it is in: fed with bytes, it gives PCM16 mono piece by piece. Each is freed once.

import { concatPcm } from '../pcm.ts';
import { Resampler } from '../resample.ts';
import { WavError } from '../wav.ts';
import { WavStream } from '../wav-stream.ts';
import type { StreamStand } from '../webm/demuxer.ts';
import { WebmFollower } from '../webm/follower.ts';
import { OpusToPcm } from '../webm/opus.ts';
import { opusRateHz } from '../webm/opus-head.ts';
import type { Container, DecodingReply, StreamFacts } from './protocol.ts';

export type Read = Pick<DecodingReply, 'pcm' | 'state' | 'fault'>;

export interface Reader {
  feed(bytes: Uint8Array): void;
  /** A piece of what was fed. */
  read(): Promise<Read>;
  /** What was held back, since more might have come. */
  end(): Read;
  readonly facts: StreamFacts | null;
  /** Of a WebM; undefined: at the beginning, or it is broken. */
  readonly stand: StreamStand | undefined;
  free(): void;
}

/** @param toHz null: it is only looked through */
export function openReader(container: Container, toHz: number | null): Reader {
  return container === 'webm' ? new WebmReader(toHz) : new WavReader(toHz);
}

/** Half a second at 48 kHz: some 3 ms of work. */
const pieceSamplesMax = 24_000;
/** Packets that are only counted cost next to nothing. */
const packetsMax = 2000;
const none = new Int16Array(0);

class WebmReader implements Reader {
  readonly #toHz: number | null;
  readonly #follower = new WebmFollower();
  #opus: OpusToPcm | undefined;

  constructor(toHz: number | null) {
    this.#toHz = toHz;
  }

  get facts(): StreamFacts | null {
    const { head, samples } = this.#follower;
    return head ? { codec: 'opus', rateHz: opusRateHz, samples } : null;
  }

  get stand(): StreamStand | undefined {
    return this.#follower.stand;
  }

  feed(bytes: Uint8Array): void {
    this.#follower.feed(bytes);
  }

  async read(): Promise<Read> {
    const pieces: Int16Array[] = [];
    let samples = 0;
    for (let packets = 0; packets < packetsMax && samples < pieceSamplesMax; packets += 1) {
      let next = this.#follower.next();
      if (!next) return { pcm: concatPcm(pieces), state: 'through', fault: null };
      if (next.type === 'track' && this.#toHz !== null) {
        const rest = this.#opus?.flush() ?? none;
        if (rest.length > 0) pieces.push(rest);
        this.#opus?.free();
        this.#opus = undefined;
        this.#opus = await OpusToPcm.open(next.head, this.#toHz);
      }
      if (next.type === 'packet' && this.#opus) {
        const decoded = this.#opus.decode(next.bytes, next.discard);
        if (decoded.state === 'pcm') {
          pieces.push(decoded.pcm);
          samples += decoded.pcm.length;
        } else next = this.#follower.broken(next.atByte, decoded.why);
      }
      if (next.type === 'fault') return { pcm: concatPcm(pieces), state: 'through', fault: next.fault };
    }
    return { pcm: concatPcm(pieces), state: 'more', fault: null };
  }

  end(): Read {
    return { pcm: this.#opus?.flush() ?? none, state: 'through', fault: null };
  }

  free(): void {
    this.#opus?.free();
    this.#opus = undefined;
  }
}

/** Read at a time. */
const wavBytesMax = 256 * 1024;

class WavReader implements Reader {
  readonly #toHz: number | null;
  readonly #wav = new WavStream();
  #bytes: Uint8Array = new Uint8Array(0);
  #resampler: Resampler | undefined;
  readonly stand = undefined;

  constructor(toHz: number | null) {
    this.#toHz = toHz;
  }

  get facts(): StreamFacts | null {
    const { rateHz, samples } = this.#wav;
    return rateHz === undefined ? null : { codec: 'pcm', rateHz, samples };
  }

  feed(bytes: Uint8Array): void {
    this.#bytes = bytes;
  }

  async read(): Promise<Read> {
    const piece = this.#bytes.subarray(0, wavBytesMax);
    this.#bytes = this.#bytes.subarray(piece.length);
    return this.#guarded(() => {
      const pcm = this.#wav.push(piece, this.#toHz === null ? 'count' : 'read');
      return { pcm: this.#resampled(pcm), state: this.#bytes.length > 0 ? 'more' : 'through', fault: null };
    });
  }

  end(): Read {
    return this.#guarded(() => {
      this.#wav.end();
      return { pcm: this.#resampler?.flush() ?? none, state: 'through', fault: null };
    });
  }

  free(): void {
    this.#resampler = undefined;
  }

  #resampled(pcm: Int16Array): Int16Array {
    const { rateHz } = this.#wav;
    if (this.#toHz === null || rateHz === undefined || rateHz === this.#toHz) return pcm;
    this.#resampler ??= new Resampler({ fromHz: rateHz, toHz: this.#toHz });
    return this.#resampler.push(pcm);
  }

  #guarded(read: () => Read): Read {
    try {
      return read();
    } catch (thrown) {
      // A rate that nothing can be made of is none of ours either.
      if (!(thrown instanceof WavError || thrown instanceof RangeError)) throw thrown;
      const message = `the WAV is broken: ${thrown.message}`;
      return { pcm: none, state: 'through', fault: { message, atByte: null } };
    }
  }
}
