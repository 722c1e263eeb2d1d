// How much work is done in one turn of the loop before others have theirs. Less while newcomers come: the system lets
// in one connection a turn, so that a crowd at the door is let in as fast as the loop turns.
import type { Clock } from '../lifecycle/clock.ts';

const sliceMs = 1;
const busyDoorMs = 0.25;
/** Who came so lately is seldom alone. */
const crowdMs = 20;

export class Slice {
  readonly #clock: Clock;
  #cameMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Somebody was let in. */
  newcomer(): void {
    this.#cameMs = this.#clock.now();
  }

  /** The end of a slice that begins now, on the clock. */
  untilMs(): number {
    const nowMs = this.#clock.now();
    return nowMs + (nowMs - this.#cameMs < crowdMs ? busyDoorMs : sliceMs);
  }
}
