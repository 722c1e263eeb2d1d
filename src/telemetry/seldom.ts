// What would flood a log: the first of a kind is told at once, then one in a while, with how many were not.
import type { Clock } from '../lifecycle/clock.ts';

/** Kinds come from closed sets; should that ever be wrong, this is the end of it. */
const kindsMax = 100;

export class Seldom {
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #kinds = new Map<string, { toldMs: number; untold: number }>();

  constructor(clock: Clock, everyMs: number) {
    this.#clock = clock;
    this.#everyMs = everyMs;
  }

  /** How many of its kind have not been told since the last that was; undefined: this one is not told either. */
  may(kind: string): number | undefined {
    const known = this.#kinds.get(kind);
    const nowMs = this.#clock.now();
    if (known && nowMs - known.toldMs < this.#everyMs) {
      known.untold += 1;
      return undefined;
    }
    if (!known && this.#kinds.size >= kindsMax) return undefined;
    this.#kinds.set(kind, { toldMs: nowMs, untold: 0 });
    return known?.untold ?? 0;
  }
}
