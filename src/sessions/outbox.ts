// What one caller has been sent and has not taken yet: counted in bytes, the frame about to be added included.

import type { NewId } from '../wire/ids.ts';
import type { ServerEvent } from '../wire/server-events.ts';
import type { Transport } from './transport.ts';

/** An answer is made only while less than this waits, so that a slow reader holds nobody's memory. */
const roomBytes = 512 * 1024;

export class Outbox {
  readonly #transport: Transport;
  readonly #newId: NewId;
  readonly #bytesMax: number;
  #pendingBytes = 0;
  #state: 'open' | 'overflown' | 'closed' = 'open';
  #waiting: (() => void)[] = [];

  constructor(transport: Transport, newId: NewId, bytesMax: number) {
    this.#transport = transport;
    this.#newId = newId;
    this.#bytesMax = bytesMax;
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** @returns `overflow` once, when the caller has not read for too long; nothing more is sent then */
  offer(event: ServerEvent): 'sent' | 'overflow' | 'closed' {
    if (this.#state !== 'open') return 'closed';
    const text = JSON.stringify({ event_id: this.#newId('event'), ...event });
    // Base64 and JSON are ASCII but for what people say: close enough, and free.
    const bytes = text.length;
    // One event always fits into an empty outbox, however large: it was asked for.
    if (this.#pendingBytes > 0 && this.#pendingBytes + bytes > this.#bytesMax) {
      this.#state = 'overflown';
      return 'overflow';
    }
    this.#pendingBytes += bytes;
    this.#transport.send(text, () => this.#flushed(bytes));
    return 'sent';
  }

  /** Resolves when there is room for more of an answer, or when nothing more will be sent. */
  room(signal: AbortSignal): Promise<void> {
    if (this.#pendingBytes < roomBytes || this.#state !== 'open' || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        signal.removeEventListener('abort', done);
        resolve();
      };
      signal.addEventListener('abort', done, { once: true });
      this.#waiting.push(done);
    });
  }

  close(): void {
    this.#state = 'closed';
    this.#wake();
  }

  #flushed(bytes: number): void {
    this.#pendingBytes -= bytes;
    if (this.#pendingBytes < roomBytes) this.#wake();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const done of waiting) done();
  }
}
