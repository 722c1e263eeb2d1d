// How late this process is because of the machine: what a test may not blame on anybody else.
import { paced } from './poll.ts';

const everyMs = 10;

export class Lateness implements AsyncDisposable {
  /** The longest that a turn of 10 ms took beyond that. */
  worstMs = 0;
  #state: 'looking' | 'done' = 'looking';
  readonly #looked: Promise<void>;

  constructor() {
    this.#looked = this.#look();
  }

  async #look(): Promise<void> {
    let lastMs = performance.now();
    for await (const _ of paced(everyMs)) {
      const nowMs = performance.now();
      this.worstMs = Math.max(this.worstMs, nowMs - lastMs - everyMs);
      lastMs = nowMs;
      if (this.#state === 'done') return;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#state = 'done';
    await this.#looked;
  }
}
