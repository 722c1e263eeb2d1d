// Whether voice activity keeps up with those who speak. A stream that has much to hear, and waits for the answer longer
// than that lasts, is behind by at least that wait, and falls further behind. Told now and then, for all streams
// together. Its owner closes it.
import type { Clock, Timer } from '../../lifecycle/clock.ts';

export interface VadLagOptions {
  readonly clock: Clock;
  readonly tell: (fact: { readonly streams: number; readonly behindMs: number }) => void;
}

/** Less than this at a time is asked for by who keeps up; a wait for it tells nothing. */
const muchMs = 500;
/** From the first stream that is behind: the others show by then. */
const gatherMs = 2000;
const quietMs = 10_000;

export class VadLag {
  readonly #options: VadLagOptions;
  /** Streams that are behind, and by how much at least. */
  readonly #behindMs = new Map<number, number>();
  #timer: Timer | undefined;
  #quietUntilMs = 0;

  constructor(options: VadLagOptions) {
    this.#options = options;
  }

  /** A push of so much audio was answered after so long. */
  answered(stream: number, audioMs: number, tookMs: number): void {
    if (tookMs <= audioMs) return this.left(stream);
    if (audioMs < muchMs) return;
    this.#behindMs.set(stream, tookMs);
    const { clock } = this.#options;
    const waitMs = Math.max(gatherMs, this.#quietUntilMs - clock.now());
    this.#timer ??= clock.after(waitMs, () => this.#tell(), { ref: false });
  }

  left(stream: number): void {
    this.#behindMs.delete(stream);
  }

  close(): void {
    this.#timer?.cancel();
    this.#behindMs.clear();
  }

  #tell(): void {
    this.#timer = undefined;
    const { clock, tell } = this.#options;
    const streams = this.#behindMs.size;
    if (streams === 0) return;
    this.#quietUntilMs = clock.now() + quietMs;
    tell({ streams, behindMs: Math.round(Math.max(...this.#behindMs.values())) });
  }
}
