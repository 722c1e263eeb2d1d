// Those who have not got everything, and take more: each in turn is given one write's worth, for a little of each turn
// of the loop, so that replays never stand in the way of what is published now.
import type { Clock, Timer } from '../lifecycle/clock.ts';
import { operations } from '../telemetry/operations.ts';
import type { Slice } from './slice.ts';
import type { Subscriber } from './subscriber.ts';

export class CatchUp {
  readonly #clock: Clock;
  readonly #slice: Slice;
  readonly #queue = new Set<Subscriber>();
  #timer: Timer | undefined;
  readonly #due = () => operations.during('hub replay', null, () => this.#turn());

  constructor(clock: Clock, slice: Slice) {
    this.#clock = clock;
    this.#slice = slice;
  }

  get waiting(): number {
    return this.#queue.size;
  }

  add(subscriber: Subscriber): void {
    this.#queue.add(subscriber);
    this.#timer ??= this.#clock.soon(this.#due);
  }

  remove(subscriber: Subscriber): void {
    this.#queue.delete(subscriber);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#queue.clear();
  }

  #turn(): void {
    this.#timer = undefined;
    const untilMs = this.#slice.untilMs();
    // Whoever comes again within this turn of the loop waits for the next one.
    for (const subscriber of [...this.#queue]) {
      this.#queue.delete(subscriber);
      if (subscriber.pump() === 'again') this.#queue.add(subscriber);
      if (this.#clock.now() > untilMs) break;
    }
    if (this.#queue.size > 0) this.#timer ??= this.#clock.soon(this.#due);
  }
}
