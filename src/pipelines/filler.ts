// What is said while a slow engine thinks: once a turn, when its first sentence has not come in its time. The texts take
// turns. Nothing to close.
import type { ResponseSnapshot } from '../realtime/state.ts';

export interface FillerConfig {
  /** From the beginning of the answer. */
  readonly afterMs: number;
  readonly texts: readonly string[];
}

/** Of one session. */
export class Filler {
  readonly #config: FillerConfig;
  #said = 0;
  /** What was answered with the last one. */
  #turn: string | undefined;

  constructor(config: FillerConfig) {
    this.#config = config;
  }

  get afterMs(): number {
    return this.#config.afterMs;
  }

  /** Undefined where this turn had one: a turn goes on when the caller's function has answered. */
  next({ items }: Pick<ResponseSnapshot, 'items'>): string | undefined {
    const turn = items.findLast((item) => item.type === 'message' && item.role === 'user')?.id ?? 'none';
    const { texts } = this.#config;
    if (turn === this.#turn) return undefined;
    this.#turn = turn;
    this.#said += 1;
    return texts[(this.#said - 1) % texts.length];
  }
}
