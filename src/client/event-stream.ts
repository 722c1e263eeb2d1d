// One reader of a connection's events, in order, at its own pace. A WebSocket cannot be asked to send less, so what is
// unread is kept, up to a bound; beyond it the reader is told that it was too slow. Ended by its connection or by
// its reader, whichever is first.
import { GreenroomError } from '../lifecycle/errors.ts';
import type { ConnectionEvent } from './events.ts';
import { Queue } from './queue.ts';

interface Unread {
  readonly event: ConnectionEvent;
  readonly characters: number;
}

/** What may wait unread: about 17 minutes of speech. */
export const unreadCharactersMax = 64 * 1024 * 1024;
/** An event is more than its text: what holds it counts too. */
export const eventCharacters = 256;

export class EventStream implements AsyncIterableIterator<ConnectionEvent> {
  readonly #onEnd: (stream: EventStream) => void;
  readonly #unread = new Queue<Unread>();
  readonly #waiting: PromiseWithResolvers<IteratorResult<ConnectionEvent>>[] = [];
  #characters = 0;
  #state: 'open' | 'overflown' | 'ended' = 'open';

  constructor(onEnd: (stream: EventStream) => void) {
    this.#onEnd = onEnd;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  push(event: ConnectionEvent, characters: number): void {
    if (this.#state !== 'open') return;
    const reader = this.#waiting.shift();
    if (reader) return reader.resolve({ value: event, done: false });
    this.#unread.push({ event, characters: characters + eventCharacters });
    this.#characters += characters + eventCharacters;
    if (this.#characters <= unreadCharactersMax) return;
    this.#state = 'overflown';
    this.#onEnd(this);
  }

  /** Nothing more will come; what is unread can still be read. */
  end(): void {
    if (this.#state === 'open') this.#state = 'ended';
    for (const reader of this.#waiting.splice(0)) reader.resolve({ value: undefined, done: true });
  }

  next(): Promise<IteratorResult<ConnectionEvent>> {
    const first = this.#unread.shift();
    if (first) {
      this.#characters -= first.characters;
      return Promise.resolve({ value: first.event, done: false });
    }
    if (this.#state === 'overflown') {
      this.#state = 'ended';
      const message = `the reader of events was too slow: more than ${unreadCharactersMax} characters waited`;
      return Promise.reject(new GreenroomError('slow_client', message));
    }
    if (this.#state === 'ended') return Promise.resolve({ value: undefined, done: true });
    const reader = Promise.withResolvers<IteratorResult<ConnectionEvent>>();
    this.#waiting.push(reader);
    return reader.promise;
  }

  /** The reader leaves, as `break` in a `for await` does. */
  return(): Promise<IteratorResult<ConnectionEvent>> {
    this.#unread.clear();
    this.#characters = 0;
    this.#state = 'ended';
    this.end();
    this.#onEnd(this);
    return Promise.resolve({ value: undefined, done: true });
  }
}
