// Time as watchers may be held to it: it stands still while our own loop is held, so that nobody is slow because we
// were. Ticked by the hub's sweep.
import type { Clock } from '../lifecycle/clock.ts';

export class FairClock {
  readonly #clock: Clock;
  readonly #tickMsMax: number;
  #fairMs = 0;
  #tickedMs: number;

  /** @param everyMs how often it is ticked; twice as much is believed */
  constructor(clock: Clock, everyMs: number) {
    this.#clock = clock;
    this.#tickMsMax = 2 * everyMs;
    this.#tickedMs = clock.now();
  }

  now(): number {
    return this.#fairMs + Math.min(this.#clock.now() - this.#tickedMs, this.#tickMsMax);
  }

  tick(): void {
    this.#fairMs = this.now();
    this.#tickedMs = this.#clock.now();
  }
}
