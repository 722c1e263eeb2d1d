// Who may watch what, publish where, and speak for whom: over WebSocket and server-sent events, with tokens.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type SlowWatcher, type SlowWatcherOptions, slowWatcher } from '../../src/testing/index.ts';
import { GatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';

const tokens = {
  admin: 'admin-token-1',
  machine: 'machine-token-1',
  page: 'page-token-12',
  all: 'all-token-123',
};
const config = {
  ...{ engines: {}, pipelines: {} },
  auth: {
    admin: ['env:ADMIN'],
    tokens: [
      { token: 'env:MACHINE', watch: ['m.>'], publish: ['m.out', 'm.log.*'] },
      { token: 'env:PAGE', watch: ['page.>', 'm.status'] },
      'env:ALL',
    ],
  },
};
const env = { ADMIN: tokens.admin, MACHINE: tokens.machine, PAGE: tokens.page, ALL: tokens.all };
let gateway: GatewayProcess;
let url = '';

beforeAll(async () => {
  gateway = await GatewayProcess.start({ config, env });
  await gateway.event('listening');
  url = await gateway.url();
  await until(async () => (await fetch(`${url}/readyz`)).ok, { timeoutMs: 20_000, what: 'it to be ready' });
});
afterAll(() => gateway[Symbol.asyncDispose]());

const transports = ['websocket', 'sse'] as const;
type Transport = (typeof transports)[number];
const watching = (transport: Transport, options: Partial<SlowWatcherOptions>) =>
  slowWatcher({ url, transport, how: 'well', ...options });
const errorsOf = ({ controls }: SlowWatcher) =>
  controls.flatMap((control) => (control.type === 'error' ? [control.code] : []));
const heard = (watcher: SlowWatcher, count: number) =>
  until(() => watcher.controls.length >= count, {
    ...{ timeoutMs: 3000, what: `${count} control messages (${JSON.stringify(watcher.controls)})` },
  });
const say = (client: string, token: string, request: object = { type: 'ping', ref: 1 }) =>
  fetch(`${url}/v1/events/clients/${client}`, {
    ...{ method: 'POST', body: JSON.stringify(request), headers: { authorization: `Bearer ${token}` } },
  });

const promises: Readonly<Record<string, (transport: Transport) => Promise<void>>> = {
  async 'no token, or a wrong one, is refused'(transport) {
    await expect(watching(transport, {})).rejects.toMatchObject({ code: 'unauthorized' });
    await expect(watching(transport, { token: 'wrong' })).rejects.toMatchObject({ code: 'unauthorized' });
  },
  async 'what is granted can be watched, also in part; nothing beyond'(transport) {
    const token = tokens.machine;
    for (const topics of [['m.>'], ['m.a.*', 'm.b']]) {
      await using watcher = await watching(transport, { token, topics });
      expect(watcher.control('welcome')).toMatchObject({ topics });
    }
    for (const topics of [['>'], ['*.a'], ['m'], ['m.a', 'page.x']])
      await expect(watching(transport, { token, topics })).rejects.toMatchObject({
        code: 'topic_not_allowed',
      });
    // No topics are all that it may.
    await using all = await watching(transport, { token });
    expect(all.control('welcome')).toMatchObject({ topics: ['m.>'] });
    await using inQuery = await watching(transport, { query: { token }, topics: ['m.a'] });
    expect(inQuery.closed).toBeUndefined();
  },
  async 'nor in flight'(transport) {
    await using watcher = await watching(transport, { token: tokens.page, topics: ['page.a'] });
    await watcher.send({ type: 'subscribe', topics: ['m.status'] });
    await watcher.send({ type: 'subscribe', topics: ['m.other'] });
    await watcher.send({ type: 'subscribe', topics: ['greenroom.>'] });
    await heard(watcher, 4);
    expect(watcher.control('subscribed')).toMatchObject({ topics: ['m.status', 'page.a'] });
    expect(errorsOf(watcher)).toEqual(['topic_not_allowed', 'topic_not_allowed']);
  },
  async 'a watcher publishes where its token may, and is told where not'(transport) {
    await using machine = await watching(transport, { token: tokens.machine, topics: ['m.>'] });
    await using page = await watching(transport, { token: tokens.page, topics: ['page.>'] });
    const each = ['m.out', 'm.log.a', 'm.other', 'greenroom.engine.x'];
    for (const topic of each) await machine.send({ type: 'publish', topic, data: 1, ref: topic });
    await page.send({ type: 'publish', topic: 'page.a', data: 1 });
    await heard(machine, 5);
    await heard(page, 2);
    // What it published reaches it with the next beat, not with the answer.
    await until(() => machine.events.length >= 2, { timeoutMs: 3000, what: 'what it published itself' });
    expect(machine.controls.slice(1)).toMatchObject([
      { type: 'published', ref: 'm.out' },
      { type: 'published', ref: 'm.log.a' },
      { type: 'error', code: 'topic_not_allowed', ref: 'm.other' },
      { type: 'error', code: 'topic_reserved', ref: 'greenroom.engine.x' },
    ]);
    expect(errorsOf(page)).toEqual(['topic_not_allowed']);
    expect(machine.events.map(({ topic }) => topic)).toEqual(['m.out', 'm.log.a']);
    expect(page.events).toEqual([]);
  },
  async 'the gateway’s own topics are for administrators, by name'(transport) {
    const asked = { topics: ['greenroom.>'], query: { snapshot: '1' } };
    await expect(watching(transport, { token: tokens.all, ...asked })).rejects.toMatchObject({
      code: 'topic_not_allowed',
    });
    await using own = await watching(transport, { token: tokens.admin, ...asked });
    await until(() => own.events.some(({ topic }) => topic === 'greenroom.gateway.ready'), {
      ...{ timeoutMs: 3000, what: 'the gateway to be ready' },
    });
    await using everything = await watching(transport, {
      ...{ token: tokens.admin, topics: ['>', '*.*.*', '*.>'], query: { snapshot: '1' } },
      since: String(own.control('welcome')?.head),
    });
    // Another ring has another epoch.
    expect(everything.control('welcome')).toMatchObject({ recovered: false, gap: { reason: 'epoch' } });
    expect(everything.events.filter(({ topic }) => topic.startsWith('greenroom'))).toEqual([]);
    await expect(
      watching(transport, { token: tokens.admin, topics: ['>', 'greenroom.>'] }),
    ).rejects.toMatchObject({
      code: 'mixed_topics',
    });
  },
  async 'one connection reads one ring, also when it has let go of all it watched'(transport) {
    await using watcher = await watching(transport, { token: tokens.admin, topics: ['a'] });
    await watcher.send({ type: 'unsubscribe', topics: ['a'] });
    await watcher.send({ type: 'subscribe', topics: ['greenroom.>'] });
    await watcher.send({ type: 'subscribe', topics: ['b'] });
    await heard(watcher, 4);
    expect(errorsOf(watcher)).toEqual(['mixed_topics']);
    await until(() => watcher.control('subscribed'), { timeoutMs: 3000, what: 'the answer' });
    expect(watcher.control('subscribed')).toMatchObject({ topics: ['b'] });
  },
  async 'a name is its token’s: nobody else speaks for it, or takes it'(transport) {
    const client = `dashboard-${transport}`;
    await using mine = await watching(transport, { token: tokens.page, topics: ['page.a'], client });
    expect((await say(client, tokens.machine)).status).toBe(404);
    expect((await say(client, tokens.admin)).status).toBe(404);
    await using theirs = await watching(transport, { token: tokens.machine, topics: ['m.a'], client });
    expect((await say(client, tokens.page)).status).toBe(202);
    await heard(mine, 2);
    expect((await say(client, tokens.machine, { type: 'ping', ref: 2 })).status).toBe(202);
    await heard(theirs, 2);
    expect(mine.controls.at(-1)).toMatchObject({ type: 'pong', ref: 1 });
    expect(theirs.controls.at(-1)).toMatchObject({ type: 'pong', ref: 2 });
  },
};

test.for(transports.flatMap((transport) => Object.keys(promises).map((name) => [transport, name] as const)))(
  '%s: %s',
  ([transport, name]) => promises[name]?.(transport),
);
