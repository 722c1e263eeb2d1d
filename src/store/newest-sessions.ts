// The newest sessions of those that a search has come across, with the first few items that it has found in each. Pure.

/** An item that was found, and its session. */
export interface Hit {
  readonly itemSeq: number;
  readonly createdAtMs: number;
  /** Of the session. */
  readonly id: string;
  readonly seq: number;
  readonly openedAtMs: number;
}

interface Found {
  readonly id: string;
  readonly seq: number;
  readonly openedAtMs: number;
  /** The newest first. */
  readonly items: number[];
}

/** Of one session. */
const itemsMax = 3;

export class NewestSessions {
  readonly #limit: number;
  readonly #found = new Map<string, Found>();
  /** When the oldest of as many as are wanted was opened. */
  #fullSinceMs = Number.NEGATIVE_INFINITY;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Whether an item of this time can be of none that would still come among them. */
  isFullSince(createdAtMs: number): boolean {
    return createdAtMs < this.#fullSinceMs;
  }

  /** In the order of time, backwards. */
  add({ id, seq, openedAtMs, itemSeq }: Hit): void {
    const known = this.#found.get(id);
    if (known) {
      known.items.push(itemSeq);
      // The first ones are shown, in the order in which they were said.
      if (known.items.length > itemsMax) known.items.shift();
      return;
    }
    this.#found.set(id, { id, seq, openedAtMs, items: [itemSeq] });
    if (this.#found.size < this.#limit) return;
    const newest = [...this.#found.values()].sort((one, other) => other.seq - one.seq);
    for (const { id: surplus } of newest.slice(this.#limit)) this.#found.delete(surplus);
    this.#fullSinceMs = Math.min(...newest.slice(0, this.#limit).map((session) => session.openedAtMs));
  }

  /** By session. */
  get items(): ReadonlyMap<string, readonly number[]> {
    return new Map([...this.#found.values()].map(({ id, items }) => [id, items.toReversed()]));
  }
}
