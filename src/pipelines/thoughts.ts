// What has been thought and not been said yet: between the engine that thinks and whoever says it, one of each. Bounded:
// who thinks faster than it is taken waits. Ends with its scope.
import { orAborted } from '../engines/http/or-aborted.ts';

/** Some minutes of speech. */
const charsMax = 8192;

export class Thoughts {
  readonly #signal: AbortSignal;
  readonly #pieces: string[] = [];
  #chars = 0;
  #state: 'open' | 'ended' | 'failed' = 'open';
  #error: unknown;
  #changed = Promise.withResolvers<void>();

  /** Nobody waits any more once the signal aborts. */
  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** Resolves when there is room for more. */
  async put(pieces: readonly string[]): Promise<void> {
    for (const piece of pieces) {
      this.#pieces.push(piece);
      this.#chars += piece.length;
    }
    if (pieces.length > 0) this.#change();
    while (this.#chars > charsMax && !this.#signal.aborted) await this.#change('wait');
  }

  end(): void {
    this.#state = 'ended';
    this.#change();
  }

  /** What was put is still given; then the error is thrown. */
  fail(error: unknown): void {
    this.#state = 'failed';
    this.#error = error;
    this.#change();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string> {
    while (!this.#signal.aborted) {
      const piece = this.#pieces.shift();
      if (piece !== undefined) {
        this.#chars -= piece.length;
        this.#change();
        yield piece;
      } else if (this.#state === 'ended') return;
      else if (this.#state === 'failed') throw this.#error;
      else await this.#change('wait');
    }
  }

  #change(how: 'tell' | 'wait' = 'tell'): Promise<unknown> | undefined {
    if (how === 'wait') return orAborted(this.#changed.promise, this.#signal);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
    return undefined;
  }
}
