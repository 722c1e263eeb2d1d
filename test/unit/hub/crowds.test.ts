// A watcher that asks for much at once, one that nobody can tell from an attack, and its goodbye.
import { describe, expect, test } from 'vitest';
import { HubStage, MemoryConnection } from './hub-stage.ts';

const pad = 'x'.repeat(1000);

describe('who asks for each of its topics by itself', () => {
  test.each([
    ['level', undefined],
    ['catching up', 'e1.0'],
  ])('all at once, %s, gets each answer and every event', async (_, since) => {
    using stage = new HubStage();
    for (let n = 0; n < 500; n += 1) stage.publish('start', pad);
    const { connection, subscriber } = stage.watch({ topics: ['start'], since });
    for (let n = 0; n < 250; n += 1)
      stage.hub.change(subscriber, { how: 'subscribe', patterns: [`t${n}`], snapshot: false });
    for (let n = 0; n < 600; n += 1) subscriber.answer({ type: 'pong', ref: n });
    for (let n = 0; n < 250; n += 1) stage.publish(`t${n}`, n);
    await stage.clock.advance(2000);
    expect(connection.closing).toBeUndefined();
    expect(connection.overfed).toBe(0);
    expect(connection.controls.filter(({ type }) => type === 'subscribed')).toHaveLength(250);
    expect(connection.controls.filter(({ type }) => type === 'pong')).toHaveLength(600);
    expect(connection.events).toHaveLength(250 + (since ? 500 : 0));
  });

  test('and reads nothing, is sent away with the reason, before it costs much', async () => {
    using stage = new HubStage();
    for (let n = 0; n < 5000; n += 1) stage.publish(`t.${n}`, n);
    const { connection, subscriber } = stage.watch(
      { topics: ['none'] },
      new MemoryConnection('websocket', 64),
    );
    connection.stall();
    let changes = 0;
    for (; changes < 2000 && subscriber.position !== 'leaving'; changes += 1) {
      const how = changes % 2 === 0 ? 'subscribe' : 'unsubscribe';
      stage.hub.change(subscriber, { how, patterns: ['t.>'], snapshot: true });
    }
    // It showed them 5 times 5,000 events that wait.
    expect(changes).toBeLessThan(20);
    expect(connection.closing).toEqual({
      code: 1008,
      reason: expect.stringContaining('changes of its topics'),
    });
  });
});

test('why it was sent away is told to the same token only', async () => {
  using stage = new HubStage();
  const { connection } = stage.watch(
    { client: 'c', principal: 'mine' },
    new MemoryConnection('websocket', 64),
  );
  await stage.clock.advance(10);
  connection.stall();
  for (let n = 0; n < 10; n += 1) stage.publish('a', pad);
  await stage.clock.advance(3000);
  expect(connection.closing?.code).toBe(4408);
  const told = (principal: string) => stage.watch({ client: 'c', principal }).connection.controls[0];
  expect(told('theirs')).not.toHaveProperty('evicted');
  // Nor is it gone when it came back without hearing it.
  stage.watch({ client: 'c', principal: 'mine', told: false });
  expect(told('mine')).toMatchObject({ evicted: { reason: 'unsent' } });
});

describe('who comes back and has much to get', () => {
  const replay = async (pauseMs: number) => {
    using stage = new HubStage();
    for (let n = 0; n < 5000; n += 1) stage.publish('a', pad);
    const connection = new MemoryConnection('websocket', 64 * 1024);
    connection.stall();
    const asked: string[] = [];
    // The kernel holds more than is read between two probes: no answer is in sight.
    connection.probe = (probe) => void asked.push(probe);
    stage.watch({ since: 'e1.0' }, connection);
    for (let ms = 0; ms < 400_000 && !connection.closing && connection.events.length < 5000; ms += pauseMs) {
      await stage.clock.advance(pauseMs - 200);
      // A sweep is due before it is given more.
      stage.clock.hold(200);
      connection.read(1_300_000 - connection.room);
      await stage.clock.advance(10);
    }
    return { got: connection.events.length, closing: connection.closing?.code, asked: asked.length };
  };

  test('is not slow at 130 KB/s, of which we hear by the MB', async () => {
    const { asked, ...rest } = await replay(9000);
    expect(rest).toEqual({ got: 5000, closing: undefined });
    expect(asked).toBeGreaterThan(1);
  });

  test('nor at 100 KB/s when the kernel took 4 MB of it at once, and it is level for us long before', async () => {
    using stage = new HubStage();
    for (let n = 0; n < 4000; n += 1) stage.publish('a', pad);
    const connection = new MemoryConnection();
    const asked: { readonly probe: string; readonly atBytes: number }[] = [];
    connection.probe = (probe) => void asked.push({ probe, atBytes: connection.got.length });
    const { subscriber } = stage.watch({ since: 'e1.0' }, connection);
    let readBytes = 0;
    await stage.clock.advance(100);
    expect(asked.length).toBeGreaterThan(10);
    expect(asked.length).toBeLessThan(32);
    for (; readBytes < 4_000_000 && !connection.closing; readBytes += 50_000) {
      while (asked[0] && asked[0].atBytes <= readBytes)
        subscriber.probing.answered(asked.shift()?.probe ?? '');
      await stage.clock.advance(500);
    }
    expect({ closing: connection.closing, position: subscriber.position }).toEqual({
      ...{ closing: undefined, position: 'live' },
    });
    // From now on it is as slow as its answer is old.
    asked.length = 0;
    await stage.clock.advance(20_000);
    expect(connection.closing).toMatchObject({ code: 4408 });
  });

  test('is when nothing at all is taken for 10 s', async () => {
    expect(await replay(12_000)).toMatchObject({ closing: 4408 });
  });
});

describe('leaving', () => {
  test('who was full gets the goodbye too, after what it was given', async () => {
    using stage = new HubStage();
    const { connection } = stage.watch({}, new MemoryConnection('sse', 64));
    await stage.clock.advance(10);
    connection.stall();
    stage.publish('a', pad);
    await stage.clock.advance(10);
    expect(connection.full).toBe(true);
    const left = stage.hub.leave(stage.deadline(1000));
    await stage.clock.advance(500);
    connection.read(Number.POSITIVE_INFINITY);
    const text = connection.got.toString();
    expect(text.indexOf(pad)).toBeGreaterThan(0);
    expect(text.slice(text.indexOf(pad))).toMatch(
      /retry: \d+\nevent: control\ndata: \{"type":"bye","code":1001/,
    );
    await stage.clock.advance(1000);
    await left;
  });

  test('who reads, a little at a time, gets the last event; who does not, holds nobody up', async () => {
    using stage = new HubStage();
    const { connection, subscriber } = stage.watch({}, new MemoryConnection('websocket', 4096));
    const stuck = stage.watch({ client: 'stuck' }, new MemoryConnection('websocket', 4096)).connection;
    await stage.clock.advance(10);
    for (const each of [connection, stuck]) each.stall();
    for (let n = 0; n < 300; n += 1) stage.publish('a', pad);
    stage.publish('a', 'last');
    const left = stage.hub.leave(stage.deadline(1000));
    let ms = 0;
    for (; ms < 1000 && stage.hub.subscribers.has(subscriber); ms += 10) {
      connection.read(20_000);
      await stage.clock.advance(10);
    }
    await stage.clock.advance(1000 - ms);
    expect(await left).toEqual({ watchers: 2, terminated: 1 });
    expect(connection.events.at(-1)?.data).toBe('last');
    expect(connection.controls.at(-1)).toMatchObject({ type: 'bye' });
  });
});
