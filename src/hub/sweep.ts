// Looks at every watcher again and again, a slice of work at a time: who is slow, whom to ask for a sign.
import type { Clock, Timer } from '../lifecycle/clock.ts';
import { operations } from '../telemetry/operations.ts';
import type { FairClock } from './fair-clock.ts';
import type { Slice } from './slice.ts';

export interface SweepOptions {
  readonly clock: Clock;
  readonly fair: FairClock;
  readonly slice: Slice;
  /** From the end of one look at all of them to the next. */
  readonly everyMs: number;
  /** Whom to look at, from the first one on. */
  readonly all: () => Iterator<{ sweep(): void }>;
}

export class Sweep {
  readonly #options: SweepOptions;
  #timer: Timer;

  constructor(options: SweepOptions) {
    this.#options = options;
    this.#timer = this.#later();
  }

  stop(): void {
    this.#timer.cancel();
  }

  #later(): Timer {
    const { clock, everyMs, all } = this.#options;
    return clock.after(everyMs, () => this.#goOn(all()), { ref: false });
  }

  #goOn(watchers: Iterator<{ sweep(): void }>): void {
    operations.during('hub sweep', null, () => this.#look(watchers));
  }

  #look(watchers: Iterator<{ sweep(): void }>): void {
    const { clock, fair, slice } = this.#options;
    // Before the clock moves on: what it has missed is ours.
    fair.tick();
    const untilMs = slice.untilMs();
    for (let next = watchers.next(); !next.done; next = watchers.next()) {
      next.value.sweep();
      if (clock.now() <= untilMs) continue;
      this.#timer = clock.soon(() => this.#goOn(watchers));
      return;
    }
    this.#timer = this.#later();
  }
}
