// The caller's audio from where a turn began, as it comes, for whoever writes it down meanwhile. Nothing is held here: what
// is not taken stays in the input, until the end of the turn takes it out.
import { sessionRateHz } from '../wire/session-config.ts';
import type { InputAudio } from './input-audio.ts';

/** Given at a time: what has waited for an engine comes in pieces too. */
const pieceSamplesMax = sessionRateHz;

export class SpeechFeed implements AsyncIterable<Int16Array> {
  readonly #input: Pick<InputAudio, 'startSample' | 'endSample' | 'slice'>;
  #at: number;
  #openTo: number;
  /** What was not taken yet when the turn ended. */
  #rest: Int16Array = new Int16Array(0);
  #state: 'open' | 'ended' = 'open';
  #wake: (() => void) | undefined;

  constructor(input: Pick<InputAudio, 'startSample' | 'endSample' | 'slice'>, fromSample: number) {
    this.#input = input;
    this.#at = fromSample;
    this.#openTo = fromSample;
  }

  get ended(): boolean {
    return this.#state === 'ended';
  }

  /** Up to here it is of the turn. What comes after may not be: input may come faster than it is spoken. */
  openTo(toSample: number): void {
    this.#openTo = Math.max(this.#openTo, toSample);
    this.#notify();
  }

  /** The turn is over: nothing after this is of it. Before the input lets go of it. */
  endAt(toSample: number): void {
    if (this.#state === 'ended') return;
    this.#rest = this.#input.slice(this.#at, toSample);
    this.#state = 'ended';
    this.#notify();
  }

  /** Nobody wants it any more. */
  stop(): void {
    this.#state = 'ended';
    this.#rest = new Int16Array(0);
    this.#notify();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Int16Array> {
    for (;;) {
      const piece = this.#take();
      if (piece.length > 0) yield piece;
      else if (this.#state === 'ended') return;
      else await this.#more();
    }
  }

  #take(): Int16Array {
    if (this.#state === 'ended') {
      const piece = this.#rest.subarray(0, pieceSamplesMax);
      this.#rest = this.#rest.subarray(piece.length);
      return piece;
    }
    // The oldest may have been dropped.
    const from = Math.max(this.#at, this.#input.startSample);
    const to = Math.min(this.#openTo, this.#input.endSample, from + pieceSamplesMax);
    if (to <= from) return new Int16Array(0);
    const piece = this.#input.slice(from, to);
    this.#at = from + piece.length;
    return piece;
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #notify(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}
