// Between one producer and one consumer: what was pushed and not yet taken. Unbounded by itself; the protocol's credit
// keeps it to a few chunks.

export class ChunkQueue<T> implements AsyncIterable<T> {
  #chunks: T[] = [];
  #state: 'open' | 'ended' | 'failed' = 'open';
  #error: Error | undefined;
  #wake: (() => void) | undefined;

  push(chunk: T): void {
    if (this.#state !== 'open') return;
    this.#chunks.push(chunk);
    this.#notify();
  }

  /** What was pushed is still given; then it ends. */
  end(): void {
    if (this.#state !== 'open') return;
    this.#state = 'ended';
    this.#notify();
  }

  /** Ends it; what was pushed and not taken is dropped. */
  drop(): void {
    this.#chunks = [];
    this.#error = undefined;
    this.#state = 'ended';
    this.#notify();
  }

  /** What was pushed is still given; then the error is thrown. */
  fail(error: Error): void {
    if (this.#state !== 'open') return;
    this.#state = 'failed';
    this.#error = error;
    this.#notify();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      const [chunk] = this.#chunks.splice(0, 1);
      if (chunk !== undefined) yield chunk;
      else if (this.#state === 'ended') return;
      else if (this.#state === 'failed') throw this.#error;
      else await this.#next();
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
