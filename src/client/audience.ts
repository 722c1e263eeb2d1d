// Who is told what a connection has to tell: listeners and readers. The first events wait until whoever awaits `opened`
// has had its turn, so that nobody misses them. Ended by its connection.
//
//     early ──begin()──▶ telling ──end()──▶ ended
import type { LobbyNotice } from '../wire/notices.ts';
import { EventStream } from './event-stream.ts';
import type { ConnectionEvent, EventOf, EventType } from './events.ts';
import { type Listener, Listeners } from './listeners.ts';

/** By type, and everything as `event`. */
type Told = { readonly [T in EventType]: EventOf<T> } & { readonly event: ConnectionEvent };

export class Audience {
  /** The last notice of the lobby that was told. */
  lobby: LobbyNotice | null = null;
  readonly #listeners = new Listeners<Told>();
  readonly #streams = new Set<EventStream>();
  readonly #early: { readonly event: ConnectionEvent; readonly characters: number }[] = [];
  #state: 'early' | 'telling' | 'ended' = 'early';

  get state(): 'early' | 'telling' | 'ended' {
    return this.#state;
  }

  /** @returns its undo */
  on<T extends EventType | 'event'>(type: T, listener: Listener<T>): () => void {
    if (this.#state === 'ended') return () => undefined;
    return this.#listeners.add(type, listener as never);
  }

  stream(): EventStream {
    const stream = new EventStream((left) => this.#streams.delete(left));
    if (this.#state === 'ended') stream.end();
    else this.#streams.add(stream);
    return stream;
  }

  /** `characters`: what it weighs for a reader that does not read. */
  tell(event: ConnectionEvent, characters = 0): void {
    if (this.#state === 'early') this.#early.push({ event, characters });
    else this.#deliver(event, characters);
  }

  begin(): void {
    // Whoever is told of one may cause the next, which has its place behind the others.
    for (let first = this.#early.shift(); first; first = this.#early.shift())
      this.#deliver(first.event, first.characters);
    if (this.#state === 'early') this.#state = 'telling';
  }

  end(): void {
    this.begin();
    this.#state = 'ended';
    this.#listeners.clear();
    for (const stream of this.#streams) stream.end();
    this.#streams.clear();
  }

  #deliver(event: ConnectionEvent, characters: number): void {
    if (event.type === 'greenroom.lobby') this.lobby = event;
    this.#listeners.tell(event.type, event as never);
    this.#listeners.tell('event', event);
    for (const stream of this.#streams) stream.push(event, characters);
  }
}
