// When what is old is removed: at the start and once an hour, in small steps with a rest between them, in which whoever
// writes is served. Runs in the store's thread; whoever starts it stops it.
import type { Clock, Timer } from '../lifecycle/clock.ts';
import { messageOf } from '../lifecycle/errors.ts';
import type { Pruned } from './pruning.ts';

export interface SweeperOptions {
  readonly clock: Clock;
  /** Throws what the disk says: then it is tried again with the next sweep. */
  readonly step: () => Pruned;
  /** For the log: one line a sweep at most. */
  readonly onNotice: (message: string) => void;
}

const everyMs = 3_600_000;
const restMs = 20;

export class Sweeper {
  readonly #options: SweeperOptions;
  #timer: Timer | undefined;
  /** Of this sweep. */
  #early = 0;

  constructor(options: SweeperOptions) {
    this.#options = options;
  }

  start(): void {
    this.#after(restMs);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #after(ms: number): void {
    this.#timer = this.#options.clock.after(ms, () => this.#step(), { ref: false });
  }

  #step(): void {
    let state: Pruned['state'] = 'done';
    try {
      const pruned = this.#options.step();
      state = pruned.state;
      this.#early += pruned.early;
    } catch (thrown) {
      this.#options.onNotice(
        `old records cannot be removed: ${messageOf(thrown)}; it is tried again in an hour`,
      );
    }
    this.#after(state === 'more' ? restMs : everyMs);
    if (state === 'done') this.#tell();
  }

  #tell(): void {
    if (this.#early === 0) return;
    const sessions = this.#early === 1 ? 'session is' : 'sessions are';
    this.#options.onNotice(
      `the database is full: the ${this.#early} oldest ${sessions} removed before their time; give it more room with store.size, or keep less with store.keep`,
    );
    this.#early = 0;
  }
}
