// Pings on its own schedule, and gives up a peer that was silent for two intervals. Any traffic counts as life; our own
// stalls do not count against anybody.
import type { Timer } from '../lifecycle/clock.ts';
import type { Scope } from '../lifecycle/scope.ts';

export interface KeepaliveOptions {
  readonly scope: Scope;
  readonly intervalMs: number;
  /** 0 to 1: where in the first interval the first ping goes, so that a crowd does not ping as one. */
  readonly random: number;
  readonly ping: () => void;
  readonly onLost: (silentMs: number) => void;
}

const missesMax = 2;

export class Keepalive {
  readonly #options: KeepaliveOptions;
  #timer: Timer | undefined;
  #aliveMs: number;
  #misses = 0;

  constructor(options: KeepaliveOptions) {
    this.#options = options;
    this.#aliveMs = options.scope.clock.now();
    options.scope.defer('keepalive', () => this.#timer?.cancel());
    this.#arm(options.intervalMs * (0.5 + options.random / 2));
  }

  alive(): void {
    this.#misses = 0;
    this.#aliveMs = this.#options.scope.clock.now();
  }

  #arm(ms: number): void {
    const { clock } = this.#options.scope;
    const dueMs = clock.now() + ms;
    this.#timer = clock.after(ms, () => this.#tick(clock.now() - dueMs), { ref: false });
  }

  #tick(lateMs: number): void {
    const { intervalMs, ping, onLost, scope } = this.#options;
    // The pong may well have come while we could not look.
    const stalled = lateMs > intervalMs / 2;
    if (this.#misses >= missesMax && !stalled) return onLost(Math.round(scope.clock.now() - this.#aliveMs));
    if (!stalled) this.#misses += 1;
    ping();
    this.#arm(intervalMs);
  }
}
