import { getEventListeners } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { Pace, type ProbeAnswer, probe, probeUntilReady } from '../../../../src/engines/process/probe.ts';
import { systemClock } from '../../../../src/lifecycle/clock.ts';
import { VirtualClock } from '../../../../src/testing/virtual-clock.ts';
import { until } from '../../../support/poll.ts';
import { httpServer } from './http-server.ts';

const host = '127.0.0.1';
const target = (port: number) => ({ host, port, path: '/health', status: 200, timeoutMs: 2000 });
const { signal: never } = new AbortController();

describe('one probe', () => {
  test('says the status, and leaves no connection, however long the body', async () => {
    await using server = await httpServer((_, response) => {
      response.writeHead(503);
      response.write('x'.repeat(1_000_000));
    });
    expect(await probe(target(server.port), systemClock, never)).toEqual({ state: 'answered', status: 503 });
    await until(async () => (await server.connections()) === 0, { timeoutMs: 1000, what: 'no connection' });
  });

  test('says that nobody listens', async () => {
    const server = await httpServer(() => undefined);
    await server[Symbol.asyncDispose]();
    expect(await probe(target(server.port), systemClock, never)).toEqual({
      state: 'refused',
      why: `connect ECONNREFUSED ${host}:${server.port}`,
      code: 'ECONNREFUSED',
    });
  });

  test('says that it was heard and not answered in its time', async () => {
    await using server = await httpServer(() => undefined);
    expect(await probe({ ...target(server.port), timeoutMs: 30 }, systemClock, never)).toEqual({
      state: 'connected',
      why: 'no answer in 30 ms',
    });
    await until(async () => (await server.connections()) === 0, { timeoutMs: 1000, what: 'no connection' });
  });

  test('takes something that is no HTTP for a listener, not for an answer', async () => {
    const server = createServer((socket) => socket.end('220 mail ready\r\n'));
    await new Promise<void>((resolve) => server.listen(0, host, resolve));
    const { port } = server.address() as { port: number };
    try {
      expect(await probe(target(port), systemClock, never)).toMatchObject({ state: 'connected' });
    } finally {
      server.close();
    }
  });

  test('of one that switches protocols has an end', async () => {
    await using server = await httpServer((request) => {
      request.socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n');
    });
    expect(await probe({ ...target(server.port), timeoutMs: 60_000 }, systemClock, never)).toMatchObject({
      state: 'connected',
    });
  });

  test('ends at once when nobody wants to know any more', async () => {
    await using server = await httpServer(() => undefined);
    const controller = new AbortController();
    const answer = probe(target(server.port), systemClock, controller.signal);
    await until(async () => (await server.connections()) === 1, { timeoutMs: 1000, what: 'the connection' });
    controller.abort();
    expect(await answer).toMatchObject({ state: 'connected' });
    expect(await probe(target(server.port), systemClock, controller.signal)).toMatchObject({
      state: 'refused',
    });
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
  });
});

describe('the pace of probes', () => {
  test('grows from 50 ms to a second', async () => {
    const clock = new VirtualClock();
    const pace = new Pace(clock);
    const pauses: number[] = [];
    for (let count = 0; count < 10; count += 1) {
      const began = clock.now();
      const pause = pace.pause(never).then(() => pauses.push(clock.now() - began));
      while (pauses.length === count) await clock.advance(1);
      await pause;
    }
    expect(pauses.slice(0, 3)).toEqual([50, 75, 112.5]);
    expect(pauses.at(-1)).toBe(1000);
    pace.quicken();
    const pause = pace.pause(never);
    await clock.advance(50);
    await pause;
    expect(clock.pending).toBe(0);
  });

  test('is cut short by a sign, whether it comes during a pause or before', async () => {
    const clock = new VirtualClock();
    const pace = new Pace(clock);
    const pause = pace.pause(never);
    pace.hurry();
    await pause;
    pace.hurry();
    pace.hurry();
    await pace.pause(never);
    expect(clock.pending).toBe(0);
    let over = false;
    const next = pace.pause(never).then(() => {
      over = true;
    });
    await clock.advance(49);
    expect(over).toBe(false);
    pace.hurry();
    await next;
  });

  test('ends with its signal, and leaves neither timer nor listener', async () => {
    const clock = new VirtualClock();
    const pace = new Pace(clock);
    const controller = new AbortController();
    const pause = pace.pause(controller.signal);
    controller.abort();
    await pause;
    await pace.pause(controller.signal);
    expect(clock.pending).toBe(0);
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
  });
});

describe('probing until ready', () => {
  test('tells each change of the answer once, and stops at the right status', async () => {
    let asked = 0;
    await using server = await httpServer((_, response) => {
      asked += 1;
      response.writeHead(asked < 4 ? 503 : asked === 4 ? 404 : 200).end();
    });
    const changes: ProbeAnswer[] = [];
    const outcome = await probeUntilReady({
      target: target(server.port),
      clock: systemClock,
      pace: new Pace(systemClock),
      signal: never,
      onChange: (answer) => changes.push(answer),
    });
    expect(outcome).toBe('ready');
    expect(changes).toEqual([503, 404, 200].map((status) => ({ state: 'answered', status })));
  });

  test.each(['while it pauses', 'while it asks'])('ends with its signal %s', async (when) => {
    const controller = new AbortController();
    await using server = await httpServer((_, response) => {
      if (when === 'while it asks') controller.abort();
      else response.writeHead(503).end();
    });
    const outcome = await probeUntilReady({
      target: target(server.port),
      clock: systemClock,
      pace: new Pace(systemClock),
      signal: controller.signal,
      onChange: () => controller.abort(),
    });
    expect(outcome).toBe('aborted');
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
  });
});
