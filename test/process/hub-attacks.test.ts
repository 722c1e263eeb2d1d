// What no friendly watcher does: an answer with a code where there can be one, and whoever else watches notices nothing.
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type SlowWatcher, slowWatcher } from '../../src/testing/index.ts';
import { clientFrame, opcodes } from '../../src/testing/watcher/frames.ts';
import { fixture, GatewayProcess } from '../support/gateway-process.ts';
import { Lateness } from '../support/lateness.ts';
import { until } from '../support/poll.ts';
import { Publisher } from '../support/publisher.ts';
import { RawSocket } from '../support/raw-socket.ts';

const config = { engines: {}, pipelines: {} };
let gateway: GatewayProcess;
let publisher: Publisher;
let url = '';

beforeAll(async () => {
  gateway = await GatewayProcess.start({ config });
  publisher = await Publisher.to(gateway);
  url = await gateway.url();
});
afterAll(async () => {
  await publisher[Symbol.asyncDispose]();
  await gateway[Symbol.asyncDispose]();
});

const text = (value: object | string) =>
  clientFrame(opcodes.text, typeof value === 'string' ? value : JSON.stringify(value));

/** What somebody else sees meanwhile: nothing is late beyond what the machine is, and nothing is missing. */
async function unharmed(attack: () => Promise<void>): Promise<void> {
  await using machine = new Lateness();
  await using well = await slowWatcher({ url, topics: ['well'], how: 'well' });
  let state: 'attacked' | 'over' = 'attacked';
  let written = 0;
  const publishing = (async () => {
    while (state === 'attacked')
      written += await publisher.steadily({ perSecond: 200, ms: 50 }, () => ({
        topic: 'well',
        data: { atMs: performance.now() },
      }));
  })();
  try {
    await attack();
  } finally {
    state = 'over';
    await publishing;
  }
  await until(() => well.events.length === written, { timeoutMs: 5000, what: `${written} events` });
  const worstMs = Math.max(...well.events.map(({ data, atMs }) => atMs - (data as { atMs: number }).atMs));
  expect(worstMs).toBeLessThan(500 + 2 * machine.worstMs);
}

/** As many as the gateway knows at most, each of several tokens. */
const manyTopics = () =>
  fetch(`${url}/v1/events`, {
    ...{ method: 'POST', headers: { 'content-type': 'application/x-ndjson' } },
    body: Array.from({ length: 10_000 }, (_, n) =>
      JSON.stringify({ topic: `machine.${n}.cpu.core.${n % 7}`, data: n }),
    ).join('\n'),
  });

test('thousands of requests at once, hundreds of patterns and ten thousand topics hold nobody up', async () => {
  await manyTopics();
  const patterns = Array.from({ length: 256 }, (_, n) => `machine.*.cpu.*.x${n}`);
  await unharmed(async () => {
    await using heavy = await slowWatcher({
      ...{ url, topics: patterns.slice(0, 200), query: { snapshot: '1' }, how: 'well' },
    });
    const asked = Array.from({ length: 1600 }, (_, n) =>
      text({ type: n % 2 ? 'unsubscribe' : 'subscribe', topics: [`machine.*.${n % 300}.>`], snapshot: true }),
    );
    heavy.write(Buffer.concat(asked));
    await until(() => heavy.controls.length > 1600 || heavy.closed, {
      timeoutMs: 10_000,
      what: 'all answers',
    });
    expect(heavy.closed).toBeUndefined();
    await using tooMany = await slowWatcher({ url, topics: ['a'], how: 'well' });
    await tooMany.send({ type: 'subscribe', topics: patterns.concat('b') });
    await until(() => tooMany.control('error'), { timeoutMs: 3000, what: 'the refusal' });
    expect(tooMany.control('error')).toMatchObject({ code: 'invalid_request' });
  });
}, 30_000);

test('who asks and asks, and reads none of the answers, is sent away', async () => {
  await unharmed(async () => {
    await using deaf = await slowWatcher({ url, topics: ['none'], client: 'deaf' });
    const asked = Buffer.concat(
      Array.from({ length: 2000 }, () => text({ type: 'ping', ref: 'x'.repeat(100) })),
    );
    const there = async () => JSON.stringify((await gateway.json('/api/clients')).body).includes('"deaf"');
    await until(
      async () => {
        deaf.write(asked);
        return !(await there());
      },
      { timeoutMs: 15_000, what: 'it to be sent away' },
    );
  });
}, 30_000);

test('what breaks the protocol ends that connection, with its own code', async () => {
  const broken: readonly (readonly [name: string, sent: Buffer, code: number])[] = [
    ['invalid UTF-8 as text', clientFrame(opcodes.text, Buffer.from([0x22, 0xff])), 1007],
    ['invalid UTF-8 as bytes', clientFrame(opcodes.binary, Buffer.from([0x22, 0xff])), 1007],
    ['2 MiB', text('x'.repeat(2 * 1024 * 1024)), 1009],
    ['a reserved opcode', clientFrame(5, 'x'), 1002],
    ['no mask', Buffer.from([0x81, 0x01, 0x78]), 1002],
  ];
  await unharmed(async () => {
    for (const [name, sent, code] of broken) {
      await using watcher = await slowWatcher({ url, topics: ['none'], how: 'well' });
      watcher.write(sent);
      expect((await watcher.ended).code, name).toBe(code);
    }
  });
  await using binary = await slowWatcher({ url, topics: ['bytes'], how: 'well' });
  binary.write(clientFrame(opcodes.binary, '{"type":"publish","topic":"bytes","data":"ü"}'));
  await until(() => binary.events.length === 1, { timeoutMs: 3000, what: 'what was sent as bytes' });
  expect(binary.events[0]?.data).toBe('ü');
});

test('half handshakes and resets at any byte hurt nobody', async () => {
  const hello =
    'GET /v1/events?topics=none HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
    'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
  await unharmed(async () => {
    for (let at = 1; at < hello.length; at += 5) {
      const socket = connect(Number(new URL(url).port), '127.0.0.1');
      socket.on('error', () => undefined);
      socket.write(hello.slice(0, at), () => socket.resetAndDestroy());
    }
    for (const [line, status] of [
      ['Sec-WebSocket-Version: 12', 400],
      ['Sec-WebSocket-Key: short', 400],
    ] as const) {
      await using raw = await RawSocket.dial(url);
      raw.write(hello.replace(new RegExp(`${line.split(':')[0]}.*`), line));
      expect((await raw.answer()).status).toBe(status);
    }
  });
});

test('one connection carries one stream of events, however many are asked for', async () => {
  const request = (path: string) =>
    `GET ${path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n`;
  const stream = request('/v1/events?topics=pipelined');
  await using first = await RawSocket.dial(url);
  first.write(stream.repeat(50));
  await using second = await RawSocket.dial(url);
  second.write(request('/healthz') + stream);
  await until(() => first.text.includes('welcome') && second.text.includes('invalid_request'), {
    ...{ timeoutMs: 3000, what: `the answers (${first.text} ${second.text})` },
  });
  publisher.write({ topic: 'pipelined', data: 1 });
  await until(() => first.text.includes('"pipelined","ts"'), { timeoutMs: 3000, what: 'the event' });
  expect(first.text.split('"type":"welcome"')).toHaveLength(2);
  expect(first.text.split('"pipelined","ts"')).toHaveLength(2);
  expect(second.text.indexOf('{"status"')).toBeLessThan(second.text.indexOf('HTTP/1.1 400'));
});

test('a post that waits to be asked for its body is asked once', async () => {
  for (const type of ['application/json', 'application/x-ndjson']) {
    await using raw = await RawSocket.dial(url);
    raw.write(
      `POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${type}\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n`,
    );
    await until(() => raw.text.includes('100 Continue'), { timeoutMs: 3000, what: 'to be asked' });
    raw.write('1');
    await until(() => raw.text.includes('"accepted":1'), { timeoutMs: 3000, what: 'the answer' });
    expect(raw.text.split('HTTP/1.1 100')).toHaveLength(2);
  }
});

const rssBytes = async ({ pid }: GatewayProcess) =>
  Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;

test('200 watchers that do not read, at 5,000 events/s: what they cost is bounded', async () => {
  const watchers: SlowWatcher[] = [];
  try {
    for (let n = 0; n < 200; n += 1)
      watchers.push(await slowWatcher({ url, topics: ['flood'], query: { policy: 'skip' } }));
    const before = await rssBytes(gateway);
    const pad = 'x'.repeat(160);
    let worst = 0;
    const written = await publisher.steadily({ perSecond: 5000, ms: 6000 }, (n) => {
      if (n % 5000 === 0) void rssBytes(gateway).then((bytes) => (worst = Math.max(worst, bytes)));
      return { topic: 'flood', data: { n, pad } };
    });
    worst = Math.max(worst, await rssBytes(gateway));
    // What the ring holds, and one write and a half for each.
    const ringBytes = written * 700;
    expect(worst - before).toBeLessThan(ringBytes + 200 * 160 * 1024 + 64 * 1024 * 1024);
  } finally {
    await Promise.all(watchers.map((watcher) => watcher[Symbol.asyncDispose]()));
  }
}, 30_000);

test('a gateway that was held for 3 s sends nobody away for it', async () => {
  const slow = { warn: '100ms', act: '300ms' };
  await using held = await GatewayProcess.start({
    config: { ...config, events: { slow, keepalive: '200ms' } },
  });
  await using producer = await Publisher.to(held);
  const watchers: SlowWatcher[] = [];
  try {
    for (let n = 0; n < 30; n += 1) {
      const transport = n % 3 === 0 ? 'sse' : 'websocket';
      watchers.push(await slowWatcher({ url: await held.url(), transport, how: 'well' }));
    }
    const pad = 'x'.repeat(10_000);
    for (let n = 0; n < 100; n += 1) producer.write({ topic: 'a', data: { n, pad } });
    held.child.kill('SIGSTOP');
    const stoppedMs = performance.now();
    await until(() => performance.now() - stoppedMs > 3000, { timeoutMs: 4000, what: '3 s' });
    held.child.kill('SIGCONT');
    for (let n = 100; n < 200; n += 1) producer.write({ topic: 'a', data: { n, pad } });
    await until(() => watchers.every(({ events }) => events.length === 200), {
      timeoutMs: 10_000,
      what: () => `every event (${watchers.map(({ events, closed }) => [events.length, closed?.reason])})`,
    });
    const went = watchers.flatMap(({ closed, controls }) => [
      closed,
      ...controls.filter(({ type }) => type !== 'welcome'),
    ]);
    expect(went.filter((each) => each !== undefined)).toEqual([]);
  } finally {
    await Promise.all(watchers.map((watcher) => watcher[Symbol.asyncDispose]()));
  }
}, 40_000);

test('over TLS it is the same: a stalled watcher goes, is told why, and the other notices nothing', async () => {
  const tls = { cert: fixture('tls/cert.pem'), key: fixture('tls/key.pem') };
  const slow = { warn: '100ms', act: '300ms' };
  await using secure = await GatewayProcess.start({ config: { ...config, tls, events: { slow } } });
  await using producer = await Publisher.to(secure);
  const ca = await readFile(tls.cert, 'utf8');
  const secureUrl = await secure.url();
  for (const transport of ['websocket', 'sse'] as const) {
    const options = { url: secureUrl, ca, transport, topics: [transport] };
    await using well = await slowWatcher({ ...options, how: 'well' });
    await using stuck = await slowWatcher({ ...options, client: 'stuck' });
    const pad = 'x'.repeat(50_000);
    const written = await producer.steadily({ perSecond: 200, ms: 1500 }, (n) => ({
      topic: transport,
      data: { n, pad },
    }));
    await until(() => well.events.length === written, { timeoutMs: 5000, what: 'all events' });
    stuck.behave('well');
    await stuck.ended;
    await using back = await slowWatcher({
      ...options,
      client: 'stuck',
      how: 'well',
      since: String(stuck.lastId ?? stuck.control('welcome')?.head),
    });
    expect(back.control('welcome')).toMatchObject({ recovered: true, evicted: { reason: 'unsent' } });
    await until(() => stuck.events.length + back.events.length === written, {
      timeoutMs: 5000,
      what: 'the rest',
    });
  }
}, 30_000);
