// The time of an engine that is ready and that nobody uses: when it is over, it is unloaded. Whoever tells it how the
// engine stands ends it.
import type { Clock, Timer } from '../lifecycle/clock.ts';

export class UnusedTimer {
  readonly #clock: Clock;
  readonly #ms: number | undefined;
  readonly #onOver: () => void;
  #timer: Timer | undefined;

  /** @param ms undefined: its time is never over */
  constructor(clock: Clock, ms: number | undefined, onOver: () => void) {
    this.#clock = clock;
    this.#ms = ms;
    this.#onOver = onOver;
  }

  /** Taken back as soon as somebody comes: nobody is there when it is over. */
  look(unused: boolean): void {
    if (this.#ms === undefined || unused === (this.#timer !== undefined)) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (!unused) return;
    const over = () => {
      this.#timer = undefined;
      this.#onOver();
    };
    this.#timer = this.#clock.after(this.#ms, over, { ref: false });
  }
}
