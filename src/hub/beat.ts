// When what was published goes out: in this turn of the loop, or, when that is much work, a little later, with what
// comes meanwhile. It clocks itself: the more a round costs, the longer it gathers, so that a write carries more. A long
// round is given out over several turns.
import type { Clock, Timer } from '../lifecycle/clock.ts';

/** Of the time from one round to the next, how much a round may take, as long as that makes nobody wait for longer. */
const restShare = 3;
const beatMsMax = 4;
/** What is left to others in any case. */
const leastRestShare = 0.25;

/** `more`: the round goes on in the next turn; `behind`: it has ended, and something has come meanwhile. */
export type RoundEnd = 'level' | 'behind' | 'more';

export class Beat {
  readonly #clock: Clock;
  readonly #round: () => RoundEnd;
  #timer: Timer | undefined;
  #restedMs = 0;
  /** Of the round that goes on. */
  #beganMs: number | undefined;

  /** @param round gives out what there is, or a part of it */
  constructor(clock: Clock, round: () => RoundEnd) {
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
    this.#beganMs ??= this.#clock.now();
    const end = this.#round();
    if (end === 'more') return this.wake();
    const tookMs = this.#clock.now() - this.#beganMs;
    const beatMs = Math.min(beatMsMax, tookMs * (1 + restShare));
    this.#restedMs = this.#beganMs + Math.max(beatMs, tookMs * (1 + leastRestShare));
    this.#beganMs = undefined;
    if (end === 'behind') this.wake();
  }
}
