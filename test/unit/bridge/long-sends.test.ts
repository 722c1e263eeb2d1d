// A long text to an upstream: whole, in its order, with pings in between.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { Upstream } from '../../../src/bridge/upstream.ts';
import { systemClock } from '../../../src/lifecycle/clock.ts';
import { Scope } from '../../../src/lifecycle/scope.ts';
import { LongText } from '../../../src/wire/long-text.ts';
import { until } from '../../support/poll.ts';

test('a long text arrives as it was sent, and what was sent after it comes after it', async () => {
  await using scope = new Scope('call', { clock: systemClock });
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  scope.defer('server', () => server.close());
  await once(server, 'listening');
  const came: string[] = [];
  server.on('connection', (socket) => {
    socket.on('message', (data) => came.push(String(data)));
    socket.on('ping', () => came.push('ping'));
  });
  let taken = 0;
  const { port } = server.address() as AddressInfo;
  const upstream = new Upstream(
    scope.child('upstream'),
    { url: `ws://127.0.0.1:${port}`, headers: {}, secrets: [] },
    {
      ...{ text: () => undefined, frame: () => false, alive: () => undefined },
      ...{ failed: () => undefined, closed: () => undefined },
      taken: () => {
        taken += 1;
      },
    },
  );
  await until(() => upstream.state === 'open' || undefined, { timeoutMs: 20_000, what: 'the upstream' });
  const long = Array.from({ length: 700_000 }, (_, index) => `${index}é`).join('');
  const bytes = Buffer.from(long);
  upstream.send('first');
  upstream.send(new LongText([bytes.subarray(0, 1_000_001), bytes.subarray(1_000_001)]));
  upstream.ping();
  upstream.send('last');
  expect(upstream.pendingBytes).toBeGreaterThan(4_000_000);
  await until(() => came.includes('last') || undefined, { timeoutMs: 20_000, what: 'the upstream' });
  expect(came.filter((text) => text !== 'ping').map((text) => text === long || text)).toEqual([
    'first',
    true,
    'last',
  ]);
  expect(came.indexOf('ping')).toBeLessThan(came.indexOf('last'));
  await until(() => upstream.pendingBytes === 0 || undefined, { timeoutMs: 20_000, what: 'the upstream' });
  expect(taken).toBeGreaterThan(10);
});
