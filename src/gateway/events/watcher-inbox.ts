// What a watcher has said and nobody has heeded yet: in its turn among all who want something done, so that nobody
// holds the loop by saying much. A connection that says more than is kept is not read meanwhile.
import type { FairTurns, Worker } from './fair-turns.ts';

export interface InboxConnection {
  pause(): void;
  resume(): void;
}

const keptCharactersMax = 256 * 1024;

export class WatcherInbox implements Worker {
  readonly #turns: FairTurns;
  readonly #heed: (text: string) => void;
  readonly #connection: InboxConnection;
  #texts: string[] = [];
  #characters = 0;
  #state: 'read' | 'paused' | 'closed' = 'read';

  constructor(turns: FairTurns, heed: (text: string) => void, connection: InboxConnection) {
    this.#turns = turns;
    this.#heed = heed;
    this.#connection = connection;
  }

  push(text: string): void {
    if (this.#state === 'closed') return;
    this.#texts.push(text);
    this.#characters += text.length;
    if (this.#characters > keptCharactersMax && this.#state === 'read') {
      this.#state = 'paused';
      this.#connection.pause();
    }
    this.#turns.ask(this);
  }

  work(mayGoOn: () => boolean): 'done' | 'more' {
    let heeded = 0;
    do {
      const text = this.#texts[heeded];
      if (text === undefined) break;
      heeded += 1;
      this.#characters -= text.length;
      this.#heed(text);
    } while (mayGoOn());
    this.#texts = this.#texts.slice(heeded);
    if (this.#texts.length > 0) return 'more';
    if (this.#state === 'paused') {
      this.#state = 'read';
      this.#connection.resume();
    }
    return 'done';
  }

  /** Nothing more comes; what it said before is heeded still. */
  close(): void {
    this.#state = 'closed';
  }
}
