// What has been made and not been taken yet, between one who makes and one who takes: sentences between who thinks and
// who speaks, speech between who speaks and who sends it. Bounded: who makes faster than it is taken waits. Ends with its
// scope.
import { orAborted } from '../engines/http/or-aborted.ts';

export interface ChannelOptions<Item> {
  /** Nobody waits any more once it aborts. */
  readonly signal: AbortSignal;
  readonly sizeOf: (item: Item) => number;
  /** With more than this in it, who puts waits. */
  readonly sizeMax: number;
}

export class Channel<Item> {
  readonly #options: ChannelOptions<Item>;
  readonly #items: Item[] = [];
  #size = 0;
  #state: 'open' | 'ended' | 'failed' = 'open';
  #error: unknown;
  #changed = Promise.withResolvers<void>();

  constructor(options: ChannelOptions<Item>) {
    this.#options = options;
  }

  /** Resolves when there is room for more. */
  async put(...items: readonly Item[]): Promise<void> {
    const { signal, sizeOf, sizeMax } = this.#options;
    for (const item of items) {
      this.#items.push(item);
      this.#size += sizeOf(item);
    }
    if (items.length > 0) this.#change();
    while (this.#size > sizeMax && !signal.aborted) await this.#change('wait');
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

  async *[Symbol.asyncIterator](): AsyncGenerator<Item, undefined> {
    const { signal, sizeOf } = this.#options;
    while (!signal.aborted) {
      const [item] = this.#items.splice(0, 1);
      if (item !== undefined) {
        this.#size -= sizeOf(item);
        this.#change();
        yield item;
      } else if (this.#state === 'ended') return;
      else if (this.#state === 'failed') throw this.#error;
      else await this.#change('wait');
    }
  }

  #change(how: 'tell' | 'wait' = 'tell'): Promise<unknown> | undefined {
    if (how === 'wait') return orAborted(this.#changed.promise, this.#options.signal);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
    return undefined;
  }
}
