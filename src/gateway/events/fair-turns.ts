// How long producers may hold the loop, all of them together: some ms a turn, shared out in line. What is left of their
// work goes on in a later turn, when everybody else has had his.
import type { Clock, Timer } from '../../lifecycle/clock.ts';
import { operations } from '../../telemetry/operations.ts';

/** Something that has work to do now and then. */
export interface Worker {
  /** Works until all is done, or until `mayGoOn` says no, which is asked after each piece. */
  work(mayGoOn: () => boolean): 'done' | 'more';
}

/** Of one turn of the loop. */
export const turnMsMax = 4;
/** Of one worker, while others wait. */
const shareMsMax = 1;

export class FairTurns {
  readonly #clock: Clock;
  readonly #waiting = new Set<Worker>();
  #heldMs = 0;
  #next: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** It has work: at once, while this turn has time and nobody waits, else later. */
  ask(worker: Worker): void {
    if (this.#waiting.has(worker)) return;
    if (this.#waiting.size > 0 || this.#heldMs >= turnMsMax || this.#let(worker) === 'more')
      this.#waiting.add(worker);
    this.#next ??= this.#clock.soon(() => this.#turn());
  }

  /** It has nothing to do any more. */
  forget(worker: Worker): void {
    this.#waiting.delete(worker);
  }

  #turn(): void {
    this.#next = undefined;
    this.#heldMs = 0;
    while (this.#waiting.size > 0 && this.#heldMs < turnMsMax) {
      const [worker] = this.#waiting;
      if (!worker) break;
      this.#waiting.delete(worker);
      if (this.#let(worker) === 'more') this.#waiting.add(worker);
    }
    // One turn more even when nobody waits: what comes in until then shares this one's time.
    if (this.#heldMs > 0) this.#next ??= this.#clock.soon(() => this.#turn());
  }

  #let(worker: Worker): 'done' | 'more' {
    const beganMs = this.#clock.now();
    const leftMs = turnMsMax - this.#heldMs;
    const mayMs = this.#waiting.size > 0 ? Math.min(shareMsMax, leftMs) : leftMs;
    try {
      const mayGoOn = () => this.#clock.now() - beganMs < mayMs;
      return operations.during('producer events', null, () => worker.work(mayGoOn));
    } finally {
      this.#heldMs += this.#clock.now() - beganMs;
    }
  }
}
