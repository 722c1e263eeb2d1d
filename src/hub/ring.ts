// What was published lately, in order and without holes. Behind this interface stands memory; a broker may.
import type { Topic } from './topics.ts';

export interface StoredEvent {
  readonly seq: number;
  readonly topic: Topic;
  readonly key: string | null;
  /** ms since 1970. */
  readonly ts: number;
  /** On the monotonic clock: for how long its delivery takes. */
  readonly atMs: number;
  /** In fair time (fair-clock.ts): for how old it is for a watcher. */
  readonly fairMs: number;
  /** The whole WebSocket frame. */
  readonly frame: Buffer;
  /** Where the JSON, and in it the data, begins. */
  readonly jsonAt: number;
  readonly dataAt: number;
}

export interface Ring {
  /** One life of the ring: an id of another epoch is not one of this one. */
  readonly epoch: string;
  /** The newest event's number; 0: there was none. */
  readonly head: number;
  /** The oldest one's that is kept; `head + 1` when none is. */
  readonly first: number;
  /** Bytes of the frames that are kept. */
  readonly bytes: number;
  /** The event of the next number. */
  append(event: StoredEvent): void;
  /** Undefined when it is not kept. */
  at(seq: number): StoredEvent | undefined;
  /** Lets go of what is too old. */
  prune(nowMs: number): void;
}

export interface HistoryLimits {
  readonly events: number;
  readonly bytes: number;
  readonly ageMs: number;
}

const slotsMin = 1024;

export class MemoryRing implements Ring {
  readonly epoch: string;
  readonly #limits: HistoryLimits;
  #slots: (StoredEvent | undefined)[] = Array.from({ length: slotsMin });
  #head = 0;
  #first = 1;
  #bytes = 0;

  constructor(epoch: string, limits: HistoryLimits) {
    this.epoch = epoch;
    this.#limits = limits;
  }

  get head(): number {
    return this.#head;
  }

  get first(): number {
    return this.#first;
  }

  get bytes(): number {
    return this.#bytes;
  }

  append(event: StoredEvent): void {
    if (this.#head - this.#first + 1 === this.#slots.length) this.#grow();
    this.#head = event.seq;
    this.#slots[event.seq % this.#slots.length] = event;
    this.#bytes += event.frame.length;
    const { events, bytes } = this.#limits;
    // The newest one always stays, however large.
    while (this.#first < this.#head && (this.#head - this.#first >= events || this.#bytes > bytes))
      this.#lose();
  }

  at(seq: number): StoredEvent | undefined {
    return seq < this.#first || seq > this.#head ? undefined : this.#slots[seq % this.#slots.length];
  }

  prune(nowMs: number): void {
    for (let oldest = this.at(this.#first); oldest; oldest = this.at(this.#first)) {
      if (nowMs - oldest.atMs <= this.#limits.ageMs) return;
      this.#lose();
    }
  }

  #lose(): void {
    const at = this.#first % this.#slots.length;
    const event = this.#slots[at];
    this.#slots[at] = undefined;
    this.#first += 1;
    if (!event) return;
    this.#bytes -= event.frame.length;
    event.topic.lostSeq = event.seq;
  }

  #grow(): void {
    const slots: (StoredEvent | undefined)[] = Array.from({ length: this.#slots.length * 2 });
    for (let seq = this.#first; seq <= this.#head; seq += 1) slots[seq % slots.length] = this.at(seq);
    this.#slots = slots;
  }
}
