// How far the load is: one line of standard output for every percent, and the same in the answer of /health.
//
//     greenroom-progress 0.42 loading the model
//
// The fraction has two digits after the point and never falls; the rest of the line is what is being done. 1.00 is told
// once, when requests are answered.

export interface LoadState {
  readonly fraction: number;
  readonly text: string;
}

const progressWord = 'greenroom-progress';

export class LoadProgress {
  readonly #write: (line: string) => void;
  #state: LoadState = { fraction: 0, text: 'starting' };

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  get state(): LoadState {
    return this.#state;
  }

  /** @param text as before when left out */
  tell(fraction: number, text = this.#state.text): void {
    const percent = Math.floor(Math.min(1, Math.max(this.#state.fraction, fraction || 0)) * 100 + 1e-9);
    const next = { fraction: percent / 100, text };
    if (next.fraction === this.#state.fraction && text === this.#state.text) return;
    this.#state = next;
    this.#write(`${progressWord} ${next.fraction.toFixed(2)} ${text}`);
  }

  /** The part of the load from one fraction to another, as a progress of its own from 0 to 1. */
  part(from: number, to: number, text: string): (fraction: number) => void {
    this.tell(from, text);
    return (fraction) => this.tell(from + (to - from) * Math.min(1, Math.max(0, fraction)));
  }
}
