// Where a watcher is in the ring, what it sees of it, and what comes next: the newest events of its topics first, if it
// asked for them, then what it has not got, one write's worth at a time, with what it asked for meanwhile told at its
// place. Knows nothing of connections and time.
import type { GapFacts, HubControl } from '../wire/hub.ts';
import type { Ring, StoredEvent } from './ring.ts';
import type { Topics } from './topics.ts';
import type { Batch, View } from './view.ts';

export type Step =
  | { readonly type: 'batch'; readonly batch: Batch }
  | { readonly type: 'told'; readonly control: HubControl }
  /** The ring has lost what comes next, up to this. */
  | { readonly type: 'lost'; readonly to: number }
  | { readonly type: 'nothing' };

/** What it is told when it has got everything up to `at`, and what it sees from there on. */
export interface Turning {
  readonly view: View;
  readonly control: HubControl;
  /** Whether the newest events of what is new to it come first. */
  readonly snapshot: boolean;
}

interface Due extends Omit<Turning, 'snapshot'> {
  readonly at: number;
  readonly shown: readonly StoredEvent[];
}

/** Changes of what it sees that may wait (a page asks for each of its topics at once), and events that they show. */
const turningsMax = 512;
const shownMax = 20_000;
export const turningsLimit = `${turningsMax} changes of its topics, or ${shownMax} events that they show,`;
/** Of the ring, each time that the oldest event is asked for. */
const lookMax = 4096;

export class Walk {
  view: View;
  /** The last event that it was given, or need not be; not while it is live: then its view's holds. */
  cursor: number;
  readonly #ring: Ring;
  readonly #topics: Topics;
  readonly #unused: (view: View) => void;
  #turnings: Due[] = [];
  #shownWaiting = 0;
  #snapshot: readonly StoredEvent[] = [];
  /** Behind the first and up to the second only the newest of each key; up to the first as well, told before. */
  #conflateFrom = 0;
  #conflateTo = 0;
  /** What was found of what waits: it is asked for again and again. */
  #looked: { cursor: number; to: number; fairMs: number | undefined } = {
    cursor: -1,
    to: -1,
    fairMs: undefined,
  };

  constructor(
    view: View,
    cursor: number,
    world: { readonly ring: Ring; readonly topics: Topics; readonly unused: (view: View) => void },
  ) {
    this.view = view;
    view.users += 1;
    this.cursor = cursor;
    this.#ring = world.ring;
    this.#topics = world.topics;
    this.#unused = world.unused;
  }

  /** What it will see when it has got everything. */
  get lastView(): View {
    return this.#turnings.at(-1)?.view ?? this.view;
  }

  /** Whether nothing but events comes next. */
  get straight(): boolean {
    return this.#turnings.length === 0 && this.#snapshot.length === 0;
  }

  /** The newest event of each topic that it sees now, as far as it need not come any more. */
  show(): void {
    this.#snapshot = this.#topics.latest(this.view.interest).filter(({ seq }) => seq <= this.cursor);
  }

  /** Sees something else from the newest event on. False: too many changes wait. */
  turn(turning: Turning): boolean {
    const { view, control, snapshot } = turning;
    const before = this.lastView.interest;
    const latest = snapshot ? this.#topics.latest(view.interest) : [];
    const shown = latest.filter(({ topic }) => !before.wants(topic));
    view.users += 1;
    this.#turnings.push({ view, control, shown, at: this.#ring.head });
    this.#shownWaiting += shown.length;
    return this.#turnings.length <= turningsMax && this.#shownWaiting <= shownMax;
  }

  next(): Step {
    if (this.#snapshot.length > 0) {
      const batch = this.view.pack(this.#snapshot, this.cursor);
      this.#snapshot = this.#snapshot.slice(batch.events.length);
      return { type: 'batch', batch };
    }
    const [turning] = this.#turnings;
    // Those who are level are given what is newer than their cursor by the hub.
    const { first, head } = this.#ring;
    const until = turning?.at ?? this.view.cohorts.level;
    if (this.cursor < until) {
      // What is lost behind the place where it sees something else, it is told there.
      const lostTo = Math.min(first - 1, turning?.at ?? head);
      if (this.cursor < lostTo && this.#topics.lostSeq(this.view.interest) > this.cursor)
        return { type: 'lost', to: lostTo };
      return { type: 'batch', batch: this.#batch(Math.max(this.cursor, lostTo), until) };
    }
    if (!turning) return { type: 'nothing' };
    this.#turnings.shift();
    this.#see(turning);
    return { type: 'told', control: turning.control };
  }

  /** When the oldest event was published that it has not been given, in fair time; undefined: none, as far as was looked. */
  get oldestFairMs(): number | undefined {
    const { head, first } = this.#ring;
    if (this.#looked.cursor !== this.cursor)
      this.#looked = { cursor: this.cursor, to: this.cursor, fairMs: undefined };
    const looked = this.#looked;
    const until = Math.min(head, looked.to + lookMax);
    for (let seq = Math.max(looked.to + 1, first); looked.fairMs === undefined && seq <= until; seq += 1) {
      const event = this.#ring.at(seq);
      if (event && this.view.interest.wants(event.topic)) looked.fairMs = event.fairMs;
    }
    looked.to = until;
    return looked.fairMs;
  }

  /** Changes that wait for what was published before them. */
  get turningsWaiting(): number {
    return this.#turnings.length;
  }

  /** How many events up to this it has not been given; null where nobody can tell, also for what it asked for meanwhile. */
  count(to: number): number | null {
    return this.#turnings.length > 0 ? null : this.view.count(this.cursor, to);
  }

  /** The first event that it does not get for this reason, and was not told of before. */
  missingFrom(reason: GapFacts['reason']): number {
    return (reason === 'conflated' ? this.#conflateFrom : this.cursor) + 1;
  }

  /** Leaves out everything up to this. */
  skipTo(seq: number): void {
    this.cursor = Math.max(this.cursor, seq);
  }

  /** Leaves out what is not the newest of its key, up to now. False: it does already. */
  conflate(): boolean {
    const { head } = this.#ring;
    const from = Math.max(this.cursor, this.#conflateTo);
    if (from >= head) return false;
    this.#conflateFrom = from;
    this.#conflateTo = head;
    return true;
  }

  end(): void {
    for (const { view } of this.#turnings) this.#leave(view);
    this.#turnings = [];
    this.#leave(this.view);
  }

  #batch(from: number, until: number): Batch {
    const conflating = from < this.#conflateTo;
    const batch = conflating
      ? this.view.conflated(from, Math.min(until, this.#conflateTo), (event) => this.#topics.isNewest(event))
      : this.view.batch(from, until);
    this.cursor = batch.to;
    return batch;
  }

  #see({ view, shown }: Due): void {
    const before = this.view;
    this.view = view;
    this.#snapshot = shown;
    this.#shownWaiting -= shown.length;
    this.#leave(before);
  }

  #leave(view: View): void {
    view.users -= 1;
    if (view.users === 0) this.#unused(view);
  }
}
