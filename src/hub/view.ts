// What watchers of one interest and one form see of the ring. Those who are level with it share cursors and the bytes
// that are given to each of them; who falls behind walks with a cursor of its own, and may still share.
import { Cohorts } from './cohorts.ts';
import { eventBytes, type Form } from './frames.ts';
import type { Interest } from './interest.ts';
import type { Ring, StoredEvent } from './ring.ts';

/** A stretch of the ring, as bytes. */
export interface Batch {
  /** Empty when nothing of the stretch is wanted. */
  readonly bytes: Buffer;
  /** The last number of the stretch. */
  readonly to: number;
  /** Those that are in it, in order. */
  readonly events: readonly StoredEvent[];
}

/** One write: the high-water mark of a socket in Node. */
const batchBytes = 64 * 1024;
/** How much of the ring is looked through for one batch. */
const lookMax = 4096;
const keptMax = 8;
const nothing = Buffer.alloc(0);

export class View {
  readonly interest: Interest;
  readonly form: Form;
  /** Those who are level with the ring, up to what was not flushed yet. */
  readonly cohorts: Cohorts;
  /** Everybody who has it, live or not. */
  users = 0;
  readonly #ring: Ring;
  /** By the number before the first one: many come back to the same place. */
  readonly #kept = new Map<number, Batch>();
  #keptHead = 0;

  constructor(interest: Interest, form: Form, ring: Ring) {
    this.interest = interest;
    this.form = form;
    this.#ring = ring;
    this.cohorts = new Cohorts(ring);
  }

  /** From the event after `from`, up to `to` at the most: as much as one write should have. */
  batch(from: number, to: number): Batch {
    if (to !== this.#ring.head) return this.#make(from, to);
    if (this.#keptHead !== to || this.#kept.size >= keptMax) this.forget();
    this.#keptHead = to;
    const kept = this.#kept.get(from) ?? this.#make(from, to);
    this.#kept.set(from, kept);
    return kept;
  }

  /** The first of these events, which are not a stretch of the ring, as much as one write should have. */
  pack(from: readonly StoredEvent[], cursor: number): Batch {
    const events: StoredEvent[] = [];
    const pieces: Buffer[] = [];
    let bytes = 0;
    for (const event of from) {
      if (bytes >= batchBytes) break;
      const piece = eventBytes(event, this.form, this.#ring.epoch);
      events.push(event);
      pieces.push(piece);
      bytes += piece.length;
    }
    return { bytes: joined(pieces, bytes), to: cursor, events };
  }

  /** Only what `newest` says is worth it. */
  conflated(from: number, to: number, newest: (event: StoredEvent) => boolean): Batch {
    return this.#make(from, to, newest);
  }

  /** How many events of a stretch are wanted; null where that takes too long to find out. */
  count(from: number, to: number): number | null {
    if (this.interest.everything) return to - from;
    if (to - from > 4 * lookMax || from + 1 < this.#ring.first) return null;
    let count = 0;
    for (let seq = from + 1; seq <= to; seq += 1) {
      const event = this.#ring.at(seq);
      if (event && this.interest.wants(event.topic)) count += 1;
    }
    return count;
  }

  /** The first event after `from` that is wanted, as far as is worth looking. */
  next(from: number): StoredEvent | undefined {
    const until = Math.min(this.#ring.head, from + lookMax);
    for (let seq = Math.max(from + 1, this.#ring.first); seq <= until; seq += 1) {
      const event = this.#ring.at(seq);
      if (event && this.interest.wants(event.topic)) return event;
    }
    return undefined;
  }

  /** Lets go of the bytes that it keeps. */
  forget(): void {
    this.#kept.clear();
  }

  #make(from: number, to: number, wanted: (event: StoredEvent) => boolean = () => true): Batch {
    const { epoch } = this.#ring;
    const events: StoredEvent[] = [];
    const pieces: Buffer[] = [];
    const until = Math.min(to, from + lookMax);
    let bytes = 0;
    let seq = from;
    while (seq < until && bytes < batchBytes) {
      seq += 1;
      const event = this.#ring.at(seq);
      if (!event || !this.interest.wants(event.topic) || !wanted(event)) continue;
      const piece = eventBytes(event, this.form, epoch);
      events.push(event);
      pieces.push(piece);
      bytes += piece.length;
    }
    return { bytes: joined(pieces, bytes), to: seq, events };
  }
}

function joined(pieces: readonly Buffer[], bytes: number): Buffer {
  const [only = nothing] = pieces;
  return pieces.length > 1 ? Buffer.concat(pieces, bytes) : only;
}
