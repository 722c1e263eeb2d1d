// Whole streams in virtual time, with random faults: nothing comes twice, order is kept, and whatever did not come was
// told as a gap at its place.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { eventsIn } from '../../../src/client/hub/open.ts';
import type { EventsOptions } from '../../../src/client/hub/options.ts';
import type { HubStream } from '../../../src/client/hub/stream.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { SimHub } from './hub-world.ts';

type Fault =
  | { readonly do: 'publish' | 'double' | 'skip' | 'shrink' | 'read'; readonly count: number }
  | { readonly do: 'cut' | 'down' | 'up' | 'restart' | 'mute' }
  | { readonly do: 'leave'; readonly code: number };

const counted = (name: 'publish' | 'double' | 'skip' | 'shrink' | 'read', max: number) =>
  fc.record({ do: fc.constant(name), count: fc.integer({ min: 0, max }) });
const faults: fc.Arbitrary<Fault> = fc.oneof(
  { weight: 8, arbitrary: counted('publish', 12) },
  { weight: 6, arbitrary: counted('read', 15) },
  { weight: 2, arbitrary: counted('double', 6) },
  { weight: 1, arbitrary: counted('skip', 6) },
  { weight: 1, arbitrary: counted('shrink', 8) },
  { weight: 3, arbitrary: fc.constant<Fault>({ do: 'cut' }) },
  { weight: 1, arbitrary: fc.constant<Fault>({ do: 'mute' }) },
  { weight: 1, arbitrary: fc.constant<Fault>({ do: 'down' }) },
  { weight: 3, arbitrary: fc.constant<Fault>({ do: 'up' }) },
  { weight: 1, arbitrary: fc.constant<Fault>({ do: 'restart' }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('leave' as const), code: fc.constantFrom(1001, 4408, 1012) }),
  },
);
const script = fc.array(fc.record({ fault: faults, afterMs: fc.integer({ min: 0, max: 30 }) }), {
  minLength: 1,
  maxLength: 40,
});

type Seen = { readonly id: string } | { readonly gap: { readonly from: string; readonly to: string } };

const reconnect = { attempts: 10_000, totalMs: 10_000_000, firstMs: 10, maxMs: 40 };

function open(options: EventsOptions = {}, random = () => 0.5) {
  const clock = new VirtualClock();
  const hub = new SimHub(clock);
  const world = { now: () => clock.now(), after: clock.after.bind(clock), random };
  const stream = eventsIn(world, 'ws://sim', { WebSocket: hub.Socket, reconnect, ...options });
  return { clock, hub, stream };
}

/** Reads as many as there are now; the last one waits for more, and is kept. */
class Reader {
  readonly seen: Seen[] = [];
  readonly #stream: HubStream;

  constructor(stream: HubStream) {
    this.#stream = stream;
    stream.on('gap', ({ from, to }) => this.seen.push({ gap: { from, to } }));
  }

  async read(count: number): Promise<void> {
    for (let left = count; left > 0 && this.#stream.unread > 0; left -= 1) await this.#next();
  }

  async #next(): Promise<void> {
    const { value } = await this.#stream.next();
    if (value) this.seen.push({ id: value.id });
  }
}

const lifeOf = (id: string) => Number(/^e(\d+)\./.exec(id)?.[1]);

/** Every published event was seen once, in order, or stands in a gap that was told where it is missing. */
function expectNothingLost(published: readonly string[], seen: readonly Seen[]): void {
  const ids = seen.flatMap((one) => ('id' in one ? [one.id] : []));
  expect(ids).toEqual([...new Set(ids)]);
  const order = new Map(published.map((id, at) => [id, at]));
  let at = 0;
  for (const one of seen) {
    if ('id' in one) {
      expect(one.id).toBe(published[at]);
      at += 1;
      continue;
    }
    const { from, to } = one.gap;
    const beginsAt = order.get(from);
    if (beginsAt !== undefined) expect(beginsAt).toBeLessThanOrEqual(at);
    // Up to its end; where nothing of that life is missing, up to its first one.
    const endsAt = order.get(to);
    const lifeAt = published.findIndex((id) => lifeOf(id) >= lifeOf(to));
    at = Math.max(at, endsAt === undefined ? (lifeAt < 0 ? published.length : lifeAt) : endsAt + 1);
  }
  expect(at).toBe(published.length);
}

test('whatever happens, nothing is lost unsaid and nothing comes twice', async () => {
  await fc.assert(
    fc.asyncProperty(
      script,
      fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
      async (steps, chance) => {
        const { clock, hub, stream } = open({ unread: { events: 10 } }, () => chance.next().value as number);
        const reader = new Reader(stream);
        await clock.advance(20);
        for (const { fault, afterMs } of steps) {
          await clock.advance(afterMs);
          if (fault.do === 'publish') hub.publish(fault.count);
          else if (fault.do === 'double') hub.double(fault.count);
          else if (fault.do === 'skip') hub.skip(fault.count);
          else if (fault.do === 'shrink') hub.shrink(fault.count);
          else if (fault.do === 'read') await reader.read(fault.count);
          else if (fault.do === 'cut') hub.cut();
          else if (fault.do === 'mute') hub.mute();
          else if (fault.do === 'leave') hub.leave(fault.code, 5);
          else if (fault.do === 'restart') hub.restart();
          else hub.state = fault.do;
          expect(stream.unread).toBeLessThanOrEqual(10);
        }
        hub.state = 'up';
        // A mute connection is found out, a gateway that was down is found again.
        for (let rounds = 0; rounds < 60; rounds += 1) {
          await clock.advance(2000);
          await reader.read(100);
        }
        hub.publish(1);
        await clock.advance(2000);
        await reader.read(100);
        expectNothingLost(hub.published, reader.seen);
        const closing = stream.close();
        await clock.advance(2000);
        expect((await closing).cause).toBe('asked');
        expect(clock.pending).toBe(0);
      },
    ),
    { numRuns: 400 },
  );
});

test('a connection that says nothing is asked, and given up after 45 s', async () => {
  const { clock, hub, stream } = open();
  const reasons: string[] = [];
  stream.on('reconnecting', ({ reason }) => reasons.push(reason));
  await clock.advance(20_000);
  hub.publish(1);
  await clock.advance(24_000);
  expect(hub.received).toEqual([]);
  await clock.advance(2000);
  expect(hub.received).toEqual([{ type: 'ping' }]);
  hub.mute();
  await clock.advance(18_000);
  expect(reasons).toEqual([]);
  await clock.advance(3000);
  expect(reasons).toEqual(['nothing came for 45 s']);
  expect(hub.dialled.length).toBe(2);
  expect(hub.dialled[1]?.searchParams.get('since')).toBe('e1.1');
  const closing = stream.close();
  await clock.advance(2000);
  await closing;
});

test('what is unread is not asked for until half of it is read, however long that takes', async () => {
  const { clock, hub, stream } = open({ unread: { events: 10 }, reconnect: { attempts: 2, totalMs: 5000 } });
  await clock.advance(20);
  hub.publish(30);
  await clock.advance(3_600_000);
  expect([stream.unread, hub.dialled.length, stream.state]).toEqual([10, 1, 'reconnecting']);
  for (let count = 0; count < 4; count += 1) await stream.next();
  await clock.advance(60_000);
  expect(hub.dialled.length).toBe(1);
  // The outage begins now: an hour without room was none.
  hub.state = 'down';
  await stream.next();
  await clock.advance(10);
  hub.state = 'up';
  await clock.advance(1000);
  expect([stream.unread, stream.state]).toEqual([10, 'reconnecting']);
  const ids: (string | undefined)[] = [];
  for (let count = 0; count < 25; count += 1) {
    ids.push((await stream.next()).value?.id);
    await clock.advance(1000);
  }
  expect(ids).toEqual(Array.from({ length: 25 }, (_, at) => `e1.${at + 6}`));
  const closing = stream.close();
  await clock.advance(2000);
  await closing;
});

test('attempts have an end, which says why; a refusal has none', async () => {
  const lost = open({ reconnect: { attempts: 3, firstMs: 10, maxMs: 10 } });
  await lost.clock.advance(20);
  lost.hub.state = 'down';
  lost.hub.cut();
  const first = lost.stream.next().catch((error: unknown) => error);
  await lost.clock.advance(1000);
  expect(await lost.stream.closed).toMatchObject({
    cause: 'lost',
    reason: expect.stringContaining('3 attempts'),
  });
  expect(await first).toMatchObject({
    code: 'gateway_unreachable',
    message: expect.stringContaining('nobody there'),
  });

  const refused = open();
  await refused.clock.advance(20);
  refused.hub.state = 'refusing';
  refused.hub.cut();
  await refused.clock.advance(1000);
  expect(await refused.stream.closed).toMatchObject({ cause: 'refused', reason: 'not you' });
  expect(refused.hub.dialled.length).toBe(2);
  for (const { clock } of [lost, refused]) expect(clock.pending).toBe(0);
});

test('who is sent away for being slow, over and over, comes back each time: the connection was well', async () => {
  const { clock, hub, stream } = open({ reconnect: { attempts: 2, firstMs: 10, maxMs: 10 } });
  await clock.advance(20);
  for (let times = 0; times < 10; times += 1) {
    hub.leave(4408, 0);
    await clock.advance(200);
    expect(stream.state).toBe('open');
  }
  expect(hub.dialled.length).toBe(11);
  const closing = stream.close();
  await clock.advance(100);
  await closing;
});
