// `input_audio_buffer.append`: base64 to samples, checked. A sample that a client cut in two between appends is put
// together again.
import { bytesToPcm } from '../audio/pcm.ts';

/** OpenAI's limit for one append, in bytes of audio. */
const bytesMax = 15 * 1024 * 1024;

export type Decoded =
  | { readonly state: 'samples'; readonly pcm: Int16Array }
  | { readonly state: 'refused'; readonly why: string };

export class AppendDecoder {
  #odd: Buffer | undefined;

  decode(base64: string): Decoded {
    if (base64.length > Math.ceil(bytesMax / 3) * 4) {
      return { state: 'refused', why: `the audio is over ${bytesMax} bytes` };
    }
    const bytes = Buffer.from(base64, 'base64');
    // Node skips what is no base64; the length tells.
    const padding = base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0;
    if (bytes.length !== Math.floor((base64.length * 3) / 4) - padding) {
      return { state: 'refused', why: 'the audio is not base64' };
    }
    const whole = this.#odd ? Buffer.concat([this.#odd, bytes]) : bytes;
    this.#odd = whole.length % 2 === 1 ? Buffer.from(whole.subarray(whole.length - 1)) : undefined;
    return { state: 'samples', pcm: bytesToPcm(whole.subarray(0, whole.length & ~1)) };
  }

  /** The buffer was cleared: half a sample goes with it. */
  reset(): void {
    this.#odd = undefined;
  }
}
