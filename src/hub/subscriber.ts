// One watcher: its walk through the ring, its connection, how slow it is. All that goes to it goes through `#give` and
// `#say`, which give nothing to a connection that has not taken what it was given. Made by the hub, which feeds those
// who are level; closed by its connection, by the hub's leaving, or by its own slowness.
import { formatEventId, type GapFacts, type HubControl } from '../wire/hub.ts';
import { Ages } from './ages.ts';
import type { Cohort } from './cohorts.ts';
import { controlBytes } from './frames.ts';
import { RecentLatency } from './measures.ts';
import { Probing } from './probing.ts';
import { judge, type Pace, type SlowReason } from './slowness.ts';
import type { Policy, Position, SubscriberOptions, SubscriberWorld } from './subscriber-world.ts';
import type { Transport } from './transport.ts';
import { Untold, untoldLimit } from './untold.ts';
import type { Batch, View } from './view.ts';
import { type Turning, turningsLimit, Walk } from './walk.ts';

/** Of a watcher's requests: then it does not wait for its turn. */
const turningsEnough = 64;

export class Subscriber {
  readonly client: string;
  readonly principal: string;
  readonly transport: Transport;
  readonly policy: Policy;
  readonly sinceMs: number;
  readonly latency: RecentLatency;
  readonly probing: Probing;
  readonly counts = { events: 0, bytes: 0, gaps: 0 };
  position: Position = 'waiting';
  pace: Pace = 'well';
  readonly #world: SubscriberWorld;
  readonly #walk: Walk;
  readonly #told: boolean;
  readonly #ages: Ages;
  readonly #untold = new Untold();
  /** Only while it is live. */
  #cohort: Cohort | undefined;

  constructor(options: SubscriberOptions, world: SubscriberWorld) {
    const { client, transport, view, cursor, policy, told, pings } = options;
    this.#world = world;
    this.client = client;
    this.principal = options.principal;
    this.transport = transport;
    this.#walk = new Walk(view, cursor, world);
    this.policy = policy;
    this.#told = told;
    this.sinceMs = world.clock.now();
    this.latency = new RecentLatency(this.sinceMs);
    this.#ages = new Ages(world.clock, world.fair);
    const asking = pings && { ask: (id: string) => this.tell({ type: 'ping', id }) };
    this.probing = new Probing(transport, cursor, { ...world, ...asking });
  }

  get view(): View {
    return this.#walk.view;
  }

  /** What it will see when it has got everything. */
  get lastView(): View {
    return this.#walk.lastView;
  }

  /** The last event that it was given, or need not be. */
  get at(): number {
    return this.#cohort?.cursor ?? this.#walk.cursor;
  }

  /** Events that it has not been given; null where that takes too long to find out. */
  get lagEvents(): number | null {
    return this.view.count(this.at, this.#world.ring.head);
  }

  /** How old the oldest event is that it could not be given, in fair ms; 0: there is none. */
  get unsentMs(): number {
    return this.#ages.unsentMs(this.position === 'blocked' ? this.#walk.oldestFairMs : undefined);
  }

  /**
   * Only while it is live: what everybody of its view is given, in fair ms. `landed`: the kernel has it; `pending`: not
   * yet; `refused`: it takes nothing now, and falls behind.
   */
  give(batch: Batch, fairMs: number): 'landed' | 'pending' | 'refused' {
    if (!this.transport.full) return this.#give(batch, fairMs);
    this.#fall('blocked');
    return 'refused';
  }

  /** It is behind, for no fault of its own. */
  outrun(): void {
    this.#fall('waiting');
  }

  tell(control: HubControl): void {
    if (this.#told) this.#say(controlBytes(control, this.view.form));
  }

  /** The newest event of each of its topics, before all others. */
  show(): void {
    this.#walk.show();
  }

  /** Sees something else from the newest event on, and is told so there. */
  turn(turning: Turning): void {
    if (this.position === 'leaving' || this.position === 'closed') return;
    if (!this.#walk.turn(turning)) return this.#refuse(turningsLimit);
    if (this.position === 'live') this.#fall('waiting');
    // Who asks for much at once is given what is due before the next one.
    if (this.#walk.turningsWaiting >= turningsEnough) this.pump();
  }

  /** Told when it has got everything that was published before, after what it was promised until then. */
  answer(control: HubControl): void {
    this.turn({ view: this.lastView, control, snapshot: false });
  }

  /**
   * Gives what it has not got, one write's worth. `again`: there is more; `full`: it takes no more; `level`: it has
   * everything.
   */
  pump(): 'again' | 'full' | 'level' {
    if (this.position !== 'waiting') return 'full';
    if (!this.transport.full) this.#tellUntold();
    if (this.transport.full) return this.#block();
    const step = this.#walk.next();
    if (step.type === 'told') this.tell(step.control);
    if (step.type === 'lost' && !this.#lose(step.to)) return 'full';
    if (step.type === 'batch') {
      this.#give(step.batch, this.#world.fair.now());
      this.#world.measures.replayedBytes += step.batch.bytes.length;
      if (this.#ages.catchingUp) this.probing.replayed(this.at, step.batch.bytes.length);
    }
    // An answer too many, or a loss that it cannot be told, ends it.
    if (!this.#is('waiting')) return 'full';
    if (this.transport.full) return this.#block();
    return this.#join() ? 'level' : 'again';
  }

  /** The connection has taken everything. */
  drained(): void {
    this.#landed();
    if (this.position !== 'blocked') return;
    // It has taken something since it was asked: the answer is on its way.
    if (this.#ages.behind(this.#world.ring.head - this.at) === 'nearer') this.probing.excuse();
    this.position = 'waiting';
    this.#world.behind(this);
  }

  /** Every so often: whether it is slow, and whether it lives. */
  sweep(): void {
    if (this.position === 'leaving' || this.position === 'closed') return;
    this.#landed();
    this.probing.sweep(this.at);
    const facts = { unsentMs: this.unsentMs, silentMs: this.probing.silentMs };
    const verdict = judge(this.pace, facts, this.#ages.limits(this.#world.limits));
    this.pace = verdict.pace;
    if (verdict.act === 'warn') this.#warn(verdict.reason, verdict.ms);
    if (verdict.act === 'policy') this.#act(verdict.reason, verdict.ms);
  }

  /** The last it hears, as far as it hears anything. */
  leave(code: number, reason: string, retryMs: number | null): void {
    if (this.position === 'leaving' || this.position === 'closed') return;
    const { form } = this.view;
    // Server-sent events have no close: without it nobody could know.
    const told = this.#told || form === 'sse';
    const bye = told ? controlBytes({ type: 'bye', code, reason, retryMs }, form) : undefined;
    this.#fall('leaving');
    this.#untold.clear();
    this.transport.close({ code, reason, bye });
  }

  closed(): void {
    this.#fall('closed');
    this.#untold.clear();
    this.#walk.end();
  }

  #fall(position: Position): void {
    if (this.#cohort) {
      this.#walk.cursor = this.#cohort.cursor;
      this.view.cohorts.leave(this, this.#cohort);
      this.#cohort = undefined;
    }
    this.position = position;
    if (position === 'waiting') this.#world.behind(this);
  }

  /** What it may have become meanwhile. */
  #is(position: Position): boolean {
    return this.position === position;
  }

  #block(): 'full' {
    this.position = 'blocked';
    return 'full';
  }

  /** Level with the others of its view: from now on it is given what they are. */
  #join(): boolean {
    if (!this.#walk.straight || !this.#untold.empty) return false;
    this.#cohort = this.view.cohorts.join(this, this.#walk.cursor);
    if (!this.#cohort) return false;
    this.position = 'live';
    this.#ages.level();
    return true;
  }

  #give({ bytes, events }: Batch, fairMs: number): 'landed' | 'pending' {
    const [first] = events;
    if (!first) return 'landed';
    this.#landed();
    this.transport.give(bytes);
    this.counts.events += events.length;
    this.counts.bytes += bytes.length;
    this.probing.gave();
    if (this.transport.pendingBytes > 0) {
      this.#ages.gave(first, this.counts.bytes);
      return 'pending';
    }
    this.probing.took(fairMs);
    return 'landed';
  }

  #landed(): void {
    const ms = this.#ages.landed(this.counts.bytes - this.transport.pendingBytes);
    if (ms === undefined) return;
    this.probing.took(this.#world.fair.now());
    this.#world.measures.flushed.add(ms);
    this.latency.add(ms, this.#world.clock.now());
  }

  #say(bytes: Buffer): void {
    if (this.position === 'leaving' || this.position === 'closed') return;
    if (!this.transport.full && this.#untold.empty) return this.transport.give(bytes);
    this.#untold.push(bytes);
    if (this.#untold.overfull) return this.#refuse(untoldLimit);
    if (this.position === 'live') this.#fall('blocked');
  }

  #tellUntold(): void {
    const bytes = this.#untold.take(this.view.form);
    if (bytes) this.transport.give(bytes);
  }

  /** The ring has lost what it has not got. False when that could not be told, and it goes. */
  #lose(to: number): boolean {
    if (!this.#told) {
      this.#evict('unsent', this.unsentMs);
      return false;
    }
    this.#declare(to, 'expired', null);
    this.#walk.skipTo(to);
    this.#tellUntold();
    return true;
  }

  /** What it does not get, up to here: told as soon as it takes something. */
  #declare(to: number, reason: GapFacts['reason'], count: number | null): void {
    const { ring, measures } = this.#world;
    measures.gaps[reason] += 1;
    this.counts.gaps += 1;
    const from = formatEventId(ring.epoch, this.#walk.missingFrom(reason));
    this.#untold.lost({ from, to: formatEventId(ring.epoch, to), count, reason });
  }

  #warn(reason: SlowReason, ms: number): void {
    const { ring, measures, slow } = this.#world;
    measures.warnings += 1;
    this.tell({ type: 'lag', ms: Math.round(ms), events: this.lagEvents ?? ring.head - this.at });
    slow(this, reason, ms);
  }

  #act(reason: SlowReason, ms: number): void {
    if (this.policy === 'evict' || !this.#told || this.probing.dead(reason)) return this.#evict(reason, ms);
    const { head } = this.#world.ring;
    if (this.position === 'live') this.#fall(this.transport.full ? 'blocked' : 'waiting');
    if (this.policy === 'skip' && this.at < head) {
      const count = this.#walk.count(head);
      if (count !== 0) this.#declare(head, 'slow', count);
      this.#walk.skipTo(head);
    }
    if (this.policy === 'conflate' && this.#walk.conflate()) this.#declare(head, 'conflated', null);
    // It has had its share: the next stretch counts from here.
    this.#ages.excuse();
    this.probing.excuse();
  }

  #evict(reason: SlowReason, ms: number): void {
    const { ring, clock, measures, evicted } = this.#world;
    measures.evictions[reason] += 1;
    const lastId = this.at > 0 ? formatEventId(ring.epoch, this.at) : null;
    evicted(this, { reason, ms: Math.round(ms), lastId, ts: clock.wallTime() });
    this.leave(4408, `slow: ${reason} for ${Math.round(ms)} ms`, 0);
  }

  #refuse(limit: string): void {
    this.leave(1008, `more than ${limit} were not read`, null);
  }
}
