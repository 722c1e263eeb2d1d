// Watches the event loop: a timer that comes late tells how long something held it. What was running is known where
// the work was marked with `during`; the longest mark that ended within the stall is named.
import type { Clock, Timer } from '../lifecycle/clock.ts';

export interface Stall {
  readonly ms: number;
  /** Name of the marked work, or null. */
  readonly during: string | null;
  readonly duringMs: number;
}

export interface LoopDelay {
  /** Of the last minute, ms. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly stalls: number;
}

const tickMs = 20;
const stallMs = 100;
const samplesMax = 3000;

export class LoopMonitor {
  readonly #clock: Clock;
  readonly #onStall: (stall: Stall) => void;
  readonly #samples: number[] = [];
  #timer: Timer | undefined;
  #longest: { name: string; ms: number } | undefined;
  #stalls = 0;

  constructor(clock: Clock, onStall: (stall: Stall) => void) {
    this.#clock = clock;
    this.#onStall = onStall;
  }

  start(): void {
    const dueMs = this.#clock.now() + tickMs;
    // Unref'd: watching keeps nothing alive.
    this.#timer = this.#clock.after(tickMs, () => this.#tick(this.#clock.now() - dueMs), { ref: false });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** Marks synchronous work by name, so that a stall it causes can say so. */
  during<T>(name: string, work: () => T): T {
    const beganMs = this.#clock.now();
    try {
      return work();
    } finally {
      const ms = this.#clock.now() - beganMs;
      if (ms > (this.#longest?.ms ?? 1)) this.#longest = { name, ms };
    }
  }

  delay(): LoopDelay {
    const sorted = [...this.#samples].sort((a, b) => a - b);
    const at = (share: number) =>
      Math.round((sorted[Math.floor((sorted.length - 1) * share)] ?? 0) * 10) / 10;
    return { p50: at(0.5), p99: at(0.99), max: at(1), stalls: this.#stalls };
  }

  #tick(lateMs: number): void {
    this.#samples.push(Math.max(0, lateMs));
    if (this.#samples.length > samplesMax) this.#samples.shift();
    if (lateMs > stallMs) {
      this.#stalls += 1;
      // A mark explains a stall only when it fills most of it.
      const named = this.#longest && this.#longest.ms > lateMs / 2 ? this.#longest : undefined;
      this.#onStall({
        ms: Math.round(lateMs),
        during: named?.name ?? null,
        duringMs: Math.round(named?.ms ?? 0),
      });
    }
    this.#longest = undefined;
    this.start();
  }
}
