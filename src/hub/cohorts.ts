// Those of a view who are level with the ring, in groups that share a cursor. A group is small enough to be given its
// share in one short piece of work: between two of them the loop turns, so that the door opens to a newcomer (libuv
// accepts one in a turn), a session's audio passes, and a crowd of watchers holds up nobody else.
import type { Ring } from './ring.ts';
import type { Subscriber } from './subscriber.ts';

/** About a millisecond of writes. */
const cohortMax = 100;

export class Cohort {
  readonly live = new Set<Subscriber>();
  /** What all of them were given, or need not be. */
  cursor: number;

  constructor(cursor: number) {
    this.cursor = cursor;
  }
}

export class Cohorts {
  readonly #ring: Ring;
  readonly #cohorts = new Set<Cohort>();

  constructor(ring: Ring) {
    this.#ring = ring;
  }

  /** Where one who catches up can join: at the cohort with room that is furthest ahead, or at the head. */
  get level(): number {
    let level = -1;
    for (const { live, cursor } of this.#cohorts) if (live.size < cohortMax && cursor > level) level = cursor;
    return level < 0 ? this.#ring.head : level;
  }

  /** Whether everybody has everything. */
  get given(): boolean {
    for (const { cursor } of this.#cohorts) if (cursor !== this.#ring.head) return false;
    return true;
  }

  /** Undefined: nobody is where it is, and who has room for it is elsewhere. */
  join(subscriber: Subscriber, cursor: number): Cohort | undefined {
    if (cursor !== this.level) return undefined;
    let joined: Cohort | undefined;
    for (const cohort of this.#cohorts)
      if (cohort.cursor === cursor && cohort.live.size < cohortMax) joined ??= cohort;
    joined ??= new Cohort(cursor);
    this.#cohorts.add(joined);
    joined.live.add(subscriber);
    return joined;
  }

  leave(subscriber: Subscriber, cohort: Cohort): void {
    cohort.live.delete(subscriber);
    if (cohort.live.size === 0) this.#cohorts.delete(cohort);
  }

  /** Those who have not got everything up to this. */
  *before(seq: number): Generator<Cohort> {
    for (const cohort of this.#cohorts) if (cohort.cursor < seq) yield cohort;
  }
}
