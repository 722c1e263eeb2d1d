// What one watcher shares with all others of its hub, and what it came with.
import type { Clock } from '../lifecycle/clock.ts';
import type { EvictionFacts } from '../wire/hub.ts';
import type { FairClock } from './fair-clock.ts';
import type { HubMeasures } from './measures.ts';
import type { Ring } from './ring.ts';
import type { SlowLimits, SlowReason } from './slowness.ts';
import type { Subscriber } from './subscriber.ts';
import type { Topics } from './topics.ts';
import type { Transport } from './transport.ts';
import type { View } from './view.ts';

/** What is done with a watcher that is slow. */
export type Policy = 'evict' | 'skip' | 'conflate';

/** What all watchers of a hub share. */
export interface SubscriberWorld {
  readonly clock: Clock;
  readonly fair: FairClock;
  readonly ring: Ring;
  readonly topics: Topics;
  readonly measures: HubMeasures;
  /** A watcher is probed not more often than this while data flows. */
  readonly probeEveryMs: () => number;
  readonly limits: SlowLimits & { readonly keepaliveMs: number };
  /** 0 to 1. */
  readonly random: () => number;
  /** It waits for its turn to be given what it has not. */
  readonly behind: (subscriber: Subscriber) => void;
  readonly slow: (subscriber: Subscriber, reason: SlowReason, ms: number) => void;
  readonly evicted: (subscriber: Subscriber, facts: EvictionFacts) => void;
  /** Nobody sees this any more. */
  readonly unused: (view: View) => void;
}

export interface SubscriberOptions {
  readonly client: string;
  /** Whose it is: nobody else is told why it was sent away. */
  readonly principal: string;
  readonly transport: Transport;
  readonly view: View;
  /** The last event that it has. */
  readonly cursor: number;
  readonly policy: Policy;
  /** Whether it is told of gaps and the like. */
  readonly told: boolean;
  /** Whether it is probed in band, and answers with what it has processed. */
  readonly pings: boolean;
}

/**
 * `live`: level, given what comes; `waiting`: for us, to be given what it has not; `blocked`: we wait for it;
 * `leaving`: it was told so; `closed`.
 */
export type Position = 'live' | 'waiting' | 'blocked' | 'leaving' | 'closed';
