// When what was published goes out: in this turn of the loop, or, when that is much work, a little later, with what
// comes meanwhile. It clocks itself: the more a round costs, the longer it gathers, so that a write carries more.
import type { Clock, Timer } from '../lifecycle/clock.ts';

/** Of the time from one round to the next, how much a round may take, and how long it may be. */
const restShare = 3;
const beatMsMax = 4;

export class Beat {
  readonly #clock: Clock;
  readonly #round: () => void;
  #timer: Timer | undefined;
  #restedMs = 0;

  /** @param round gives out what there is */
  constructor(clock: Clock, round: () => void) {
    this.#clock = clock;
    this.#round = round;
  }

  /** There is something to give out. */
  wake(): void {
    if (this.#timer) return;
    const restMs = this.#restedMs - this.#clock.now();
    const due = () => this.#run();
    this.#timer = restMs >= 1 ? this.#clock.after(restMs, due) : this.#clock.soon(due);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #run(): void {
    this.#timer = undefined;
    const beganMs = this.#clock.now();
    this.#round();
    const tookMs = this.#clock.now() - beganMs;
    this.#restedMs = beganMs + Math.min(beatMsMax, tookMs * (1 + restShare));
  }
}
