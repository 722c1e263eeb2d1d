// What a call is given to hear: taken from its source and passed on no faster than the engine takes it. Ended by its
// call; whatever its source does then is of no interest.
import { chunksAhead, ownBuffer } from './protocol.ts';

export interface InputFeedOptions {
  readonly source: AsyncIterable<Int16Array>;
  /** Null: that was all. */
  readonly give: (pcm: Int16Array | null) => void;
  /** The source threw. */
  readonly onFailure: (error: unknown) => void;
}

export class InputFeed {
  readonly #options: InputFeedOptions;
  /** Given, and not taken yet. */
  #ahead = 0;
  #state: 'feeding' | 'ended' | 'stopped' = 'feeding';
  #wake: (() => void) | undefined;

  constructor(options: InputFeedOptions) {
    this.#options = options;
    void this.#run();
  }

  /** The engine has taken all there is and waits for more: it owes nothing meanwhile. */
  get starving(): boolean {
    return this.#state === 'feeding' && this.#ahead === 0;
  }

  /** The engine has taken one. */
  taken(): void {
    // An engine may say it more often than it was given something.
    this.#ahead = Math.max(0, this.#ahead - 1);
    this.#notify();
  }

  /** Nobody takes any more. */
  stop(): void {
    this.#state = 'stopped';
    this.#notify();
  }

  async #run(): Promise<void> {
    const { source, give, onFailure } = this.#options;
    try {
      for await (const pcm of source) {
        while (this.#state === 'feeding' && this.#ahead >= chunksAhead) await this.#next();
        if (this.#state !== 'feeding') return;
        if (pcm.length === 0) continue;
        this.#ahead += 1;
        give(ownBuffer(pcm));
      }
      if (this.#state !== 'feeding') return;
      this.#state = 'ended';
      give(null);
    } catch (error) {
      if (this.#state === 'feeding') onFailure(error);
    }
  }

  #next(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #notify(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}
