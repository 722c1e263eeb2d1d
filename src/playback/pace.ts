// When what stands at a position of a recording is due. What could not be said in time is not caught up with: the rest
// comes later by that. Pure.

/** So late somebody has waited: before, it is the jitter of timers. */
const lateMsMax = 250;

export class Pace {
  readonly #speed: number;
  #startMs: number | undefined;

  /** @param speed 0: everything is due at once */
  constructor(speed: number) {
    this.#speed = speed;
  }

  /** How long to wait, from now. */
  waitMs(positionMs: number, nowMs: number): number {
    if (this.#speed === 0) return 0;
    const offsetMs = positionMs / this.#speed;
    this.#startMs ??= nowMs - offsetMs;
    const leftMs = this.#startMs + offsetMs - nowMs;
    if (leftMs < -lateMsMax) this.#startMs = nowMs - offsetMs;
    return Math.max(0, leftMs);
  }
}
