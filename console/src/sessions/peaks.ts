// The shape of a recording, from a WAV file that comes in pieces: how loud it is in each of some hundred places. Nothing
// of it is kept but that. Pure but for its own memory.

export class Peaks {
  /** 0 to 1 for each place, as far as it came. */
  readonly values: Float32Array;
  readonly #samples: number;
  #head: Uint8Array | null = new Uint8Array(0);
  #odd: number | null = null;
  #at = 0;

  /** @param samples how many there are in all, as the recording's facts have it */
  constructor(places: number, samples: number) {
    this.values = new Float32Array(places);
    this.#samples = Math.max(1, samples);
  }

  /** How much of it came, 0 to 1. */
  get part(): number {
    return Math.min(1, this.#at / this.#samples);
  }

  push(bytes: Uint8Array): void {
    let rest = bytes;
    if (this.#head) {
      const joined = join(this.#head, bytes);
      const start = soundIn(joined);
      if (start === null) {
        this.#head = joined;
        return;
      }
      this.#head = null;
      rest = joined.subarray(start);
    }
    this.#sound(rest);
  }

  /** All of it at once, at any rate, -1 to 1. */
  fill(sound: Float32Array): void {
    this.values.fill(0);
    sound.forEach((one, at) => {
      const place = Math.floor((at * this.values.length) / sound.length);
      const value = Math.abs(one);
      if (value > (this.values[place] ?? 0)) this.values[place] = Math.min(1, value);
    });
    this.#at = this.#samples;
  }

  #sound(bytes: Uint8Array): void {
    let from = 0;
    if (this.#odd !== null && bytes.length > 0) {
      this.#sample(this.#odd | ((bytes[0] ?? 0) << 8));
      this.#odd = null;
      from = 1;
    }
    for (; from + 1 < bytes.length; from += 2)
      this.#sample((bytes[from] ?? 0) | ((bytes[from + 1] ?? 0) << 8));
    if (from < bytes.length) this.#odd = bytes[from] ?? 0;
  }

  #sample(word: number): void {
    const value = Math.abs((word << 16) >> 16) / 32_768;
    const place = Math.min(
      this.values.length - 1,
      Math.floor((this.#at * this.values.length) / this.#samples),
    );
    if (value > (this.values[place] ?? 0)) this.values[place] = value;
    this.#at += 1;
  }
}

/** Where the sound begins (https://www.mmsp.ece.mcgill.ca/Documents/AudioFormats/WAVE/WAVE.html); null: not there yet. */
export function soundIn(bytes: Uint8Array): number | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 12; at + 8 <= bytes.length; ) {
    const name = String.fromCharCode(...bytes.subarray(at, at + 4));
    if (name === 'data') return at + 8;
    const size = view.getUint32(at + 4, true);
    at += 8 + size + (size % 2);
  }
  return null;
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
