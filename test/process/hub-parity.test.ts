// What a watcher is promised, once over WebSocket and once over server-sent events: the same table for both, with a real
// gateway and real sockets.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type SlowWatcher, type SlowWatcherOptions, slowWatcher } from '../../src/testing/index.ts';
import { GatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';

const config = {
  ...{ engines: {}, pipelines: {} },
  events: { history: { events: 2000 }, slow: { warn: '200ms', act: '500ms' } },
};
let gateway: GatewayProcess;
let url = '';

beforeAll(async () => {
  gateway = await GatewayProcess.start({ config });
  await gateway.event('ready');
  url = await gateway.url();
});
afterAll(() => gateway[Symbol.asyncDispose]());

const transports = ['websocket', 'sse'] as const;
type Transport = (typeof transports)[number];

/** A watcher of a test that reads well. */
const watching = (transport: Transport, options: Partial<SlowWatcherOptions> = {}) =>
  slowWatcher({ url, transport, how: 'well', ...options });

async function post(text: string, type = 'application/json'): Promise<string> {
  const response = await fetch(`${url}/v1/events`, {
    ...{ method: 'POST', body: text, headers: { 'content-type': type } },
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(JSON.stringify(answer));
  return (answer as { readonly id: string }).id;
}
const publish = (topic: string, data: unknown) => post(JSON.stringify({ topic, data }));
const publishAll = (topic: string, count: number, pad = '') =>
  post(
    Array.from({ length: count }, (_, n) => JSON.stringify({ topic, data: { n, pad } })).join('\n'),
    'application/x-ndjson',
  );

const got = (watcher: SlowWatcher, count: number) =>
  until(() => watcher.events.length >= count && watcher.events, {
    timeoutMs: 5000,
    what: `${count} events (${watcher.messages.length} messages: ${watcher.messages.at(-1)?.text.slice(0, 300)})`,
  });
const told = (watcher: SlowWatcher, type: Parameters<SlowWatcher['control']>[0]) =>
  until(() => watcher.controls.findLast((control) => control.type === type), {
    timeoutMs: 5000,
    what: `control message ${type} (${JSON.stringify(watcher.controls)})`,
  });
const dataOf = ({ events }: SlowWatcher) => events.map(({ data }) => data);
const seqOf = (id: string) => Number(id.split('.')[1]);

const promises: Readonly<Record<string, (transport: Transport, root: string) => Promise<void>>> = {
  async 'topics and wildcards, in order, and nothing else'(transport, root) {
    const topics = [`${root}.a`, `${root}.m.*`, `${root}.t.>`];
    await using watcher = await watching(transport, { topics });
    for (const topic of ['a', 'b', 'm.x', 'm.x.y', 't', 't.1.2', 'a'])
      await publish(`${root}.${topic}`, topic);
    await got(watcher, 4);
    expect(dataOf(watcher)).toEqual(['a', 'm.x', 't.1.2', 'a']);
    expect(watcher.control('welcome')).toMatchObject({ topics, client: expect.stringMatching(/^watch_/) });
  },
  async 'subscribe and unsubscribe in flight, told at their place'(transport, root) {
    await using watcher = await watching(transport, { topics: [`${root}.a`] });
    await publish(`${root}.b`, 0);
    await watcher.send({ type: 'subscribe', topics: [`${root}.b`], snapshot: true });
    await told(watcher, 'subscribed');
    const last = await publish(`${root}.b`, 1);
    await got(watcher, 2);
    await watcher.send({ type: 'unsubscribe', topics: [`${root}.b`] });
    expect(await told(watcher, 'unsubscribed')).toMatchObject({ topics: [`${root}.a`], head: last });
    await publish(`${root}.b`, 2);
    await publish(`${root}.a`, 3);
    await got(watcher, 3);
    expect(dataOf(watcher)).toEqual([0, 1, 3]);
  },
  async 'the newest of each topic first'(transport, root) {
    for (const n of [1, 2, 3]) await publish(`${root}.a`, n);
    await publish(`${root}.b`, 4);
    await using watcher = await watching(transport, { topics: [`${root}.>`], query: { snapshot: '1' } });
    await publish(`${root}.a`, 5);
    await got(watcher, 3);
    expect(dataOf(watcher)).toEqual([3, 4, 5]);
  },
  async 'replay, and what comes meanwhile, without a seam'(transport, root) {
    const since = await publish(root, 'first');
    await publishAll(root, 500);
    await using watcher = await watching(transport, { topics: [root], since });
    await publishAll(root, 500);
    await got(watcher, 1000);
    const each = Array.from({ length: 500 }, (_, n) => ({ n, pad: '' }));
    expect(dataOf(watcher)).toEqual([...each, ...each]);
    expect(watcher.control('welcome')).toMatchObject({ recovered: true });
  },
  async 'resume by since, lastEventId and Last-Event-ID, which wins'(transport, root) {
    const first = await publish(root, 1);
    const second = await publish(root, 2);
    await publish(root, 3);
    const asked: readonly Partial<SlowWatcherOptions>[] = [
      { since: second },
      { query: { lastEventId: second } },
      { headers: { 'last-event-id': second } },
      { since: first, headers: { 'last-event-id': second } },
    ];
    for (const options of asked) {
      await using watcher = await watching(transport, { topics: [root], ...options });
      await got(watcher, 1);
      expect(dataOf(watcher)).toEqual([3]);
    }
  },
  async 'each kind of gap, in the welcome'(transport, root) {
    const first = await publish(root, 0);
    await publishAll(root, 2500);
    const [epoch = ''] = first.split('.');
    const cases = [
      ['zzz.5', { from: 'zzz.5', count: null, reason: 'epoch' }],
      [`${epoch}.999999999`, { count: null, reason: 'ahead' }],
      [first, { from: `${epoch}.${seqOf(first) + 1}`, count: null, reason: 'expired' }],
    ] as const;
    for (const [since, gap] of cases) {
      await using watcher = await watching(transport, { topics: [root], since });
      expect(watcher.control('welcome')).toMatchObject({ recovered: false, gap });
    }
  },
  async 'envelope=off gives the data alone; control=1 the rest beside it'(transport, root) {
    const topics = [root];
    await using bare = await watching(transport, { topics, query: { envelope: 'off' } });
    await using controlled = await watching(transport, { topics, query: { envelope: 'off', control: '1' } });
    const id = await publish(root, { a: [1, 'ü'] });
    await until(() => bare.messages.length === 1 && controlled.messages.length === 2, {
      ...{ timeoutMs: 5000, what: 'the data' },
    });
    expect(bare.messages[0]?.text).toBe('{"a":[1,"ü"]}');
    expect(bare.messages[0]?.id).toBe(transport === 'sse' ? id : undefined);
    expect(controlled.messages[1]?.text).toBe('{"a":[1,"ü"]}');
    expect(controlled.controls.map(({ type }) => type)).toEqual(['welcome']);
  },
  async 'in-band pings where no control message goes out are refused, for nobody could answer them'(
    transport,
  ) {
    for (const query of [{ envelope: 'off' }, { control: '0' }])
      await expect(watching(transport, { query: { ping: '1', ...query } })).rejects.toThrow();
    const query = { ping: '1', envelope: 'off', control: '1' };
    await using watcher = await watching(transport, { query });
    expect(watcher.client).toMatch(/^watch_/);
  },
  async 'in-band pings, and what is answered'(transport, root) {
    await using watcher = await watching(transport, { topics: [root], query: { ping: '1' } });
    const id = await publish(root, 1);
    const ping = await told(watcher, 'ping');
    expect(ping).toMatchObject({ id });
    await watcher.send({ type: 'pong', id });
    await until(
      async () => {
        const { body } = await gateway.json('/api/clients?limit=1000');
        const { data } = body as { data: { id: string; rttMs: number | null }[] };
        return data.find((client) => client.id === watcher.client)?.rttMs !== null;
      },
      { timeoutMs: 3000, what: 'the round trip to be known' },
    );
  },
  async 'an id of an earlier life of the gateway is an answer too'(transport, root) {
    await using watcher = await watching(transport, { topics: [root], query: { ping: '1' } });
    await publish(root, 1);
    await told(watcher, 'ping');
    await watcher.send({ type: 'pong', id: 'earlier.7' });
    await publish(root, 2);
    await until(() => watcher.controls.filter(({ type }) => type === 'ping').length > 1, {
      ...{ timeoutMs: 5000, what: 'to be asked again' },
    });
    expect(watcher.control('error')).toBeUndefined();
  },
  async 'a ping of its own, publishing with a ref, and what cannot be understood'(transport, root) {
    await using watcher = await watching(transport, { topics: [root] });
    await watcher.send({ type: 'ping', ref: 7 });
    expect(await told(watcher, 'pong')).toMatchObject({ ref: 7 });
    await watcher.send({ type: 'publish', topic: root, data: { mine: true }, ref: 'x' });
    expect(await told(watcher, 'published')).toMatchObject({ ref: 'x' });
    await got(watcher, 1);
    const bad = [
      '{',
      '[]',
      '{"type":"dance"}',
      '{"type":"subscribe"}',
      '{"type":"subscribe","topics":["a..b"]}',
    ];
    for (const text of bad) await watcher.send(text);
    await until(() => watcher.controls.filter(({ type }) => type === 'error').length === bad.length, {
      ...{ timeoutMs: 3000, what: `an error for each (${JSON.stringify(watcher.controls)})` },
    });
    await watcher.send({ type: 'publish', topic: 'greenroom.engine.x', data: 1, ref: 'y' });
    await until(
      () => watcher.controls.some((c) => c.type === 'error' && c.code === 'topic_reserved' && c.ref === 'y'),
      {
        ...{ timeoutMs: 3000, what: 'topic_reserved' },
      },
    );
    expect(watcher.closed).toBeUndefined();
  },
  async 'JSON of many lines, large integers and 1 MiB, as they came'(transport, root) {
    await using watcher = await watching(transport, { topics: [root] });
    const lines = '{\n  "n": 12345678901234567890,\n\n  "text": "a\\nb"\n}';
    await post(`{"topic":${JSON.stringify(root)},"data":${lines}}`);
    await post(`{"topic":${JSON.stringify(root)},"data":${lines.replaceAll('\n', '\r\n')}}`);
    const large = 'ü'.repeat(500_000);
    await publish(root, large);
    await got(watcher, 3);
    const texts = watcher.messages.slice(1).map(({ text }) => text);
    expect(texts[0]).toContain(`"data":${lines}}`);
    // A stream of events has one kind of line end.
    expect(texts[1]?.replaceAll('\r\n', '\n')).toContain(`"data":${lines}}`);
    expect(watcher.events[2]?.data === large).toBe(true);
  },
  async 'two connections of one name: the newer is spoken to, and then the older'(transport, root) {
    const client = root;
    await using older = await watching(transport, { topics: ['none'], client });
    {
      await using newer = await watching('sse', { topics: ['none'], client });
      await newer.send({ type: 'ping', ref: 1 });
      await told(newer, 'pong');
      expect(older.control('pong')).toBeUndefined();
    }
    const say = () =>
      fetch(`${url}/v1/events/clients/${client}`, { method: 'POST', body: '{"type":"ping","ref":2}' });
    await until(async () => (await say()).status === 202 && older.control('pong'), {
      ...{ timeoutMs: 3000, what: 'the older one to be spoken to' },
    });
  },
};

test.for(
  transports.flatMap((transport) => Object.keys(promises).map((name, n) => [transport, name, n] as const)),
)('%s: %s', ([transport, name, n]) => promises[name]?.(transport, `${transport}-${n}`));

const policies = {
  evict: 'unsent',
  skip: 'slow',
  conflate: 'conflated',
} as const;

test.for(
  transports.flatMap((transport) =>
    (['evict', 'skip', 'conflate'] as const).map((policy) => [transport, policy] as const),
  ),
)('%s: a stalled watcher with policy %s, and what it is told', async ([transport, policy]) => {
  const root = `${transport}-${policy}`;
  const options = { topics: [root], client: root, query: { policy } };
  await using watcher = await watching(transport, { ...options, how: 'stalled' });
  const pad = 'x'.repeat(20_000);
  const ids: string[] = [];
  const facts = async () => {
    const { body } = await gateway.json('/api/clients?limit=1000');
    return (body as { data: { id: string; state: string; gaps: number }[] }).data.find(
      ({ id }) => id === root,
    );
  };
  // Until the kernel is full, and then until it is acted upon.
  await until(
    async () => {
      ids.push(await publishAll(root, 100, pad));
      const now = await facts();
      return policy === 'evict' ? now === undefined || now.state === 'leaving' : (now?.gaps ?? 0) > 0;
    },
    { timeoutMs: 10_000, what: `policy ${policy} to act` },
  );
  watcher.behave('well');
  if (policy === 'evict') {
    await watcher.ended;
    await using back = await watching(transport, { ...options, since: String(watcher.lastId) });
    const { evicted } = back.control('welcome') ?? {};
    expect(evicted).toMatchObject({ reason: policies[policy], ms: expect.any(Number) });
    return;
  }
  const last = await publish(root, 'last');
  await until(() => watcher.events.at(-1)?.id === last, { timeoutMs: 5000, what: 'the last event' });
  const gaps = watcher.controls.filter((control) => control.type === 'gap');
  expect(gaps[0]).toMatchObject({ reason: policies[policy] });
  const seqs = watcher.events.map(({ id }) => seqOf(id));
  expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
  for (const [n, seq] of seqs.slice(1).entries()) {
    const before = seqs[n] ?? 0;
    if (seq === before + 1) continue;
    const covered = gaps.some(({ from, to }) => seqOf(from) <= before + 1 && seqOf(to) >= seq - 1);
    // Others publish too: it is a hole only where something of this topic is.
    const own = ids.some((id) => seqOf(id) > before && seqOf(id) < seq);
    expect(covered || !own).toBe(true);
  }
});

test.for(
  transports.flatMap((transport) =>
    (
      [
        ['policy=x', 'invalid_request'],
        ['snapshot=2', 'invalid_request'],
        ['since=abc', 'invalid_request'],
        ['client=a b', 'invalid_request'],
        [`client=${'x'.repeat(65)}`, 'invalid_request'],
        ['topics=a..b', 'invalid_topic'],
        ['topics=>.a', 'invalid_topic'],
        [`topics=${'x'.repeat(256)}`, 'invalid_topic'],
        ['topics=a,greenroom.>', 'mixed_topics'],
        ['envelope=off&policy=skip', 'invalid_request'],
        [`topics=${Array.from({ length: 300 }, (_, n) => `t${n}`)}`, 'invalid_request'],
      ] as const
    ).map(([query, code]) => [transport, query, code] as const),
  ),
)('%s: ?%s is refused before anything else, as %s', async ([transport, query, code]) => {
  const asked = Object.fromEntries(new URLSearchParams(query));
  await expect(watching(transport, { query: asked })).rejects.toMatchObject({ code });
});

test.for([
  ['PUT', '/v1/events', 405, 'method_not_allowed'],
  ['HEAD', '/v1/events', 405, null],
  ['GET', '/v1/events', 426, 'upgrade_required'],
  ['GET', '/v1/events/clients/x', 405, 'method_not_allowed'],
  ['POST', '/v1/events/clients/nobody', 404, 'not_found'],
  ['POST', '/v1/events/clients/a%20b', 404, 'not_found'],
  ['POST', '/v1/events/clients/', 404, 'not_found'],
] as const)('%s %s is answered %d %s', async ([method, path, status, code]) => {
  const body = method === 'POST' || method === 'PUT' ? '{"type":"ping"}' : null;
  // Who accepts anything gets a stream.
  const response = await fetch(url + path, { method, body, headers: { accept: 'application/json' } });
  expect(response.status).toBe(status);
  const text = await response.text();
  if (code === null) expect(text).toBe('');
  else expect(JSON.parse(text).error.code).toBe(code);
  if (status === 405)
    expect(response.headers.get('allow')).toBe(path.endsWith('events') ? 'GET, POST' : 'POST');
});
