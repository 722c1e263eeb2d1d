// The gateway leaves with 500 watchers, some of whom do not read: each of the others has the last event, and knows when to
// come back.
import { expect, test } from 'vitest';
import { type SlowWatcher, slowWatcher } from '../../src/testing/index.ts';
import { GatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';
import { Publisher } from '../support/publisher.ts';

const config = { engines: {}, pipelines: {} };
const count = 500;
const stuckCount = 20;

test('500 watchers: the last event, a goodbye and when to come back for each; who is stuck holds up nobody', async () => {
  await using gateway = await GatewayProcess.start({ config });
  await using publisher = await Publisher.to(gateway);
  const url = await gateway.url();
  const well: SlowWatcher[] = [];
  const stuck: SlowWatcher[] = [];
  try {
    await using own = await slowWatcher({ url, topics: ['greenroom.>'], how: 'well' });
    for (let n = 0; n < count - stuckCount; n += 1)
      well.push(
        await slowWatcher({ url, transport: n % 2 ? 'sse' : 'websocket', topics: ['a'], how: 'well' }),
      );
    for (let n = 0; n < stuckCount; n += 1)
      stuck.push(await slowWatcher({ url, transport: n % 2 ? 'sse' : 'websocket', topics: ['a', 'b'] }));
    // More than the kernel holds for them.
    const pad = 'x'.repeat(60_000);
    for (let n = 0; n < 200; n += 1) publisher.write({ topic: 'b', data: { n, pad } });
    const states = async () => {
      const { body } = await gateway.json('/api/clients?limit=10000');
      return (body as { readonly data: { readonly state: string }[] }).data.map(({ state }) => state);
    };
    await until(async () => (await states()).filter((state) => state === 'blocked').length === stuckCount, {
      ...{ timeoutMs: 5000, what: 'the stuck ones to be stuck' },
    });
    await until(() => publisher.socket.writableLength === 0, { timeoutMs: 5000, what: 'all to be taken' });
    publisher.write({ topic: 'a', data: 'last' });
    const askedMs = performance.now();
    gateway.child.kill('SIGTERM');
    const end = await gateway.end(askedMs);
    expect(end.code, JSON.stringify(end.report)).toBe(0);
    expect(end.ms).toBeLessThan(3000);
    await until(() => well.every(({ closed }) => closed), { timeoutMs: 5000, what: 'each to be told' });
    const retries = new Set<unknown>();
    for (const { events, controls, messages, closed } of well) {
      expect(events.map(({ data }) => data)).toEqual(['last']);
      expect(closed).toEqual({ code: 1001, reason: 'the gateway is leaving' });
      const bye = controls.at(-1);
      expect(bye).toMatchObject({ type: 'bye', code: 1001, retryMs: expect.any(Number) });
      if (bye?.type !== 'bye') continue;
      retries.add(bye.retryMs);
      expect(bye.retryMs).toBeGreaterThanOrEqual(1000);
      expect([undefined, bye.retryMs]).toContain(messages.at(-1)?.retryMs);
    }
    expect(retries.size).toBeGreaterThan(100);
    const leaving = own.events.find(({ topic }) => topic === 'greenroom.gateway.leaving');
    expect(leaving?.data).toMatchObject({ reason: expect.any(String) });
    await until(() => own.closed?.code === 1001, { timeoutMs: 3000, what: 'the goodbye' });
  } finally {
    await Promise.all([...well, ...stuck].map((watcher) => watcher[Symbol.asyncDispose]()));
  }
}, 40_000);
