// What holds the event loop, by name: synchronous work is marked where it is done, so that a stall can say what it was.
// There is one loop in a process, so there is one list, whoever watches it. A name costs nothing until it is asked for.
import { type Clock, systemClock } from '../lifecycle/clock.ts';

/** A closed set: it is a label of metrics, and what is told no faster than so often. */
export const operationKinds = [
  'http request',
  'http answer',
  'websocket upgrade',
  'session message',
  'session step',
  'upstream message',
  'engine message',
  'hub round',
  'hub replay',
  'hub sweep',
  'producer events',
  'store batch',
  'config reload',
] as const;

export type OperationKind = (typeof operationKinds)[number];

export interface Operation {
  readonly kind: OperationKind;
  /** Kind and which one: `session message sess_1`. */
  readonly name: string;
  /** Its own: without what was marked within it. */
  readonly ms: number;
}

/** Shorter work explains no stall. */
const leastMs = 1;

export class Operations {
  readonly #clock: Clock;
  readonly #watches = new Set<Watch>();
  /** Of marks that ended within the one under way. */
  #innerMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Marks synchronous work. `of`: which one, null where there is one alone; may be made of what a stranger has sent. */
  during<T>(kind: OperationKind, of: string | (() => string) | null, work: () => T): T {
    const outerMs = this.#innerMs;
    this.#innerMs = 0;
    const beganMs = this.#clock.now();
    try {
      return work();
    } finally {
      const ms = this.#clock.now() - beganMs;
      const ownMs = ms - this.#innerMs;
      this.#innerMs = outerMs + ms;
      if (ownMs > leastMs) for (const watch of this.#watches) watch.ended(kind, of, ownMs);
    }
  }

  watch(): Watch {
    const watch = new Watch(() => this.#watches.delete(watch));
    this.#watches.add(watch);
    return watch;
  }
}

/** Keeps the longest mark since it was last asked. Whoever opens it closes it. */
export class Watch {
  readonly close: () => void;
  #longest: Operation | undefined;

  constructor(close: () => void) {
    this.close = close;
  }

  ended(kind: OperationKind, of: string | (() => string) | null, ms: number): void {
    if (ms <= (this.#longest?.ms ?? 0)) return;
    const which = typeof of === 'function' ? of() : of;
    this.#longest = { kind, name: which === null ? kind : `${kind} ${which}`, ms };
  }

  take(): Operation | undefined {
    const longest = this.#longest;
    this.#longest = undefined;
    return longest;
  }
}

/** Of this process. */
export const operations = new Operations(systemClock);
