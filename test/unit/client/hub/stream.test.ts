// A stream over real sockets, of both kinds; random faults are in test/sim/client.
import { describe, expect, test } from 'vitest';
import { events } from '../../../../src/client/index.ts';
import { until } from '../../../support/poll.ts';
import { nobodysUrl } from '../fake-gateway.ts';
import { fakeHub, welcome } from './fake-hub.ts';
import { failureOf, kinds, soon, take, watched } from './watching.ts';

describe.each(kinds)('over %s', (name, options) => {
  test('a loop has the events, asks for what it was told to, and a break closes the connection', async () => {
    await using hub = await fakeHub({
      onWatch(watcher) {
        watcher.control(welcome());
        watcher.send('{"id":"one.1","topic":"machine.press","ts":7,"data":{"big":12345678901234567890}}');
        watcher.event('one.2', 'machine.saw');
      },
    });
    const seen: unknown[] = [];
    for await (const event of events(hub.url, {
      ...options,
      ...{ topics: ['machine.>', 'x'], client: 'me', policy: 'skip', snapshot: true, token: 'T' },
    })) {
      seen.push(event.raw, event.topic, event.ts, event.data);
      break;
    }
    expect(seen).toEqual([
      '{"id":"one.1","topic":"machine.press","ts":7,"data":{"big":12345678901234567890}}',
      'machine.press',
      7,
      { big: 12345678901234567000 },
    ]);
    const [watcher] = hub.watchers;
    const asked = Object.fromEntries(watcher?.query ?? []);
    expect(asked).toMatchObject({ topics: 'machine.>,x', client: 'me', policy: 'skip', snapshot: '1' });
    expect(asked['since']).toBeUndefined();
    const sse = options.transport === 'sse';
    expect(sse ? watcher?.headers.authorization : asked['token']).toBe(sse ? 'Bearer T' : 'T');
    expect(asked['ping']).toBe(sse ? undefined : '1');
    await watcher?.closed;
  });

  test('without topics it asks for none, has what it is granted, and asks for that when it comes back', async () => {
    await using hub = await fakeHub({
      onWatch: (watcher) => watcher.control(welcome({ topics: ['m.>', 'door'] })),
    });
    await using stream = events(hub.url, options);
    await stream.opened;
    expect((await watched(hub, 1))?.query.get('topics')).toBeNull();
    await until(() => stream.topics.length > 0, { ...soon, what: 'the welcome' });
    expect(stream.topics).toEqual(['m.>', 'door']);
    hub.watchers[0]?.cut();
    expect((await watched(hub, 2))?.query.get('topics')).toBe('m.>,door');
  });

  test('a connection that is cut comes back from the last id, as the same watcher, and drops what it has had', async () => {
    await using hub = await fakeHub({
      onWatch(watcher, count) {
        if (count === 1) {
          watcher.control(welcome({ client: 'given', head: 'one.5' }));
          watcher.event('one.6');
          watcher.event('one.7');
        } else {
          watcher.control(welcome({ client: 'given', head: 'one.9', recovered: true }));
          for (const seq of [6, 7, 8, 8, 9]) watcher.event(`one.${seq}`);
        }
      },
    });
    await using stream = events(hub.url, options);
    const told: unknown[] = [];
    stream.on('reconnecting', ({ attempt }) => told.push(attempt));
    stream.on('gap', (gap) => told.push(gap));
    expect(await take(stream, 2)).toEqual(['one.6', 'one.7']);
    expect(stream.lastId).toBe('one.7');
    hub.watchers[0]?.cut();
    expect(await take(stream, 2)).toEqual(['one.8', 'one.9']);
    const query = hub.watchers[1]?.query;
    expect([query?.get('since'), query?.get('client')]).toEqual(['one.7', 'given']);
    expect(told).toEqual([1]);
    expect(stream.client).toBe('given');
  });

  test('without an event it comes back from where it began; another epoch is a gap, told before what follows', async () => {
    await using hub = await fakeHub({
      onWatch(watcher, count) {
        if (count === 1) return watcher.control(welcome({ head: 'one.5' }));
        if (count === 2) {
          const gap = { from: 'one.5', to: 'two.0', count: null, reason: 'epoch' } as const;
          watcher.control(welcome({ epoch: 'two', head: 'two.2', recovered: false, gap }));
          watcher.event('two.1');
          watcher.event('two.2');
          return;
        }
        watcher.control(welcome({ epoch: 'three', head: 'three.4' }));
        watcher.event('three.5');
      },
    });
    await using stream = events(hub.url, options);
    const order: unknown[] = [];
    stream.on('gap', ({ reason, from, to }) => order.push(`${reason} ${from} ${to}`));
    await watched(hub, 1);
    await stream.opened;
    const first = stream.next();
    await until(() => stream.client, { ...soon, what: 'the welcome' });
    hub.watchers[0]?.cut();
    order.push((await first).value?.id);
    expect(hub.watchers[1]?.query.get('since')).toBe('one.5');
    await until(() => stream.unread === 1, { ...soon, what: 'one unread event' });
    hub.watchers[1]?.cut();
    await until(() => stream.unread === 2, { ...soon, what: 'two unread events' });
    for (const _ of [1, 2]) order.push((await stream.next()).value?.id);
    expect(hub.watchers[2]?.query.get('since')).toBe('two.2');
    // The last gateway did not say so itself.
    expect(order).toEqual(['epoch one.5 two.0', 'two.1', 'two.2', 'epoch two.2 three.4', 'three.5']);
  });

  test('a snapshot comes before what is newer, in any order, once', async () => {
    await using hub = await fakeHub({
      onWatch(watcher, count) {
        watcher.control(welcome({ head: 'one.9' }));
        if (count === 1) watcher.event('one.7', 'b');
        else
          for (const [seq, topic] of [
            [7, 'b'],
            [3, 'a'],
            [10, 'b'],
            [9, 'c'],
          ] as const)
            watcher.event(`one.${seq}`, topic);
      },
    });
    await using stream = events(hub.url, { ...options, snapshot: true });
    expect(await take(stream, 1)).toEqual(['one.7']);
    hub.watchers[0]?.cut();
    expect(await take(stream, 2)).toEqual(['one.3', 'one.10']);
    const query = hub.watchers[1]?.query;
    expect([query?.get('since'), query?.get('snapshot')]).toEqual(['one.9', '1']);
    hub.watchers[1]?.cut();
    expect((await watched(hub, 3)).query.get('snapshot')).toBeNull();
  });

  test('who was too slow comes back, and is told why; lag is told at once', async () => {
    const evicted = { reason: 'unsent', ms: 2300, lastId: 'one.1', ts: 5 } as const;
    await using hub = await fakeHub({
      onWatch(watcher, count) {
        watcher.control(welcome(count === 1 ? {} : { recovered: true, evicted }));
        if (count > 1) return watcher.event('one.2');
        watcher.event('one.1');
        watcher.control({ type: 'lag', ms: 1200, events: 40 });
        watcher.control({ type: 'bye', code: 4408, reason: 'slow', retryMs: 0 });
        watcher.end(4408);
      },
    });
    await using stream = events(hub.url, options);
    const told: unknown[] = [];
    for (const type of ['lag', 'bye', 'evicted'] as const)
      stream.on(type, (facts) => told.push({ ...facts }));
    expect(await take(stream, 2)).toEqual(['one.1', 'one.2']);
    expect(told).toEqual([
      { type: 'lag', ms: 1200, events: 40 },
      { type: 'bye', code: 4408, reason: 'slow', retryMs: 0 },
      evicted,
    ]);
  });

  test('a gateway that leaves is waited for as long as it said, and a little longer', async () => {
    let leftMs = 0;
    let backMs = 0;
    await using hub = await fakeHub({
      onWatch(watcher, count) {
        watcher.control(welcome());
        if (count > 1) {
          backMs = performance.now();
          return watcher.event('one.1');
        }
        leftMs = performance.now();
        const bye = { type: 'bye', code: 1001, reason: 'leaving', retryMs: 150 } as const;
        if (options.transport === 'sse') {
          watcher.raw(`retry: 150\nevent: control\ndata: ${JSON.stringify(bye)}\n\n`);
        } else watcher.control(bye);
        watcher.end(1001);
      },
    });
    await using stream = events(hub.url, options);
    expect(await take(stream, 1)).toEqual(['one.1']);
    expect(backMs - leftMs).toBeGreaterThanOrEqual(149);
  });

  test.each([
    [401, 'unauthorized'],
    [403, 'topic_not_allowed'],
    [400, 'invalid_topic'],
  ])('refused with %s: told once, and not asked again', async (status, code) => {
    await using hub = await fakeHub({ refusal: { status, body: { error: { code, message: 'no' } } } });
    const stream = events(hub.url, options);
    const error = await failureOf(stream.next());
    expect([error.code, error.message]).toEqual([code, 'no']);
    expect((await failureOf(stream.opened)).code).toBe(code);
    expect(await stream.closed).toMatchObject({ cause: 'refused', reason: 'no' });
    expect(await stream.next()).toEqual({ value: undefined, done: true });
  });

  test('refused for what it asks for: told in the words for that', async () => {
    const answer = { status: 400, body: { error: { code: 'mixed_topics', message: 'one or the other' } } };
    await using hub = await fakeHub({ refusesTopic: { topic: 'greenroom.>', answer } });
    const stream = events(hub.url, { ...options, topics: ['a', 'greenroom.>'], client: 'me' });
    expect(await failureOf(stream.next())).toMatchObject({
      code: 'mixed_topics',
      message: 'one or the other',
    });
    expect((await stream.closed).cause).toBe('refused');
  });

  test('refused when it comes back, it does not come a third time', async () => {
    await using hub = await fakeHub();
    const stream = events(hub.url, options);
    await stream.opened;
    await until(() => stream.client, { ...soon, what: 'the welcome' });
    hub.refuse({ status: 401, body: { error: { code: 'unauthorized', message: 'another token' } } });
    hub.watchers[0]?.cut();
    const error = await failureOf(stream.next());
    expect(error.code).toBe('unauthorized');
    expect(await stream.closed).toMatchObject({
      cause: 'refused',
      reason: expect.stringContaining('another token'),
    });
  });

  test('1008 is for good, with what the gateway said before', async () => {
    await using hub = await fakeHub({
      onWatch(watcher) {
        watcher.control(welcome());
        watcher.control({ type: 'error', code: 'mixed_topics', message: 'one or the other' });
        watcher.close(1008, 'one or the other');
      },
    });
    const stream = events(hub.url, options);
    const error = await failureOf(stream.next());
    expect(error.code).toBe('mixed_topics');
    expect(error.message).toContain('one or the other');
    expect(await stream.closed).toMatchObject({ cause: 'refused', code: 1008 });
    expect(hub.watchers.length).toBe(1);
  });

  test('nobody there: told at once, with the address', async () => {
    const url = await nobodysUrl();
    const stream = events(url, options);
    const error = await failureOf(stream.next());
    expect(error.code).toBe('gateway_unreachable');
    expect(error.message).toContain(url.replace('http://', ''));
    expect(await stream.closed).toMatchObject({ cause: 'lost' });
  });

  test('closed while it connects, and aborted, before and after: everything ends, nothing is thrown', async () => {
    await using hub = await fakeHub({ refusal: 'never' });
    const stream = events(hub.url, options);
    const reading = stream.next();
    expect(await stream.close()).toMatchObject({ cause: 'asked' });
    expect(await reading).toEqual({ value: undefined, done: true });
    await failureOf(stream.opened);

    const before = events(hub.url, { ...options, signal: AbortSignal.abort() });
    expect(await before.closed).toMatchObject({ cause: 'asked' });

    await using well = await fakeHub({
      onWatch(watcher) {
        watcher.control(welcome());
        watcher.event('one.1');
        watcher.event('one.2');
      },
    });
    const abort = new AbortController();
    const seen: string[] = [];
    for await (const { id } of events(well.url, { ...options, signal: abort.signal })) {
      seen.push(id);
      abort.abort();
    }
    expect(seen).toEqual(['one.1']);
    await well.watchers[0]?.closed;
  });

  test('pings are answered with the last event that the reader is done with', async () => {
    await using hub = await fakeHub({
      onWatch(watcher) {
        watcher.control(welcome({ head: 'one.4' }));
        for (const seq of [5, 6]) watcher.event(`one.${seq}`);
        watcher.control({ type: 'ping', id: 'one.6' });
      },
    });
    await using stream = events(hub.url, { ...options, pings: true });
    const pongs = () =>
      hub.watchers[0]?.received.flatMap((request) => (request.type === 'pong' ? [request.id] : [])) ?? [];
    await until(() => pongs().length === 1, { ...soon, what: 'a pong' });
    await take(stream, 1);
    hub.watchers[0]?.control({ type: 'ping', id: 'one.6' });
    await until(() => pongs().length === 2, { ...soon, what: 'a second pong' });
    await take(stream, 1);
    hub.watchers[0]?.control({ type: 'ping', id: 'one.6' });
    await until(() => pongs().length === 3, { ...soon, what: 'a third pong' });
    expect(pongs()).toEqual(['one.4', 'one.4', 'one.5']);
  });

  test('a gateway that was started anew is answered with what it knows', async () => {
    await using hub = await fakeHub({
      onWatch(watcher, count) {
        const epoch = count === 1 ? 'one' : 'two';
        watcher.control(welcome({ epoch, head: `${epoch}.4` }));
        if (count === 1) for (const seq of [5, 6]) watcher.event(`one.${seq}`);
        else watcher.control({ type: 'ping', id: 'two.4' });
      },
    });
    await using stream = events(hub.url, { ...options, pings: true });
    await take(stream, 2);
    const none = stream.next();
    hub.watchers[0]?.cut();
    await until(() => hub.watchers[1]?.received.length === 1, { ...soon, what: 'a pong' });
    expect(hub.watchers[1]?.received).toEqual([{ type: 'pong', id: 'two.4' }]);
    await stream.close();
    expect(await none).toMatchObject({ done: true });
  });

  test('what is unread is bounded, and nothing of it is lost', async () => {
    const total = 500;
    await using hub = await fakeHub({
      onWatch(watcher) {
        const from = Number(watcher.query.get('since')?.split('.')[1] ?? 0);
        watcher.control(welcome({ head: `one.${from}` }));
        for (let seq = from + 1; seq <= total; seq += 1) watcher.event(`one.${seq}`, 'a', 'x'.repeat(1000));
      },
    });
    await using stream = events(hub.url, { ...options, unread: { events: 20 } });
    await until(() => stream.unread >= 20, { ...soon, what: 'a full store' });
    let most = 0;
    for (let seq = 1; seq <= total; seq += 1) {
      const { value } = await stream.next();
      expect(value?.id).toBe(`one.${seq}`);
      most = Math.max(most, stream.unread);
    }
    // Of what can be paused, what was under way comes still: a piece of the network's.
    expect(most).toBeLessThan(150);
    if (name !== 'the global WebSocket') expect(hub.watchers.length).toBe(1);
    else expect(hub.watchers.length).toBeGreaterThan(1);
  });

  test('what is no event is told, and the stream goes on', async () => {
    await using hub = await fakeHub({
      onWatch(watcher) {
        watcher.control(welcome());
        for (const text of [
          'nonsense',
          '[1]',
          '{"id":"x","topic":"a","ts":1}',
          '{"type":"gap"}',
          '{"type":"newer"}',
        ])
          watcher.send(text);
        watcher.event('one.1');
      },
    });
    await using stream = events(hub.url, options);
    const codes: string[] = [];
    stream.on('error', ({ code }) => codes.push(code));
    stream.on('error', () => stream.on('gap', () => undefined)());
    expect(await take(stream, 1)).toEqual(['one.1']);
    expect(codes).toEqual(['protocol_error', 'protocol_error', 'protocol_error', 'protocol_error']);
  });

  test('the gateway ends it properly: the loop ends, without an error', async () => {
    await using hub = await fakeHub({
      onWatch(watcher) {
        watcher.control(welcome());
        watcher.event('one.1');
        watcher.control({ type: 'bye', code: 1001, reason: 'gone for good', retryMs: null });
        watcher.end(1001);
      },
    });
    const seen: string[] = [];
    const stream = events(hub.url, options);
    for await (const { id } of stream) seen.push(id);
    expect(seen).toEqual(['one.1']);
    expect(await stream.closed).toMatchObject({ cause: 'shutdown' });
  });
});

test('what is given is checked when it is given', () => {
  const message = (run: () => unknown) => {
    try {
      run();
    } catch (error) {
      return (error as Error).message;
    }
    return 'nothing was thrown';
  };
  const url = 'http://127.0.0.1:9';
  expect(message(() => events(7 as never))).toBe('url: expected a string, got 7');
  expect(message(() => events('ftp://x'))).toContain('expected ws://');
  expect(message(() => events(url, { topic: 'a' } as never))).toContain(
    'topic: unknown; there are topics, since',
  );
  expect(message(() => events(url, { topics: [] }))).toContain('topics: expected a list of topics');
  expect(message(() => events(url, { topics: ['a,b'] }))).toContain(
    'topics[0]: expected a topic without a comma',
  );
  expect(message(() => events(url, { client: 'a b' }))).toContain('client: expected 1 to 64 letters');
  expect(message(() => events(url, { since: '12' }))).toContain('since: expected the id of an event');
  expect(message(() => events(url, { unread: { events: 0 } }))).toContain(
    'unread.events: expected a finite number',
  );
  expect(message(() => events(url, { transport: 'tcp' as never }))).toContain('"websocket" or "sse"');
});
