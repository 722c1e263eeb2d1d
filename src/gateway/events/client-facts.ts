// The watchers as administrators see them: who, where in the ring, how slow.
import type { Hub } from '../../hub/hub.ts';
import type { Subscriber } from '../../hub/subscriber.ts';
import type { View } from '../../hub/view.ts';
import type { Clock } from '../../lifecycle/clock.ts';
import { GreenroomError } from '../../lifecycle/errors.ts';
import { formatEventId } from '../../wire/hub.ts';

const sorts = ['lag', 'latency', 'age', 'bytes'] as const;
type Sort = (typeof sorts)[number];

const limitDefault = 100;
const limitMax = 10_000;
/** Of the rings, for one answer: some ms. */
const lookMax = 100_000;

export interface ClientsQuery {
  readonly sort: Sort;
  readonly limit: number;
}

/** Throws `invalid_request`. */
export function clientsQuery(query: (name: string) => string | undefined): ClientsQuery {
  const sort = query('sort') ?? 'lag';
  const limit = Number(query('limit') ?? limitDefault);
  if (!(sorts as readonly string[]).includes(sort))
    throw invalid(`sort is one of ${sorts.join(', ')}, got ${sort.slice(0, 64)}`);
  if (!Number.isInteger(limit) || limit < 1 || limit > limitMax)
    throw invalid(`limit is a number from 1 to ${limitMax}`);
  return { sort: sort as Sort, limit };
}

interface Ranked {
  readonly hub: Hub;
  readonly subscriber: Subscriber;
  readonly rank: number;
}

/** The first of them, by what they are sorted by, the worst first. */
export function clientFacts(hubs: readonly Hub[], { sort, limit }: ClientsQuery, clock: Clock) {
  const ranked: Ranked[] = hubs.flatMap((hub) =>
    [...hub.subscribers].map((subscriber) => ({ hub, subscriber, rank: rankOf(sort, hub, subscriber) })),
  );
  ranked.sort((a, b) => b.rank - a.rank);
  const lags = new Lags();
  return ranked.slice(0, limit).map(({ hub, subscriber }) => ({
    ...factsOf(hub, subscriber, clock.now()),
    lagEvents: lags.of(hub, subscriber),
  }));
}

/** How far each is behind: many are at the same place, and what takes too long to find out for all of them is left out. */
class Lags {
  readonly #known = new Map<View, Map<number, number | null>>();
  #lookedAt = 0;

  of({ ring }: Hub, subscriber: Subscriber): number | null {
    const { view, at } = subscriber;
    const ofView = this.#known.get(view) ?? new Map<number, number | null>();
    this.#known.set(view, ofView);
    const known = ofView.get(at);
    if (known !== undefined) return known;
    const looked = view.interest.everything ? 0 : ring.head - at;
    const mayLook = this.#lookedAt + looked <= lookMax;
    if (mayLook) this.#lookedAt += looked;
    const lag = mayLook ? subscriber.lagEvents : null;
    ofView.set(at, lag);
    return lag;
  }
}

function rankOf(sort: Sort, { ring }: Hub, subscriber: Subscriber): number {
  switch (sort) {
    case 'lag':
      // Age before number: one old event is worse than a thousand that are on their way.
      return Math.max(subscriber.unsentMs, subscriber.probing.silentMs) * 1e9 + (ring.head - subscriber.at);
    case 'latency':
      return subscriber.latency.lastMs ?? 0;
    case 'age':
      return -subscriber.sinceMs;
    case 'bytes':
      return subscriber.counts.bytes;
  }
}

function factsOf({ ring }: Hub, subscriber: Subscriber, nowMs: number) {
  const { client, transport, policy, position, pace, probing, latency, counts, at, view } = subscriber;
  return {
    id: client,
    remote: transport.remote,
    transport: transport.form,
    topics: view.interest.patterns,
    policy,
    state: position,
    pace,
    unsentMs: Math.round(subscriber.unsentMs),
    silentMs: Math.round(probing.silentMs),
    rttMs: probing.rttMs === null ? null : Math.round(probing.rttMs * 100) / 100,
    latency: latency.facts(),
    ...counts,
    lastId: formatEventId(ring.epoch, at),
    ageMs: Math.round(nowMs - subscriber.sinceMs),
  };
}

const invalid = (message: string) => new GreenroomError('invalid_request', message);
