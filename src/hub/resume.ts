// Where a watcher that comes back begins, and what it is told: everything since, or a gap. Pure.
import { formatEventId, type GapFacts, parseEventId } from '../wire/hub.ts';

export interface RingFacts {
  readonly epoch: string;
  readonly head: number;
  readonly first: number;
}

export interface Beginning {
  /** The last event that it has. */
  readonly cursor: number;
  /** Left out when it asked for nothing. */
  readonly recovered?: boolean;
  readonly gap?: GapFacts;
}

/**
 * @param since the last id that it has; undefined: from now on
 * @param lostSeq asked where it matters: the newest event on its topics that the ring has lost; 0: none
 */
export function beginAt(ring: RingFacts, since: string | undefined, lostSeq: () => number): Beginning {
  if (since === undefined) return { cursor: ring.head };
  const id = parseEventId(since);
  const lost = (cursor: number, reason: GapFacts['reason'], from: string): Beginning => ({
    cursor,
    recovered: false,
    gap: { from, to: formatEventId(ring.epoch, cursor), count: null, reason },
  });
  // Another life of the gateway: what this one has is all new to it.
  if (id?.epoch !== ring.epoch) return lost(ring.first - 1, 'epoch', since);
  if (id.seq > ring.head) return lost(ring.head, 'ahead', since);
  // What the ring has lost is no loss when none of it was on its topics.
  if (id.seq >= ring.first - 1 || lostSeq() <= id.seq)
    return { cursor: Math.max(id.seq, ring.first - 1), recovered: true };
  return lost(ring.first - 1, 'expired', formatEventId(ring.epoch, id.seq + 1));
}
