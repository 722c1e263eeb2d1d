// What a caller sends, in order: handled at once, or kept while the caller does not take what it asked for. Then its
// connection is not read either, so that what is kept is no more than had come already.
import type { Transport } from './transport.ts';

export interface InboxOptions {
  readonly transport: Transport;
  /** Whether the caller has too much to take. */
  readonly isFull: () => boolean;
  /** A frame: its text, or null for a binary one. */
  readonly handle: (text: string | null) => void;
}

export class Inbox {
  readonly #options: InboxOptions;
  #kept: (string | null)[] = [];
  #state: 'reading' | 'paused' | 'closed' = 'reading';

  constructor(options: InboxOptions) {
    this.#options = options;
  }

  receive(text: string | null): void {
    const { handle, isFull } = this.#options;
    if (this.#state === 'closed') return;
    if (this.#state === 'paused') this.#kept.push(text);
    else handle(text);
    if (isFull()) this.#pause();
  }

  /** There is room again: goes on where it stopped. */
  resume(): void {
    const { handle, isFull, transport } = this.#options;
    if (this.#state !== 'paused') return;
    let at = 0;
    while (at < this.#kept.length && !isFull()) handle(this.#kept[at++] ?? null);
    this.#kept = this.#kept.slice(at);
    if (this.#kept.length > 0 || isFull()) return;
    this.#state = 'reading';
    transport.resume();
  }

  close(): void {
    this.#state = 'closed';
    this.#kept = [];
  }

  #pause(): void {
    if (this.#state !== 'reading') return;
    this.#state = 'paused';
    this.#options.transport.pause();
  }
}
