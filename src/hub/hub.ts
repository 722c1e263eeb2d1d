// Events to any number of watchers, none of whom can hold up another or a producer: one ring, a cursor for each. Owned
// by a scope; its life ends with `leave`.
import { type Clock, delay, turn } from '../lifecycle/clock.ts';
import type { Deadline } from '../lifecycle/deadline.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import { operations } from '../telemetry/operations.ts';
import { type EvictionFacts, formatEventId, type HubControl } from '../wire/hub.ts';
import { Beat, type RoundEnd } from './beat.ts';
import { CatchUp } from './catch-up.ts';
import type { Cohort } from './cohorts.ts';
import { Evictions } from './evictions.ts';
import { FairClock } from './fair-clock.ts';
import { frameEvent } from './frames.ts';
import type { Interest } from './interest.ts';
import { leaveAll } from './leaving.ts';
import { HubMeasures } from './measures.ts';
import type { Publication, Publishes } from './publication.ts';
import { beginAt } from './resume.ts';
import { type HistoryLimits, MemoryRing, type Ring } from './ring.ts';
import { Slice } from './slice.ts';
import type { SlowLimits, SlowReason } from './slowness.ts';
import { Subscriber } from './subscriber.ts';
import type { Policy, SubscriberWorld } from './subscriber-world.ts';
import { Sweep } from './sweep.ts';
import { Topics } from './topics.ts';
import type { Transport } from './transport.ts';
import type { Batch } from './view.ts';
import { Views } from './views.ts';

export interface HubOptions {
  readonly clock: Clock;
  readonly epoch: string;
  readonly history: HistoryLimits;
  readonly limits: SlowLimits & { readonly keepaliveMs: number };
  /** 0 to 1. */
  readonly random: () => number;
  /** A watcher has become slow, or was sent away for it. */
  readonly onSlow?: (subscriber: Subscriber, facts: SlowFact) => void;
}

export type SlowFact =
  | { readonly state: 'lagging'; readonly reason: SlowReason; readonly ms: number }
  | ({ readonly state: 'evicted' } & EvictionFacts);

export interface Watch {
  readonly client: string;
  /** Whose it is: a name is known to them alone. */
  readonly principal: string;
  readonly transport: Transport;
  readonly interest: Interest;
  /** The last id that it has; undefined: from now on. */
  readonly since: string | undefined;
  /** Whether the newest event of each topic comes first. */
  readonly snapshot: boolean;
  readonly policy: Policy;
  /** Whether it is told of gaps and the like. */
  readonly told: boolean;
  readonly pings: boolean;
  /** Its connection has ended. */
  readonly onClosed?: () => void;
}

export interface InterestChange {
  readonly how: 'subscribe' | 'unsubscribe';
  readonly patterns: readonly string[];
  /** Whether the newest event of each topic that is new comes first. */
  readonly snapshot: boolean;
}

const sweepMs = 200;
/** A watcher is probed so often while data flows; of thousands each less often: 2,500 a second in all. */
const probeMsMin = 1000;
const probeMsEach = 0.4;
const topicsMax = 10_000;
/** Of the time to leave: for the last events, before the goodbyes. */
const lastEventsShare = 0.3;
const lookEveryMs = 5;
/** Of the oldest event that a watcher was not given. */
const freshMs = 250;

export class Hub implements Publishes {
  readonly ring: Ring;
  readonly topics: Topics;
  readonly views: Views;
  readonly measures = new HubMeasures();
  readonly subscribers = new Set<Subscriber>();
  readonly #clock: Clock;
  readonly #fair: FairClock;
  readonly #beat: Beat;
  readonly #catchUp: CatchUp;
  readonly #slice: Slice;
  readonly #evictions = new Evictions();
  readonly #world: SubscriberWorld;
  readonly #sweep: Sweep;
  /** Of the round that goes on: everybody who is level is given this much at least. */
  #roundTo: number | undefined;
  #state: 'open' | 'leaving' = 'open';

  constructor(options: HubOptions) {
    const { clock, epoch, history, limits, random, onSlow } = options;
    this.#clock = clock;
    this.ring = new MemoryRing(epoch, history);
    this.views = new Views(this.ring);
    this.topics = new Topics({ topics: topicsMax, keys: topicsMax, bytes: history.bytes });
    this.#fair = new FairClock(clock, sweepMs);
    this.#slice = new Slice(clock);
    this.#beat = new Beat(clock, () => operations.during('hub round', null, () => this.#round()));
    this.#catchUp = new CatchUp(clock, this.#slice);
    this.#world = {
      ...{ clock, limits, random, fair: this.#fair },
      ...{ ring: this.ring, topics: this.topics, measures: this.measures },
      probeEveryMs: () => Math.max(probeMsMin, this.subscribers.size * probeMsEach),
      behind: (subscriber) => this.#catchUp.add(subscriber),
      unused: (view) => this.views.unused(view),
      slow: (subscriber, reason, ms) => onSlow?.(subscriber, { state: 'lagging', reason, ms }),
      evicted: (subscriber, facts) => {
        this.#evictions.keep(subscriber, facts);
        onSlow?.(subscriber, { state: 'evicted', ...facts });
      },
    };
    const sweeping = { clock, fair: this.#fair, slice: this.#slice, everyMs: sweepMs };
    this.#sweep = new Sweep({ ...sweeping, all: () => this.#kept() });
  }

  get state(): 'open' | 'leaving' {
    return this.#state;
  }

  get head(): string {
    return formatEventId(this.ring.epoch, this.ring.head);
  }

  publish({ topic: name, key, data }: Publication): string {
    if (this.#state !== 'open')
      throw new GreenroomError('server_shutdown', 'the gateway is leaving: no event is taken');
    const seq = this.ring.head + 1;
    const id = formatEventId(this.ring.epoch, seq);
    const ts = this.#clock.wallTime();
    const topic = this.topics.use(name);
    const framed = frameEvent(id, topic, ts, data);
    const event = { seq, topic, key, ts, atMs: this.#clock.now(), fairMs: this.#fair.now(), ...framed };
    this.ring.append(event);
    this.topics.published(event);
    this.measures.events += 1;
    this.measures.eventBytes += data.length;
    this.#beat.wake();
    return id;
  }

  /** Begins in this very step: what is published from now on comes after its welcome, its snapshot and its replay. */
  watch(watch: Watch): Subscriber {
    const { client, transport, interest, since, snapshot, told, onClosed } = watch;
    const { ring, topics, measures } = this;
    const begin = beginAt(ring, since, () => topics.lostSeq(interest));
    const view = this.views.of(interest, transport.form);
    const subscriber = new Subscriber({ ...watch, view, cursor: begin.cursor }, this.#world);
    const { recovered, gap } = begin;
    if (recovered !== undefined) measures.resumes[recovered ? 'recovered' : 'gap'] += 1;
    if (gap) measures.gaps[gap.reason] += 1;
    // It is told once: to who hears it.
    const evicted = told ? this.#evictions.take(watch) : undefined;
    const welcome: HubControl = {
      ...{ type: 'welcome', epoch: ring.epoch, head: this.head, client, topics: interest.patterns },
      ...(recovered !== undefined && { recovered }),
      ...(gap && { gap }),
      ...(evicted && { evicted }),
    };
    this.subscribers.add(subscriber);
    this.#slice.newcomer();
    transport.listen({
      drained: () => subscriber.drained(),
      answered: (probe) => this.#answered(subscriber, probe),
      closed: () => {
        this.#closed(subscriber);
        onClosed?.();
      },
    });
    if (told) subscriber.tell(welcome);
    if (snapshot) subscriber.show();
    this.#catchUp.add(subscriber);
    return subscriber;
  }

  /** From the newest event on it sees what it saw and these, or no more of these. Throws as `Interest.of`. */
  change(subscriber: Subscriber, change: InterestChange): void {
    const { how, patterns, snapshot } = change;
    // Nobody would ever let go of what it would see.
    if (subscriber.position === 'leaving' || subscriber.position === 'closed') return;
    const before = subscriber.lastView.interest;
    const interest = how === 'subscribe' ? before.and(patterns) : before.without(patterns);
    const view = this.views.of(interest, subscriber.transport.form);
    const control = { type: `${how}d`, topics: interest.patterns, head: this.head } as const;
    subscriber.turn({ view, control, snapshot });
  }

  /** It has processed everything up to this. */
  processed(subscriber: Subscriber, seq: number): void {
    const upTo = Math.min(seq, subscriber.at);
    const { rttMs, news } = subscriber.probing.processed(upTo);
    if (rttMs !== undefined) this.measures.rtt.add(rttMs);
    const event = news ? this.ring.at(upTo) : undefined;
    if (event) this.measures.acknowledged.add(this.#clock.now() - event.atMs);
  }

  /** Takes no event any more, gives out the last ones, and says goodbye. Returns how many were there, and who did not go. */
  async leave(deadline: Deadline): Promise<{ readonly watchers: number; readonly terminated: number }> {
    this.#state = 'leaving';
    const untilMs = this.#clock.now() + deadline.remainingMs() * lastEventsShare;
    for (let waits = this.#unfinished; waits !== 'nobody'; waits = this.#unfinished) {
      if (this.#clock.now() >= untilMs) break;
      await (waits === 'us' ? turn(this.#clock) : delay(this.#clock, lookEveryMs));
    }
    const left = await leaveAll(this.subscribers, {
      deadline,
      clock: this.#clock,
      random: this.#world.random,
    });
    this.stop();
    return left;
  }

  /** Ends its timers. */
  stop(): void {
    this.#state = 'leaving';
    this.#beat.stop();
    this.#catchUp.stop();
    this.#sweep.stop();
  }

  /** Whom the last events wait for: us, or watchers that were full just now; who has taken nothing for long is not waited for. */
  get #unfinished(): 'us' | 'watchers' | 'nobody' {
    if (this.#catchUp.waiting > 0 || !this.#levelGiven) return 'us';
    for (const subscriber of this.subscribers)
      if (subscriber.position === 'blocked' && subscriber.unsentMs < freshMs) return 'watchers';
    return 'nobody';
  }

  get #levelGiven(): boolean {
    return this.views.values().every(({ cohorts }) => cohorts.given);
  }

  /** Gives everybody who is level what was published since, in short pieces of work. */
  #round(): RoundEnd {
    const untilMs = this.#slice.untilMs();
    // Who has what the round began with has had his turn, whatever came meanwhile.
    this.#roundTo ??= this.ring.head;
    for (const view of this.views.values())
      for (const cohort of view.cohorts.before(this.#roundTo)) {
        if (this.#clock.now() > untilMs) return 'more';
        // More came at once than the ring holds: each is told what it does not get.
        if (cohort.cursor + 1 < this.ring.first) for (const each of cohort.live) each.outrun();
        while (cohort.live.size > 0 && cohort.cursor < this.#roundTo) {
          const batch = view.batch(cohort.cursor, this.ring.head);
          if (batch.events.length > 0) this.#deliver(cohort, batch);
          cohort.cursor = batch.to;
          if (cohort.cursor < this.#roundTo && this.#clock.now() > untilMs) return 'more';
        }
      }
    this.#roundTo = undefined;
    return this.#levelGiven ? 'level' : 'behind';
  }

  #deliver({ live }: Cohort, batch: Batch): void {
    const landed: Subscriber[] = [];
    const fairMs = this.#fair.now();
    for (const subscriber of live) if (subscriber.give(batch, fairMs) === 'landed') landed.push(subscriber);
    const nowMs = this.#clock.now();
    const { measures } = this;
    const oldestMs = nowMs - (batch.events[0]?.atMs ?? nowMs);
    for (const event of batch.events) measures.flushed.add(nowMs - event.atMs, landed.length);
    for (const subscriber of landed) subscriber.latency.add(oldestMs, nowMs);
    measures.deliveries += landed.length * batch.events.length;
    measures.deliveredBytes += landed.length * batch.bytes.length;
  }

  #answered(subscriber: Subscriber, probe: string): void {
    const rttMs = subscriber.probing.answered(probe);
    if (rttMs !== undefined) this.measures.rtt.add(rttMs);
  }

  #closed(subscriber: Subscriber): void {
    this.subscribers.delete(subscriber);
    this.#catchUp.remove(subscriber);
    subscriber.closed();
  }

  /** Whom to look at, when what is too old has gone. */
  #kept(): Iterator<Subscriber> {
    this.ring.prune(this.#clock.now());
    for (const view of this.views.values()) view.forget();
    return this.subscribers.values();
  }
}
