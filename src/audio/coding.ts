// How samples travel: as PCM16 or G.711, at a rate of their own; and how a stream of them becomes PCM16 at another rate
// and back, as it comes, cut anywhere. A decoder or encoder owns some milliseconds of samples and nothing that needs
// closing.
import { decodeAlaw, decodeUlaw, encodeAlaw, encodeUlaw } from './g711.ts';
import { bytesToPcm, pcmToBytes } from './pcm.ts';
import { Resampler } from './resample.ts';

export interface Coding {
  readonly law: 'linear' | 'ulaw' | 'alaw';
  readonly rateHz: number;
}

/** Bytes of a coding to PCM16 at `toHz`. */
export class StreamDecoder {
  readonly coding: Coding;
  readonly #resampler: Resampler;
  /** The first half of a sample, its other half still to come. */
  #half: number | undefined;

  constructor(coding: Coding, toHz: number) {
    this.coding = coding;
    this.#resampler = new Resampler({ fromHz: coding.rateHz, toHz });
  }

  /** The samples that are complete by now. May be a view on the bytes. */
  push(bytes: Uint8Array): Int16Array {
    return this.#resampler.push(this.#toPcm(bytes));
  }

  /** The rest, as if silence followed; what comes is a stream of its own. Half a sample waits on. */
  flush(): Int16Array {
    return this.#resampler.flush();
  }

  /** Half a sample is forgotten: its other half will not come. */
  dropHalf(): void {
    this.#half = undefined;
  }

  #toPcm(bytes: Uint8Array): Int16Array {
    const { law } = this.coding;
    if (law === 'ulaw') return decodeUlaw(bytes);
    if (law === 'alaw') return decodeAlaw(bytes);
    const whole = this.#half === undefined ? bytes : joined(this.#half, bytes);
    this.#half = whole.length % 2 === 1 ? whole.at(-1) : undefined;
    return bytesToPcm(whole);
  }
}

/** PCM16 at `fromHz` to bytes of a coding. */
export class StreamEncoder {
  readonly coding: Coding;
  readonly #resampler: Resampler;

  constructor(fromHz: number, coding: Coding) {
    this.coding = coding;
    this.#resampler = new Resampler({ fromHz, toHz: coding.rateHz });
  }

  /** What is complete by now: whole samples. May be a view on `pcm`. */
  push(pcm: Int16Array): Uint8Array {
    return this.#toBytes(this.#resampler.push(pcm));
  }

  /** The rest, so that all together lasts as long as what was pushed. */
  flush(): Uint8Array {
    return this.#toBytes(this.#resampler.flush());
  }

  #toBytes(pcm: Int16Array): Uint8Array {
    const { law } = this.coding;
    if (law === 'ulaw') return encodeUlaw(pcm);
    return law === 'alaw' ? encodeAlaw(pcm) : pcmToBytes(pcm);
  }
}

export function bytesPerSample({ law }: Coding): number {
  return law === 'linear' ? 2 : 1;
}

function joined(first: number, rest: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(rest.length + 1);
  bytes[0] = first;
  bytes.set(rest, 1);
  return bytes;
}
