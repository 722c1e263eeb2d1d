// Ten ways in which hubs of others lost events, or their watchers, in 2026: each is held here, in virtual time. What only
// a real socket shows is in test/process/ten-bugs.test.ts.
import { describe, expect, test } from 'vitest';
import type { HubControl } from '../../../src/wire/hub.ts';
import { HubStage, MemoryConnection } from './hub-stage.ts';

const numbers = ({ events }: MemoryConnection) => events.map(({ data }) => data as number);
const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);
const gapsOf = ({ controls }: MemoryConnection) =>
  controls.filter((control): control is Extract<HubControl, { type: 'gap' }> => control.type === 'gap');
const highWater = 4096;
const small = () => new MemoryConnection('websocket', highWater);
const pad = 'x'.repeat(1000);

/** Large ones that do not matter, to fill a connection. */
function fill(stage: HubStage, count = 20): void {
  for (let n = 0; n < count; n += 1) stage.publish('fill', pad);
}

describe('3: a part that is taken resets the deadline of the rest, which never comes (Kimi Code PR #3738)', () => {
  test.each([100, 500, 1900])('who takes a little every %d ms is sent away all the same', async (everyMs) => {
    using stage = new HubStage();
    const connection = small();
    stage.watch({}, connection);
    await stage.clock.advance(10);
    connection.stall();
    fill(stage, 100);
    let ms = 0;
    for (; ms < 10_000 && !connection.closing; ms += everyMs) {
      connection.read(highWater / 2);
      fill(stage, 1);
      await stage.clock.advance(everyMs);
    }
    expect(connection.closing?.code).toBe(4408);
    expect(ms).toBeLessThan(2000 + 200 + 2 * everyMs);
  });

  test('nor is who takes a whole write each time, and falls behind all the same', async () => {
    using stage = new HubStage();
    const connection = small();
    stage.watch({}, connection);
    await stage.clock.advance(10);
    connection.stall();
    let ms = 0;
    for (; ms < 20_000 && !connection.closing; ms += 100) {
      fill(stage, 100);
      await stage.clock.advance(50);
      connection.read(70_000 - connection.room);
      await stage.clock.advance(50);
    }
    expect(connection.closing?.code).toBe(4408);
    expect(connection.events.length).toBeGreaterThan(1000);
    expect(ms).toBeLessThan(10_000);
  });
});

describe('4: a second way to write knows no limit (SignalK #2975: 196 MB; OpenClaw #127368)', () => {
  test.each([
    ['in band', true],
    ['by the protocol', false],
  ])('answers, warnings, pings %s, snapshots, replays and goodbyes wait as events do', async (_, pings) => {
    using stage = new HubStage();
    for (let n = 0; n < 200; n += 1) stage.publish(`topic.${n}`, pad);
    const connection = small();
    const { subscriber } = stage.watch({ policy: 'skip', pings, snapshot: true, since: 'e1.0' }, connection);
    connection.stall();
    let worst = 0;
    for (let n = 0; n < 50; n += 1) {
      fill(stage, 5);
      subscriber.tell({ type: 'pong', ref: n });
      stage.hub.change(subscriber, { how: 'subscribe', patterns: [`topic.${n}`], snapshot: true });
      await stage.clock.advance(300);
      worst = Math.max(worst, connection.pendingBytes);
    }
    expect(connection.overfed).toBe(0);
    // One write more than it holds, at the most.
    expect(worst).toBeLessThan(highWater + 64 * 1024 + 1100);
    expect(connection.probes).toEqual([]);
    expect(connection.keepalives).toBe(0);
  });

  test('nor does a change of topics let anything through', async () => {
    using stage = new HubStage();
    const connection = small();
    const { subscriber } = stage.watch({}, connection);
    await stage.clock.advance(10);
    connection.stall();
    fill(stage);
    await stage.clock.advance(1);
    expect(subscriber.position).toBe('live');
    expect(connection.full).toBe(true);
    fill(stage);
    stage.hub.change(subscriber, { how: 'subscribe', patterns: ['b'], snapshot: false });
    await stage.clock.advance(50);
    expect(connection.overfed).toBe(0);
    connection.read(Number.POSITIVE_INFINITY);
    await stage.clock.advance(50);
    expect(connection.events).toHaveLength(40);
  });
});

describe('5: what is new overtakes what has waited, when a part of that is taken (SignalK #2531)', () => {
  test.each([
    ['alone', true],
    ['beside another', false],
  ])('%s: whatever is taken, in whatever steps, comes in order', async (_, alone) => {
    using stage = new HubStage();
    const connection = small();
    stage.watch({}, connection);
    // Sees the same, and is always level.
    const { connection: other } = stage.watch({ client: 'w2' });
    if (alone) other.terminate();
    await stage.clock.advance(10);
    connection.stall();
    let n = 0;
    for (let round = 0; round < 60; round += 1) {
      for (let count = 0; count < 7; count += 1) stage.publish('a', n++);
      fill(stage, 6);
      connection.read(4000);
      await stage.clock.advance(5);
    }
    connection.read(Number.POSITIVE_INFINITY);
    stage.publish('a', n++);
    await stage.clock.advance(50);
    expect(connection.events.filter(({ topic }) => topic === 'a').map(({ data }) => data)).toEqual(upTo(n));
  });
});

describe('6: one number for all, and each gets a part: gaps that are none, or none that are (OpenClaw #12895)', () => {
  test('what was never for it is no gap; what it was not given is, and counted as its own', async () => {
    using stage = new HubStage();
    const connection = small();
    stage.watch({ topics: ['mine'], policy: 'skip' }, connection);
    await stage.clock.advance(10);
    for (let n = 0; n < 50; n += 1) stage.publish(n % 5 === 0 ? 'mine' : 'other', n);
    await stage.clock.advance(10);
    expect(numbers(connection)).toEqual([0, 5, 10, 15, 20, 25, 30, 35, 40, 45]);
    expect(gapsOf(connection)).toEqual([]);
    connection.stall();
    for (let n = 0; n < 10; n += 1) stage.publish('mine', pad);
    await stage.clock.advance(50);
    for (let n = 0; n < 12; n += 1) stage.publish(n % 3 === 0 ? 'mine' : 'other', n);
    await stage.clock.advance(2500);
    connection.read(Number.POSITIVE_INFINITY);
    await stage.clock.advance(50);
    const got = new Set(connection.events.map(({ id }) => id));
    const [gap] = gapsOf(connection);
    expect(gapsOf(connection)).toHaveLength(1);
    expect(gap).toMatchObject({ reason: 'slow', to: 'e1.72' });
    const all = 10 + 10 + 4;
    expect(gap?.count).toBe(all - got.size);
  });
});

describe('7: a pump waits for the drain of a connection that is closed, for ever (fastagent #37)', () => {
  test.each(['blocked', 'catching up'])('who is %s and goes away leaves nothing', async (how) => {
    using stage = new HubStage();
    fill(stage, 200);
    await stage.clock.advance(500);
    const idle = stage.clock.pending;
    const connection = small();
    let closed = 0;
    if (how === 'blocked') connection.stall();
    stage.watch({ since: 'e1.0', onClosed: () => (closed += 1) }, connection);
    await stage.clock.advance(how === 'blocked' ? 100 : 0);
    connection.terminate();
    const { length } = connection.got;
    fill(stage, 10);
    await stage.clock.advance(1000);
    connection.read(Number.POSITIVE_INFINITY);
    fill(stage, 10);
    await stage.clock.advance(1000);
    expect(closed).toBe(1);
    expect(stage.hub.subscribers.size).toBe(0);
    expect(stage.clock.pending).toBe(idle);
    // What was on its way, and nothing after it.
    expect(connection.got.length - length).toBeLessThanOrEqual(highWater + 64 * 1024);
    expect(connection.events.every(({ id }) => Number(id.slice(3)) <= 200)).toBe(true);
    expect(stage.slow).toEqual([]);
  });
});

describe('8: what a connection took although it said "no more" is given again (mlx-node #100)', () => {
  test('each comes once, at any high-water mark', async () => {
    for (const mark of [1, 100, 2000, 70_000]) {
      using stage = new HubStage();
      const connection = new MemoryConnection('websocket', mark);
      stage.watch({}, connection);
      await stage.clock.advance(10);
      for (let n = 0; n < 300; n += 1) {
        stage.publish('a', n);
        if (n % 10 === 0) connection.stall();
        if (n % 3 === 0) await stage.clock.advance(1);
        if (n % 10 === 7) connection.read(Number.POSITIVE_INFINITY);
      }
      connection.read(Number.POSITIVE_INFINITY);
      await stage.clock.advance(50);
      expect(numbers(connection)).toEqual(upTo(300));
    }
  });
});

describe('9: who has everything is refused, since the ring has lost it since (Socket.IO #5282)', () => {
  const history = { events: 100, bytes: 1_000_000, ageMs: 60_000 };

  test('an idle night later nothing was missed', async () => {
    using stage = new HubStage({ history });
    const since = stage.publish('a', 1);
    await stage.clock.advance(120_000);
    expect(stage.hub.ring.at(1)).toBeUndefined();
    expect(stage.watch({ since }).connection.messages[0]).toMatchObject({ recovered: true });
    expect(stage.watch({ since: 'e1.0' }).connection.messages[0]).toMatchObject({
      ...{ recovered: false, gap: { reason: 'expired', from: 'e1.1', to: 'e1.1' } },
    });
  });

  test('what is published next comes', async () => {
    using stage = new HubStage({ history });
    const since = stage.publish('a', 1);
    await stage.clock.advance(120_000);
    stage.publish('a', 2);
    const { connection } = stage.watch({ since });
    await stage.clock.advance(10);
    expect(connection.messages[0]).toMatchObject({ recovered: true });
    expect(numbers(connection)).toEqual([2]);
  });
});

describe('10: a connection is full for ever, or nothing is kept while nobody is there (OpenMausBot #939)', () => {
  test('who was full ten times is given everything ten times', async () => {
    using stage = new HubStage();
    const connection = small();
    const { subscriber } = stage.watch({}, connection);
    await stage.clock.advance(10);
    let n = 0;
    for (let round = 0; round < 10; round += 1) {
      connection.stall();
      for (let count = 0; count < 30; count += 1) stage.publish('a', n++);
      // Full by an answer as well as by events.
      while (!connection.full) subscriber.tell({ type: 'error', code: 'invalid_request', message: pad });
      await stage.clock.advance(20);
      expect(connection.full).toBe(true);
      connection.read(Number.POSITIVE_INFINITY);
      await stage.clock.advance(20);
      expect(numbers(connection)).toEqual(upTo(n));
      expect(subscriber.position).toBe('live');
    }
  });

  test('what was published to nobody is there for the first who comes', async () => {
    using stage = new HubStage();
    for (let n = 0; n < 10; n += 1) stage.publish('a', n);
    await stage.clock.advance(1000);
    const { connection } = stage.watch({ since: 'e1.0' });
    await stage.clock.advance(10);
    expect(numbers(connection)).toEqual(upTo(10));
  });
});
