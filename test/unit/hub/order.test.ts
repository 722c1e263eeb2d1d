// Order, and no loss that is not told, whatever happens: random topics, changes of what is watched, stalls, connections
// that are lost and come back, a ring that is too small. Each watcher is held to a model.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Subscriber } from '../../../src/hub/subscriber.ts';
import type { Policy } from '../../../src/hub/subscriber-world.ts';
import { matches } from '../../../src/hub/topic.ts';
import { type GapFacts, parseEventId } from '../../../src/wire/hub.ts';
import { HubStage, isEvent, MemoryConnection, type Message } from './hub-stage.ts';

const topics = ['a', 'b', 'm.x', 'm.y', 'm.y.z'] as const;
const patterns = ['a', 'b', 'm.*', 'm.>', '>', '*.y'] as const;

type Action =
  | { readonly do: 'publish'; readonly topic: number; readonly times: number; readonly size: number }
  | { readonly do: 'subscribe' | 'unsubscribe'; readonly pattern: number }
  | { readonly do: 'stall' | 'lose' | 'flow' }
  | { readonly do: 'read'; readonly bytes: number }
  | { readonly do: 'wait'; readonly ms: number };

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('publish' as const),
      topic: fc.nat(topics.length - 1),
      times: fc.integer({ min: 1, max: 12 }),
      size: fc.constantFrom(1, 100, 5000),
    }),
  },
  fc.record({
    do: fc.constantFrom('subscribe' as const, 'unsubscribe' as const),
    pattern: fc.nat(patterns.length - 1),
  }),
  fc.record({ do: fc.constantFrom('stall' as const, 'lose' as const, 'flow' as const) }),
  { weight: 2, arbitrary: fc.record({ do: fc.constant('read' as const), bytes: fc.nat(20_000) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(0, 5, 300, 1500) }),
  },
);

const seqOf = (id: string): number => parseEventId(id)?.seq ?? Number.NaN;

/** One connection after the other of the same watcher, and what it must have seen. */
class Modelled {
  connection!: MemoryConnection;
  subscriber!: Subscriber;
  /** What it watches from which number on, as it was told. */
  readonly #stage: HubStage;
  readonly #policy: Policy;
  readonly #published: { readonly seq: number; readonly topic: string }[];
  #patterns: readonly string[] = ['>'];
  #lastSeq = 0;
  seen = 0;

  constructor(
    stage: HubStage,
    policy: Policy,
    published: { readonly seq: number; readonly topic: string }[],
  ) {
    this.#stage = stage;
    this.#policy = policy;
    this.#published = published;
    this.connect('e1.0');
  }

  connect(since: string): void {
    this.connection = new MemoryConnection('websocket', 16_384);
    const watch = { since, topics: this.#patterns, policy: this.#policy };
    this.subscriber = this.#stage.watch(watch, this.connection).subscriber;
  }

  /** Holds what came over this connection to the model, and comes back. */
  reconnect(): void {
    this.connection.terminate();
    this.check();
    this.connect(`e1.${this.#lastSeq}`);
  }

  check(): void {
    expect(this.connection.overfed).toBe(0);
    let at = this.#lastSeq;
    let watched = this.#patterns;
    const { messages } = this.connection;
    const excused: [number, number][] = [];
    const missed = (until: number) => {
      for (const { seq, topic } of this.#published) {
        if (seq <= at || seq >= until || !watched.some((pattern) => matches(pattern, topic))) continue;
        const told = excused.some(([from, to]) => from <= seq && seq <= to);
        if (!told) expect.unreachable(`event ${seq} on ${topic} is missing, and nobody said so`);
      }
    };
    const excuse = ({ from, to }: GapFacts) => excused.push([seqOf(from), seqOf(to)]);
    for (const message of messages as readonly Message[]) {
      if (isEvent(message)) {
        const seq = seqOf(message.id);
        expect(seq).toBeGreaterThan(at);
        expect(watched.some((pattern) => matches(pattern, message.topic))).toBe(true);
        expect(this.#published[seq - 1]?.topic).toBe(message.topic);
        missed(seq);
        at = seq;
        this.seen += 1;
        continue;
      }
      if (message.type === 'welcome' && message.gap) excuse(message.gap);
      if (message.type === 'gap') excuse(message);
      if (message.type === 'subscribed' || message.type === 'unsubscribed') {
        missed(seqOf(message.head) + 1);
        at = Math.max(at, seqOf(message.head));
        watched = message.topics;
      }
    }
    this.#lastSeq = at;
    this.#patterns = watched;
    this.final = () => missed(this.#published.length + 1);
  }

  final: () => void = () => undefined;
}

test.each(['evict', 'skip', 'conflate'] as const)(
  'a watcher with policy %s gets what the model says',
  async (policy) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(action, { minLength: 5, maxLength: 60 }),
        fc.constantFrom(6, 40, 100_000),
        async (actions, kept) => {
          const history = { events: kept, bytes: 64 * 1024 * 1024, ageMs: 600_000 };
          using stage = new HubStage({ history });
          const published: { readonly seq: number; readonly topic: string }[] = [];
          const watcher = new Modelled(stage, policy, published);
          for (const step of actions) {
            const { connection, subscriber } = watcher;
            if (step.do === 'publish')
              for (let n = 0; n < step.times; n += 1) {
                const topic = topics[step.topic] ?? 'a';
                stage.publish(topic, 'x'.repeat(step.size));
                published.push({ seq: stage.hub.ring.head, topic });
              }
            if ((step.do === 'subscribe' || step.do === 'unsubscribe') && subscriber.position !== 'closed')
              stage.hub.change(subscriber, {
                how: step.do,
                patterns: [patterns[step.pattern] ?? 'a'],
                snapshot: false,
              });
            if (step.do === 'stall') connection.stall();
            if (step.do === 'flow') connection.read(Number.POSITIVE_INFINITY);
            if (step.do === 'read' && connection.room < 1_000_000) connection.read(step.bytes);
            if (step.do === 'wait') await stage.clock.advance(step.ms);
            if (step.do === 'lose' || connection.closing) watcher.reconnect();
          }
          watcher.connection.read(Number.POSITIVE_INFINITY);
          await stage.clock.advance(5000);
          if (watcher.connection.closing) {
            watcher.reconnect();
            await stage.clock.advance(5000);
          }
          watcher.check();
          watcher.final();
        },
      ),
      { numRuns: 150 },
    );
  },
);
