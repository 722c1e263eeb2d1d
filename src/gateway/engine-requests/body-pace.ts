// Whether a body comes fast enough for the engine that is held for it. Counted is only the time in which it is read:
// what the engine does not take is no fault of the caller. One timer, however much comes.
import type { Clock, Timer } from '../../lifecycle/clock.ts';

export interface SlowPace {
  /** What came in this time. */
  readonly bytes: number;
  readonly ms: number;
}

/** A second. */
export const paceBytesMin = 16 * 1024;
/** For so long it may be behind. What came fast before is no credit: with it a caller could hold the engine for minutes. */
export const paceGraceMs = 10_000;

export class BodyPace {
  readonly #clock: Clock;
  readonly #onSlow: (pace: SlowPace) => void;
  #state: 'unwatched' | 'watching' | 'stopped' = 'unwatched';
  #timer: Timer | undefined;
  /** Undefined while it is not read. */
  #readingSinceMs: number | undefined;
  /** Since it was last ahead. */
  #readMs = 0;
  #bytes = 0;

  constructor(clock: Clock, onSlow: (pace: SlowPace) => void) {
    this.#clock = clock;
    this.#onSlow = onSlow;
  }

  /** From now on it has to come. */
  begin(): void {
    if (this.#state !== 'unwatched') return;
    this.#state = 'watching';
    this.#anew();
    this.#arm(paceGraceMs);
  }

  came(bytes: number): void {
    if (this.#state !== 'watching') return;
    this.#bytes += bytes;
    if (this.#bytes * 1000 >= paceBytesMin * this.#behindMs()) this.#anew();
  }

  /** It is not read. */
  rest(): void {
    this.#readMs = this.#behindMs();
    this.#readingSinceMs = undefined;
  }

  resume(): void {
    this.#readingSinceMs ??= this.#clock.now();
  }

  /** For good. */
  stop(): void {
    this.#state = 'stopped';
    this.#timer?.cancel();
  }

  #behindMs(): number {
    const since = this.#readingSinceMs;
    return this.#readMs + (since === undefined ? 0 : this.#clock.now() - since);
  }

  #anew(): void {
    this.#bytes = 0;
    this.#readMs = 0;
    if (this.#readingSinceMs !== undefined) this.#readingSinceMs = this.#clock.now();
  }

  #arm(ms: number): void {
    this.#timer = this.#clock.after(
      ms,
      () => {
        const readMs = this.#behindMs();
        if (readMs < paceGraceMs) return this.#arm(paceGraceMs - readMs);
        this.stop();
        this.#onSlow({ bytes: this.#bytes, ms: Math.round(readMs) });
      },
      { ref: false },
    );
  }
}
