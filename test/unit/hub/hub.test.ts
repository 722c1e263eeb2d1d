// What a watcher gets, in what order, and what it is told of what it does not get.
import { describe, expect, test } from 'vitest';
import { HubStage, MemoryConnection } from './hub-stage.ts';

const data = ({ data: its }: { readonly data: unknown }) => its;

describe('a watcher', () => {
  test('is welcomed, and given what is published from then on, in order, byte for byte', async () => {
    using stage = new HubStage();
    stage.publish('a', 'before');
    const { connection } = stage.watch();
    stage.hub.publish({ topic: 'machine.one', key: null, data: Buffer.from('{"n": 12345678901234567890}') });
    stage.publish('b', [1]);
    await stage.clock.advance(10);
    expect(connection.messages[0]).toEqual({
      ...{ type: 'welcome', epoch: 'e1', head: 'e1.1', client: 'w1', topics: ['>'] },
    });
    expect(connection.got.toString('latin1')).toContain('"data":{"n": 12345678901234567890}}');
    expect(connection.events.map(({ id, topic }) => `${id} ${topic}`)).toEqual([
      'e1.2 machine.one',
      'e1.3 b',
    ]);
    expect(connection.events[1]).toEqual({ id: 'e1.3', topic: 'b', ts: expect.any(Number), data: [1] });
  });

  test('sees its topics only, changed in flight at an exact place', async () => {
    using stage = new HubStage();
    const { connection, subscriber } = stage.watch({ topics: ['machine.*'] });
    stage.publish('machine.a', 1);
    stage.publish('other', 2);
    stage.hub.change(subscriber, { how: 'subscribe', patterns: ['other'], snapshot: false });
    stage.publish('other', 3);
    stage.hub.change(subscriber, { how: 'unsubscribe', patterns: ['machine.*'], snapshot: false });
    stage.publish('machine.a', 4);
    stage.publish('other', 5);
    await stage.clock.advance(10);
    expect(
      connection.messages.slice(1).map((message) => ('type' in message ? message : message.data)),
    ).toEqual([
      1,
      { type: 'subscribed', topics: ['machine.*', 'other'], head: 'e1.2' },
      3,
      { type: 'unsubscribed', topics: ['other'], head: 'e1.3' },
      5,
    ]);
  });

  test('is told what the ring loses of its new topics before it gets to them', async () => {
    using stage = new HubStage({ history: { events: 10, bytes: 1_000_000, ageMs: 1_000_000 } });
    const { connection, subscriber } = stage.watch({ topics: ['mine'] });
    await stage.clock.advance(10);
    for (let n = 0; n < 3; n += 1) stage.publish('other', n);
    stage.hub.change(subscriber, { how: 'subscribe', patterns: ['other'], snapshot: false });
    for (let n = 0; n < 30; n += 1) stage.publish('other', n);
    await stage.clock.advance(10);
    expect(connection.controls.slice(1)).toMatchObject([
      { type: 'subscribed', head: 'e1.3' },
      { type: 'gap', from: 'e1.4', to: 'e1.23', reason: 'expired' },
    ]);
    expect(connection.events.map(({ id }) => id)).toEqual(
      Array.from({ length: 10 }, (_, n) => `e1.${n + 24}`),
    );
  });

  test('is shown the newest event of each topic first, also of those that the ring has lost', async () => {
    using stage = new HubStage({ history: { events: 2, bytes: 1_000_000, ageMs: 1_000_000 } });
    for (const [topic, n] of [
      ['a', 1],
      ['b', 2],
      ['a', 3],
      ['c', 4],
      ['c', 5],
    ] as const)
      stage.publish(topic, n);
    const { connection, subscriber } = stage.watch({ topics: ['a', 'b'], snapshot: true });
    stage.publish('a', 6);
    await stage.clock.advance(10);
    expect(connection.events.map(data)).toEqual([2, 3, 6]);
    stage.hub.change(subscriber, { how: 'subscribe', patterns: ['c'], snapshot: true });
    stage.publish('c', 7);
    await stage.clock.advance(10);
    expect(connection.events.map(data)).toEqual([2, 3, 6, 5, 7]);
  });

  test('gets everything since its id, and what comes meanwhile, without a seam', async () => {
    using stage = new HubStage();
    const ids = Array.from({ length: 5000 }, (_, n) => stage.publish(n % 2 ? 'odd' : 'even', n));
    const { connection } = stage.watch({ topics: ['odd'], since: ids[9] });
    for (let n = 5000; n < 5100; n += 1) stage.publish(n % 2 ? 'odd' : 'even', n);
    await stage.clock.advance(100);
    expect(connection.messages[0]).toMatchObject({ type: 'welcome', recovered: true });
    expect(connection.events.map(data)).toEqual(
      Array.from({ length: 5090 }, (_, n) => n + 10).filter((n) => n % 2),
    );
    expect(connection.overfed).toBe(0);
  });

  test.each([
    [
      'of an epoch that is over',
      'e0.7',
      { recovered: false, gap: { from: 'e0.7', to: 'e1.7', count: null, reason: 'epoch' } },
      [8, 9, 10],
    ],
    [
      'that was not yet',
      'e1.11',
      { recovered: false, gap: { from: 'e1.11', to: 'e1.10', count: null, reason: 'ahead' } },
      [],
    ],
    [
      'that the ring has lost',
      'e1.3',
      { recovered: false, gap: { from: 'e1.4', to: 'e1.7', count: null, reason: 'expired' } },
      [8, 9, 10],
    ],
    ['whose successor is the oldest kept', 'e1.7', { recovered: true }, [8, 9, 10]],
    ['that is the newest', 'e1.10', { recovered: true }, []],
  ])('with an id %s', async (_, since, welcome, got) => {
    using stage = new HubStage({ history: { events: 3, bytes: 1_000_000, ageMs: 1_000_000 } });
    for (let n = 1; n <= 10; n += 1) stage.publish('a', n);
    const { connection } = stage.watch({ since });
    await stage.clock.advance(10);
    expect(connection.messages[0]).toEqual({
      ...{ type: 'welcome', epoch: 'e1', head: 'e1.10', client: 'w1', topics: ['>'] },
      ...welcome,
    });
    expect(connection.events.map(data)).toEqual(got);
  });

  test('that was idle has missed nothing when the ring has lost only what was not for it', async () => {
    using stage = new HubStage({ history: { events: 3, bytes: 1_000_000, ageMs: 1_000_000 } });
    const since = stage.publish('mine', 1);
    for (let n = 1; n <= 10; n += 1) stage.publish('other', n);
    expect(stage.watch({ topics: ['mine'], since }).connection.messages[0]).toMatchObject({
      recovered: true,
    });
    const { connection } = stage.watch({ topics: ['mine', 'other'], since });
    expect(connection.messages[0]).toMatchObject({ recovered: false, gap: { reason: 'expired' } });
  });

  test('is probed in band when it asks for it, and says what it has processed', async () => {
    using stage = new HubStage();
    const { connection, subscriber } = stage.watch({ pings: true });
    stage.publish('a', 1);
    await stage.clock.advance(400);
    expect(connection.messages.at(-1)).toEqual({ type: 'ping', id: 'e1.1' });
    stage.hub.processed(subscriber, 1);
    expect(stage.hub.measures.acknowledged.count).toBe(1);
    await stage.clock.advance(15_000);
    expect(stage.slow).toEqual([]);
  });

  test('and says so by what was for it, or is still to be worked on: that is an answer all the same', async () => {
    using stage = new HubStage();
    const { connection, subscriber } = stage.watch({ topics: ['mine'], pings: true });
    stage.publish('mine', 1);
    for (let n = 0; n < 60; n += 1) {
      stage.publish('other', n);
      stage.publish('mine', n);
      stage.publish('other', n);
      await stage.clock.advance(500);
      if (connection.controls.at(-1)?.type === 'ping') stage.hub.processed(subscriber, 1);
    }
    expect(connection.closing).toBeUndefined();
    expect(stage.slow).toEqual([]);
    // What was processed long ago is not processed anew each time that it is asked.
    expect(stage.hub.measures.acknowledged.count).toBe(1);
  });
});

describe('who is slow', () => {
  const flood = (stage: HubStage, count: number) => {
    for (let n = 0; n < count; n += 1) stage.publish('a', `${n} ${'x'.repeat(1000)}`);
  };

  test('is warned at 1 s and sent away at 2 s, and told why when it comes back, with everything', async () => {
    using stage = new HubStage();
    const { connection } = stage.watch();
    const other = stage.watch({ client: 'w2' }).connection;
    flood(stage, 1);
    await stage.clock.advance(10);
    connection.stall();
    flood(stage, 200);
    await stage.clock.advance(50);
    flood(stage, 100);
    await stage.clock.advance(1000);
    expect(stage.slow).toEqual([]);
    await stage.clock.advance(400);
    expect(stage.slow).toEqual([{ client: 'w1', state: 'lagging' }]);
    await stage.clock.advance(1000);
    expect(stage.slow.at(-1)).toEqual({ client: 'w1', state: 'evicted' });
    expect(connection.closing?.code).toBe(4408);
    expect(other.events).toHaveLength(301);
    connection.terminate();
    const since = connection.events.at(-1)?.id;
    const back = stage.watch({ since }).connection;
    await stage.clock.advance(10);
    expect(back.messages[0]).toMatchObject({ recovered: true, evicted: { reason: 'unsent' } });
    expect([...connection.events, ...back.events].map(data)).toEqual(other.events.map(data));
    expect(stage.watch({ since }).connection.messages[0]).not.toHaveProperty('evicted');
  });

  test('is found out by a probe when the kernel takes everything', async () => {
    using stage = new HubStage();
    const connection = new MemoryConnection('websocket', Number.POSITIVE_INFINITY);
    stage.watch({}, connection);
    await stage.clock.advance(10);
    connection.stall();
    for (let n = 0; n < 60; n += 1) {
      stage.publish('a', n);
      await stage.clock.advance(250);
      if (connection.closing) break;
    }
    expect(connection.closing).toEqual({
      code: 4408,
      reason: expect.stringMatching(/^slow: (silent|unsent)/),
    });
  });

  test('is no younger for taking a part now and then', async () => {
    using stage = new HubStage();
    const connection = new MemoryConnection('websocket', 4096);
    stage.watch({}, connection);
    await stage.clock.advance(10);
    connection.stall();
    flood(stage, 1000);
    let ms = 0;
    for (; ms < 10_000 && !connection.closing; ms += 100) {
      connection.read(1024);
      flood(stage, 1);
      await stage.clock.advance(100);
    }
    expect(connection.closing?.code).toBe(4408);
    expect(ms).toBeLessThan(2500);
    expect(connection.overfed).toBe(0);
  });

  test('is not who takes all of it in time, though something is always on its way', async () => {
    using stage = new HubStage();
    const { connection, subscriber } = stage.watch();
    await stage.clock.advance(10);
    connection.stall();
    flood(stage, 1);
    for (let n = 0; n < 150; n += 1) {
      await stage.clock.advance(10);
      flood(stage, 1);
      await stage.clock.advance(1);
      connection.read(Math.floor(connection.pendingBytes / 2));
      expect(connection.pendingBytes).toBeGreaterThan(0);
    }
    expect(stage.slow).toEqual([]);
    connection.stall();
    await stage.clock.advance(900);
    expect(subscriber.unsentMs).toBeGreaterThanOrEqual(900);
    expect(subscriber.unsentMs).toBeLessThan(930);
  });

  test('is not who only catches up, at the pace of its line', async () => {
    using stage = new HubStage();
    flood(stage, 1000);
    const connection = new MemoryConnection('websocket', 16_384);
    connection.stall();
    stage.watch({ since: 'e1.0' }, connection);
    for (let ms = 0; ms < 20_000 && connection.events.length < 1000; ms += 100) {
      connection.read(8192);
      await stage.clock.advance(100);
    }
    expect(connection.events).toHaveLength(1000);
    expect(stage.slow).toEqual([]);
  });

  test('does not become so because our own loop was held', async () => {
    using stage = new HubStage();
    const { connection } = stage.watch();
    await stage.clock.advance(10);
    connection.stall();
    flood(stage, 200);
    await stage.clock.advance(10);
    stage.clock.hold(15_000);
    connection.read(Number.POSITIVE_INFINITY);
    await stage.clock.advance(1000);
    expect(stage.slow).toEqual([]);
    expect(connection.events).toHaveLength(200);
  });

  test('skips, when it asked for that, and is told what it has not got, once', async () => {
    using stage = new HubStage();
    const { connection } = stage.watch({ policy: 'skip' });
    await stage.clock.advance(10);
    connection.stall();
    flood(stage, 200);
    await stage.clock.advance(10);
    for (let n = 0; n < 100; n += 1) {
      flood(stage, 10);
      await stage.clock.advance(100);
    }
    connection.read(Number.POSITIVE_INFINITY);
    flood(stage, 1);
    await stage.clock.advance(10);
    const gaps = connection.controls.filter(({ type }) => type === 'gap');
    const got = connection.events.map(({ id }) => Number(id.split('.')[1]));
    const missing = Array.from({ length: stage.hub.ring.head }, (_, n) => n + 1).filter(
      (n) => !got.includes(n),
    );
    expect(gaps).toEqual([
      {
        type: 'gap',
        from: `e1.${missing[0]}`,
        to: `e1.${missing.at(-1)}`,
        count: missing.length,
        reason: 'slow',
      },
    ]);
    expect(missing.at(-1)! - missing[0]!).toBe(missing.length - 1);
    expect(connection.closing).toBeUndefined();
  });

  test.each([
    [
      'what it has asked for meanwhile',
      ['b'],
      [{ type: 'gap', from: 'e1.2', to: 'e1.101', count: null, reason: 'slow' }],
    ],
    ['nothing that it wants', [], []],
  ])('and skips %s is told so, and no number that is wrong', async (_, patterns, told) => {
    using stage = new HubStage();
    const connection = new MemoryConnection('websocket', 1);
    const { subscriber } = stage.watch({ topics: ['a'], policy: 'skip' }, connection);
    await stage.clock.advance(10);
    connection.stall();
    stage.publish('a', 'before');
    // It has been warned.
    await stage.clock.advance(1500);
    if (patterns.length > 0) stage.hub.change(subscriber, { how: 'subscribe', patterns, snapshot: false });
    for (let n = 0; n < 100; n += 1) stage.publish('b', n);
    await stage.clock.advance(5000);
    connection.read(Number.POSITIVE_INFINITY);
    await stage.clock.advance(10);
    stage.publish('a', 'after');
    await stage.clock.advance(10);
    expect(connection.controls.filter(({ type }) => type === 'gap')).toEqual(told);
    expect(connection.events.map(data)).toEqual(['before', 'after']);
  });

  test('and shows no sign of life goes in the end, whatever its policy', async () => {
    using stage = new HubStage();
    const { connection } = stage.watch({ policy: 'skip' });
    await stage.clock.advance(10);
    connection.stall();
    for (let n = 0; n < 700 && !connection.closing; n += 1) {
      flood(stage, 1);
      await stage.clock.advance(100);
    }
    expect(connection.closing?.code).toBe(4408);
  });

  test('in its answers is sent away too: it cannot make us keep them', async () => {
    using stage = new HubStage();
    const { connection, subscriber } = stage.watch();
    await stage.clock.advance(10);
    connection.stall();
    flood(stage, 200);
    await stage.clock.advance(10);
    for (let n = 0; n < 100; n += 1)
      subscriber.tell({ type: 'error', code: 'invalid_request', message: 'no' });
    expect(connection.closing?.code).toBe(1008);
  });
});

describe('leaving', () => {
  test('who is on its way out leaves nothing behind, whatever it asks for', async () => {
    using stage = new HubStage();
    const { connection, subscriber } = stage.watch();
    await stage.clock.advance(10);
    connection.stall();
    subscriber.leave(1008, 'enough', null);
    const ask = (pattern: string) =>
      stage.hub.change(subscriber, { how: 'subscribe', patterns: [pattern], snapshot: false });
    for (let n = 0; n < 100; n += 1) ask(`t${n}`);
    connection.terminate();
    ask('late');
    expect(stage.hub.views.size).toBe(0);
  });

  test('gives everybody the last event, says goodbye, and asks them to come back at different times', async () => {
    let n = 0;
    using stage = new HubStage({ random: () => (n++ % 100) / 100 });
    const connections = Array.from({ length: 1000 }, (_, at) => stage.watch({ client: `w${at}` }).connection);
    const stalled = stage.watch({ client: 'stalled' }).connection;
    await stage.clock.advance(100);
    stalled.stall();
    stage.publish('a', 'the last');
    const left = stage.hub.leave(stage.deadline(1000));
    await stage.clock.advance(1000);
    expect(await left).toEqual({ watchers: 1001, terminated: 1 });
    const retries = new Set<unknown>();
    for (const { messages, closing } of connections) {
      expect(messages.at(-2)).toMatchObject({ data: 'the last' });
      expect(messages.at(-1)).toMatchObject({ type: 'bye', code: 1001 });
      expect(closing?.code).toBe(1001);
      const bye = messages.at(-1);
      if (bye && 'retryMs' in bye) retries.add(bye.retryMs);
    }
    expect(retries.size).toBeGreaterThan(50);
    expect(() => stage.publish('a', 1)).toThrow(expect.objectContaining({ code: 'server_shutdown' }));
    expect(stage.clock.pending).toBe(0);
  });
});
