// Where a stream is in the events of a gateway: what it asks for when it comes back, what it has had already, and what
// is missing. Knows no sockets and no time.
import { formatEventId, type GapFacts, type HubControl, parseEventId } from '../../wire/hub.ts';

type Welcome = HubControl & { readonly type: 'welcome' };

/** The newest event of each topic, up to where the stream begins: they come first, in whatever order. */
interface Snapshot {
  readonly upTo: number;
  /** Topics whose event has come. */
  readonly seen: Set<string>;
}

export class Place {
  #epoch: string | null = null;
  #seq = 0;
  /** `wanted`: not asked for yet. */
  #snapshot: Snapshot | 'wanted' | null;

  /** @param since the last id that somebody has; undefined: from now on */
  constructor(since: string | undefined, snapshot: boolean) {
    const id = since === undefined ? undefined : parseEventId(since);
    if (id) [this.#epoch, this.#seq] = [id.epoch, id.seq];
    this.#snapshot = snapshot ? 'wanted' : null;
  }

  /** What to ask for with the next connection: everything after it; null: from now on. */
  get since(): string | null {
    return this.#epoch === null ? null : formatEventId(this.#epoch, this.#seq);
  }

  /** Whether the snapshot has to be asked for, again if it may not have come as a whole. */
  get wantsSnapshot(): boolean {
    return this.#snapshot !== null;
  }

  /** A connection begins. @returns what was missed since the one before */
  welcome({ epoch, head, gap }: Welcome): GapFacts | null {
    const { since } = this;
    const headSeq = parseEventId(head)?.seq ?? 0;
    const missed = gap ?? (since !== null && this.#epoch !== epoch ? unspoken(since, head) : null);
    if (since === null || missed) {
      const to = missed && parseEventId(missed.to);
      this.#epoch = epoch;
      this.#seq = to?.epoch === epoch ? Math.min(to.seq, headSeq) : headSeq;
      if (since !== null && this.#snapshot !== 'wanted') this.#snapshot = null;
    }
    if (this.#snapshot === 'wanted') this.#snapshot = { upTo: this.#seq, seen: new Set() };
    return missed;
  }

  /** Something was left out within a connection. What it has been given the newest of is still to come. */
  gap({ to, reason }: GapFacts): void {
    const id = parseEventId(to);
    if (reason === 'conflated' || id?.epoch !== this.#epoch) return;
    this.#seq = Math.max(this.#seq, id.seq);
  }

  /** Whether an event is new; one that came before is not told again. */
  takes(id: string, topic: string): boolean {
    const at = parseEventId(id);
    if (!at) return false;
    if (at.epoch === this.#epoch && at.seq <= this.#seq) return this.#takesOfSnapshot(at.seq, topic);
    [this.#epoch, this.#seq] = [at.epoch, at.seq];
    // It comes first: it is over.
    this.#snapshot = null;
    return true;
  }

  #takesOfSnapshot(seq: number, topic: string): boolean {
    if (this.#snapshot === null || this.#snapshot === 'wanted') return false;
    const { upTo, seen } = this.#snapshot;
    if (seq > upTo || seen.has(topic)) return false;
    seen.add(topic);
    return true;
  }
}

/** The gateway is another one, and has not said that anything is missing. */
function unspoken(since: string, head: string): GapFacts {
  return { from: since, to: head, count: null, reason: 'epoch' };
}
