// The events that their reader has not asked for yet, in order, and what it is to be told between them. Bounded by
// whoever fills it. Ended by its stream: then what is unread is read first, unless nobody wants it any more.
import type { GreenroomError } from '../../lifecycle/errors.ts';
import { Queue } from '../queue.ts';
import type { ReceivedHubEvent } from './messages.ts';

/** An event is more than its text: what holds it counts too. */
const eventCharacters = 256;

export interface UnreadLimits {
  readonly events: number;
  readonly characters: number;
}

type Entry =
  | { readonly kind: 'event'; readonly event: ReceivedHubEvent }
  | { readonly kind: 'remark'; readonly tell: () => void };
type Result = IteratorResult<ReceivedHubEvent, undefined>;

const done: Result = { value: undefined, done: true };

export class Unread {
  readonly #limits: UnreadLimits;
  readonly #entries = new Queue<Entry>();
  readonly #readers = new Queue<PromiseWithResolvers<Result>>();
  #events = 0;
  #characters = 0;
  #state: 'open' | 'ended' = 'open';
  /** Told once, to whoever asks first. */
  #error: GreenroomError | undefined;
  /** The event that its reader works on. */
  #handed: string | null = null;
  #processed: string | null = null;

  constructor(limits: UnreadLimits) {
    this.#limits = limits;
  }

  get events(): number {
    return this.#events;
  }

  /** The last event that was given to the reader. */
  get handedId(): string | null {
    return this.#handed;
  }

  /** The last event that the reader is done with: it has asked for another one. */
  get processedId(): string | null {
    return this.#processed;
  }

  get full(): boolean {
    return this.#events >= this.#limits.events || this.#characters >= this.#limits.characters;
  }

  /** Room for a good deal more. */
  get roomy(): boolean {
    return this.#events <= this.#limits.events / 2 && this.#characters <= this.#limits.characters / 2;
  }

  push(event: ReceivedHubEvent): void {
    if (this.#state === 'ended') return;
    const reader = this.#readers.shift();
    if (reader) return reader.resolve(this.#hand(event));
    this.#entries.push({ kind: 'event', event });
    this.#events += 1;
    this.#characters += weightOf(event);
  }

  /** `tell` is called in its place: between the event before and the one after. */
  remark(tell: () => void): void {
    if (this.#entries.length === 0) tell();
    else this.#entries.push({ kind: 'remark', tell });
  }

  next(): Promise<Result> {
    this.#processed = this.#handed;
    for (let entry = this.#entries.shift(); entry; entry = this.#entries.shift()) {
      if (entry.kind === 'remark') entry.tell();
      else {
        this.#events -= 1;
        this.#characters -= weightOf(entry.event);
        return Promise.resolve(this.#hand(entry.event));
      }
    }
    if (this.#state === 'open') {
      const reader = Promise.withResolvers<Result>();
      this.#readers.push(reader);
      return reader.promise;
    }
    const error = this.#error;
    this.#error = undefined;
    return error ? Promise.reject(error) : Promise.resolve(done);
  }

  /** Nothing more will come. */
  end(error?: GreenroomError): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#error = error;
    for (let reader = this.#readers.shift(); reader; reader = this.#readers.shift()) {
      if (this.#error) reader.reject(this.#error);
      else reader.resolve(done);
      this.#error = undefined;
    }
  }

  /** Nobody wants what is left. */
  drop(): void {
    this.#entries.clear();
    this.#events = 0;
    this.#characters = 0;
    this.#error = undefined;
    this.end();
  }

  #hand(event: ReceivedHubEvent): Result {
    this.#handed = event.id;
    return { value: event, done: false };
  }
}

const weightOf = ({ raw }: ReceivedHubEvent): number => raw.length + eventCharacters;
