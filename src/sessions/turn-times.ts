// When a caller's turn was over, taken and written down: where the wait for an answer begins. By item, the last few.
import type { Clock } from '../lifecycle/clock.ts';
import type { TurnTimes } from '../pipelines/stage-times.ts';
import type { Item } from '../wire/items.ts';
import { sessionRateHz } from '../wire/session-config.ts';

/** An answer answers what came since the one before. */
const keptMax = 16;

export class TurnClock {
  readonly #clock: Clock;
  readonly #turns = new Map<string, TurnTimes>();
  #spokenMs: number | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Silence has shown the end of speech; `behindSamples` have come since. The item is taken next. */
  stopped(behindSamples: number, silenceMs: number): void {
    this.#spokenMs = this.#clock.now() - (behindSamples * 1000) / sessionRateHz - silenceMs;
  }

  /** An item has its audio: of a turn that has stopped, or because the caller says so. */
  committed(itemId: string): void {
    const nowMs = this.#clock.now();
    this.#turns.set(itemId, { spokenMs: this.#spokenMs ?? nowMs, committedMs: nowMs, transcribedMs: null });
    this.#spokenMs = null;
    for (const oldest of this.#turns.keys()) {
      if (this.#turns.size <= keptMax) return;
      this.#turns.delete(oldest);
    }
  }

  transcribed(itemId: string): void {
    const turn = this.#turns.get(itemId);
    if (turn) this.#turns.set(itemId, { ...turn, transcribedMs: this.#clock.now() });
  }

  /** Of what an answer answers: the last item, where that was spoken. Once. */
  take(items: readonly Item[]): TurnTimes | undefined {
    const id = items.at(-1)?.id ?? '';
    const turn = this.#turns.get(id);
    this.#turns.delete(id);
    return turn;
  }
}
