// Changes the sample rate of a mono PCM16 stream: a windowed-sinc polyphase filter for any ratio of the usual
// rates. A Resampler owns a short history of samples and nothing that needs closing.
//
// It promises: output is the same however the input is cut; round(n * to / from) samples for n; no delay (the
// first output sample is the first input sample's moment); flat to 0.9 of the lower Nyquist frequency and 80 dB
// down from that frequency on, for ears; loud signals saturate, they never wrap.
import { concatPcm, toSample } from './pcm.ts';

export interface ResamplerOptions {
  readonly fromHz: number;
  readonly toHz: number;
  /** `machine`: nobody listens; flat to 0.75, 56 dB down, at a quarter of the work. Default `ear`. */
  readonly listener?: Listener;
}

type Listener = 'ear' | 'machine';

/** One row of coefficients for each of the `up` positions an output sample can have between two input samples. */
interface Filter {
  readonly up: number;
  readonly down: number;
  /** Coefficients in a row; half of them lie before the output's moment. */
  readonly taps: number;
  readonly rows: Float64Array;
}

/** Passband and stopband edges as parts of the lower Nyquist frequency: nothing that aliases is let through. */
const designs = {
  ear: { passEdge: 0.9, stopbandDb: 84 },
  machine: { passEdge: 0.75, stopbandDb: 60 },
} as const;
const stopEdge = 1;
/** 4 MiB of table, built in some 100 ms; the usual rates need at most an eighth of it. */
const coefficientsMax = 2 ** 19;
const filtersKeptMax = 16;
/** What is turned into floating point at a time: an hour's recording in one piece must not become eight times that. */
const blockSamples = 16_384;

export class Resampler {
  readonly #filter: Filter | undefined;
  /** Input samples from `#start` on, as far as they are still needed; the first half-filter is silence. */
  #window: Float64Array;
  #filled = 0;
  /** Stream position of the window's first sample; negative at first, because of that silence. */
  #start = 0;
  #received = 0;
  #produced = 0;

  constructor({ fromHz, toHz, listener = 'ear' }: ResamplerOptions) {
    checkRate(fromHz);
    checkRate(toHz);
    this.#filter = fromHz === toHz ? undefined : filterFor(fromHz, toHz, listener);
    this.#window = new Float64Array((this.#filter?.taps ?? 0) * 4);
    this.#reset();
  }

  /** The output that is complete by now. */
  push(pcm: Int16Array): Int16Array {
    const filter = this.#filter;
    if (!filter) return pcm;
    const chunks: Int16Array[] = [];
    for (let at = 0; at < pcm.length; at += blockSamples) {
      chunks.push(this.#take(filter, pcm.subarray(at, at + blockSamples)));
    }
    return concatPcm(chunks);
  }

  /** The rest, as if silence followed. The resampler is then as new. */
  flush(): Int16Array {
    const filter = this.#filter;
    if (!filter) return new Int16Array(0);
    this.#append(undefined, filter.taps);
    const rest = this.#produce(filter, Math.round((this.#received * filter.up) / filter.down));
    this.#reset();
    return rest;
  }

  #take(filter: Filter, pcm: Int16Array): Int16Array {
    this.#append(pcm, pcm.length);
    this.#received += pcm.length;
    // An output sample needs half a filter of input beyond its moment.
    const lastComplete = this.#received - 1 - filter.taps / 2;
    const complete =
      lastComplete < 0 ? 0 : Math.floor(((lastComplete + 1) * filter.up - 1) / filter.down) + 1;
    return this.#produce(filter, complete);
  }

  #reset(): void {
    const silence = (this.#filter?.taps ?? 0) / 2;
    this.#window.fill(0, 0, silence);
    this.#filled = silence;
    this.#start = -silence;
    this.#received = 0;
    this.#produced = 0;
  }

  #append(pcm: Int16Array | undefined, length: number): void {
    const filled = this.#filled + length;
    if (filled > this.#window.length) {
      const larger = new Float64Array(filled * 2);
      larger.set(this.#window.subarray(0, this.#filled));
      this.#window = larger;
    }
    if (pcm) this.#window.set(pcm, this.#filled);
    else this.#window.fill(0, this.#filled, filled);
    this.#filled = filled;
  }

  /** Output samples up to the stream's `end`th; then forgets the input that no later one needs. */
  #produce({ up, down, taps, rows }: Filter, end: number): Int16Array {
    const out = new Int16Array(Math.max(0, end - this.#produced));
    const half = taps / 2;
    const window = this.#window;
    for (let index = 0; index < out.length; index++) {
      // Whole numbers all the way: no drift, whatever the length of the stream.
      const position = (this.#produced + index) * down;
      const base = Math.floor(position / up);
      out[index] = toSample(
        dot(window, base - half + 1 - this.#start, rows, (position - base * up) * taps, taps),
      );
    }
    this.#produced += out.length;
    this.#forget(Math.floor((this.#produced * down) / up) - half + 1);
    return out;
  }

  #forget(before: number): void {
    const drop = Math.min(before - this.#start, this.#filled);
    if (drop <= 0) return;
    this.#window.copyWithin(0, drop, this.#filled);
    this.#filled -= drop;
    this.#start += drop;
  }
}

export function resample(pcm: Int16Array, fromHz: number, toHz: number): Int16Array {
  const resampler = new Resampler({ fromHz, toHz });
  if (fromHz === toHz) return pcm;
  return concatPcm([resampler.push(pcm), resampler.flush()]);
}

/** Four sums side by side: one alone would wait for itself at every step. `taps` is a multiple of four. */
function dot(window: Float64Array, from: number, rows: Float64Array, row: number, taps: number): number {
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  const end = row + taps;
  for (let at = row, sample = from; at < end; at += 4, sample += 4) {
    a += window[sample]! * rows[at]!;
    b += window[sample + 1]! * rows[at + 1]!;
    c += window[sample + 2]! * rows[at + 2]!;
    d += window[sample + 3]! * rows[at + 3]!;
  }
  return a + b + (c + d);
}

/** Filters depend on nothing but the ratio and the listener, so that sessions share them. */
const filtersKept = new Map<string, Filter>();

function checkRate(rateHz: number): void {
  if (Number.isInteger(rateHz) && rateHz > 0) return;
  throw new RangeError(`a sample rate is a whole number of Hz above 0, not ${rateHz}`);
}

function filterFor(fromHz: number, toHz: number, listener: Listener): Filter {
  const divisor = greatestCommonDivisor(fromHz, toHz);
  const [up, down] = [toHz / divisor, fromHz / divisor];
  const key = `${up}/${down} ${listener}`;
  const known = filtersKept.get(key);
  if (known) return known;
  const filter = designFilter(up, down, listener);
  const [oldest] = filtersKept.keys();
  if (filtersKept.size >= filtersKeptMax && oldest) filtersKept.delete(oldest);
  filtersKept.set(key, filter);
  return filter;
}

/** Kaiser's formulas: the window's shape from the attenuation, its length from the width of the transition. */
function designFilter(up: number, down: number, listener: Listener): Filter {
  const { passEdge, stopbandDb } = designs[listener];
  const lowerOfInput = Math.min(1, up / down);
  const beta = 0.1102 * (stopbandDb - 8.7);
  const transition = (stopEdge - passEdge) * Math.PI * lowerOfInput;
  const half = 2 * Math.ceil((stopbandDb - 7.95) / (2.285 * transition) / 4);
  const taps = 2 * half;
  if (taps * up > coefficientsMax) {
    throw new RangeError(
      `the ratio ${up}:${down} needs ${taps * up} coefficients, at most ${coefficientsMax} are built`,
    );
  }
  const cutoff = (lowerOfInput * (passEdge + stopEdge)) / 2;
  const rows = new Float64Array(taps * up);
  for (let phase = 0; phase < up; phase++) {
    const row = rows.subarray(phase * taps, (phase + 1) * taps);
    for (let tap = 0; tap < taps; tap++) {
      const offset = tap - half + 1 - phase / up;
      // The window's own scale falls out of the division by the sum.
      row[tap] = sinc(cutoff * offset) * kaiser(offset / half, beta);
    }
    // A constant stays the same constant in every phase.
    const sum = row.reduce((total, coefficient) => total + coefficient, 0);
    for (let tap = 0; tap < taps; tap++) row[tap] = row[tap]! / sum;
  }
  return { up, down, taps, rows };
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

function kaiser(x: number, beta: number): number {
  return Math.abs(x) >= 1 ? 0 : besselI0(beta * Math.sqrt(1 - x * x));
}

function besselI0(x: number): number {
  let [sum, term] = [1, 1];
  for (let k = 1; term > sum * 1e-12; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
