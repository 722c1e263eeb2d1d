// Opus to PCM16, mono. libopus, as WASM: each decoder has a memory of its own, and is freed once. Not for the main loop.
import { OpusDecoder } from 'opus-decoder';
import { toSample } from '../pcm.ts';
import { Resampler } from '../resample.ts';
import { type OpusHead, opusRateHz } from './opus-head.ts';
import { opusPacket } from './opus-packet.ts';

/** libopus gives these itself, without a resampler behind it. */
const nativeRatesHz = [8000, 12_000, 16_000, 24_000, opusRateHz] as const;
/** Of a channel: what the decoder has room for, 256 kbit/s for 120 ms. */
const packetBytesMax = 3840;

export type Decoded =
  | { readonly state: 'pcm'; readonly pcm: Int16Array }
  | { readonly state: 'broken'; readonly why: string };

export class OpusToPcm {
  readonly #decoder: OpusDecoder<(typeof nativeRatesHz)[number]>;
  readonly #head: OpusHead;
  readonly #rateHz: number;
  readonly #resampler: Resampler | undefined;
  /** Still to be left out. */
  #skip: number;

  static async open(head: OpusHead, toHz: number): Promise<OpusToPcm> {
    const native = nativeRatesHz.find((rate) => rate === toHz) ?? opusRateHz;
    const decoder = new OpusDecoder({
      sampleRate: native,
      channels: head.channels,
      streamCount: head.streams,
      coupledStreamCount: head.coupled,
      channelMappingTable: [...head.mapping],
    });
    await decoder.ready;
    return new OpusToPcm(decoder, head, native, toHz);
  }

  private constructor(
    decoder: OpusDecoder<(typeof nativeRatesHz)[number]>,
    head: OpusHead,
    nativeHz: number,
    toHz: number,
  ) {
    this.#decoder = decoder;
    this.#head = head;
    this.#rateHz = nativeHz;
    this.#resampler = nativeHz === toHz ? undefined : new Resampler({ fromHz: nativeHz, toHz });
    this.#skip = Math.round((head.preSkip * nativeHz) / opusRateHz);
  }

  /** @param discard at its end, in samples at 48 kHz */
  decode(packet: Uint8Array, discard: number): Decoded {
    const { channels, streams } = this.#head;
    // What it does not take it would tell on the console.
    const checked = opusPacket(packet, streams);
    if (checked.state === 'broken') return checked;
    if (packet.length > packetBytesMax * channels)
      return {
        state: 'broken',
        why: `a packet has ${packet.length} bytes, over ${packetBytesMax * channels}`,
      };
    const { channelData, samplesDecoded, errors } = this.#decoder.decodeFrame(packet);
    const [error] = errors;
    if (error) return { state: 'broken', why: error.message };
    const from = Math.min(this.#skip, samplesDecoded);
    this.#skip -= from;
    const to = Math.max(from, samplesDecoded - Math.round((discard * this.#rateHz) / opusRateHz));
    const pcm = mixed(channelData, from, to, this.#head.gain);
    return { state: 'pcm', pcm: this.#resampler?.push(pcm) ?? pcm };
  }

  /** What is left in the resampler: the stream is over. */
  flush(): Int16Array {
    return this.#resampler?.flush() ?? new Int16Array(0);
  }

  free(): void {
    this.#decoder.free();
  }
}

function mixed(channels: readonly Float32Array[], from: number, to: number, gain: number): Int16Array {
  const pcm = new Int16Array(to - from);
  const scale = (32_768 * gain) / channels.length;
  for (let at = from; at < to; at += 1) {
    let sum = 0;
    for (const channel of channels) sum += channel[at] ?? 0;
    pcm[at - from] = toSample(sum * scale);
  }
  return pcm;
}
