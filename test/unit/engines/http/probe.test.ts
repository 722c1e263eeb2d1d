import { getEventListeners } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { localEndpoint } from '../../../../src/engines/endpoint.ts';
import { Pace } from '../../../../src/engines/http/pace.ts';
import {
  answerText,
  judge,
  type ProbeAnswer,
  type Probed,
  probe,
  probes,
} from '../../../../src/engines/http/probe.ts';
import { systemClock } from '../../../../src/lifecycle/clock.ts';
import { until } from '../../../support/poll.ts';
import { httpServer } from './http-server.ts';

const host = '127.0.0.1';
const target = (port: number) => ({
  endpoint: localEndpoint({ host, port }),
  ...{ path: '/health', status: 200, timeoutMs: 2000 },
});
const { signal: never } = new AbortController();

describe('one probe', () => {
  test('says the status, and leaves no connection, however long the body', async () => {
    await using server = await httpServer((_, response) => {
      response.writeHead(503);
      response.write('x'.repeat(1_000_000));
    });
    expect(await probe(target(server.port), systemClock, never)).toEqual({
      ...{ state: 'answered', status: 503, body: 'right' },
    });
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

describe('what an answer means', () => {
  const answered = (status: number, body: 'right' | 'wrong' = 'right'): ProbeAnswer => ({
    state: 'answered',
    ...{ status, body },
  });

  test.each<[ProbeAnswer, readonly number[] | undefined, string]>([
    [answered(200), undefined, 'ready'],
    [answered(200, 'wrong'), [], 'loading'],
    [answered(503), undefined, 'loading'],
    [answered(404), undefined, 'loading'],
    [answered(401), undefined, 'wrong'],
    [answered(403), undefined, 'wrong'],
    [answered(401), [401], 'loading'],
    [answered(503), [503, 400], 'loading'],
    [answered(400), [503, 400], 'loading'],
    [answered(404), [503], 'wrong'],
    [answered(500), [], 'wrong'],
    [{ state: 'refused', why: 'no' }, [], 'loading'],
    [{ state: 'connected', why: 'no' }, [], 'loading'],
  ])('%o while %o are normal: %s', (answer, loading, verdict) => {
    expect(judge(answer, { ...target(1), loading })).toBe(verdict);
  });

  test('is said in a few words', () => {
    const wanted = { ...target(1), body: '"ok"' };
    expect(answerText(answered(200, 'wrong'), wanted)).toBe('HTTP 200 from /health without "\\"ok\\""');
    expect(answerText(answered(503), wanted)).toBe('HTTP 503 from /health');
    expect(answerText({ state: 'connected', why: 'no answer in 5 ms' }, wanted)).toBe('no answer in 5 ms');
  });

  test.each([
    ['{"status":"ok"}', 'right'],
    ['{"status":"loading model"}', 'wrong'],
    ['', 'wrong'],
    [`${' '.repeat(65_000)}"ok"`, 'right'],
    [`${' '.repeat(66_000)}"ok"`, 'wrong'],
  ])('of its body counts what it has to hold (%#)', async (text, body) => {
    await using server = await httpServer((_, response) => response.end(text));
    const wanted = { ...target(server.port), body: '"ok"' };
    expect(await probe(wanted, systemClock, never)).toEqual({ state: 'answered', status: 200, body });
  });

  test('a body that never ends is judged by what came of it in time', async () => {
    await using server = await httpServer((_, response) => {
      response.write('"o');
    });
    const wanted = { ...target(server.port), body: '"ok"', timeoutMs: 50 };
    expect(await probe(wanted, systemClock, never)).toMatchObject({ state: 'answered', body: 'wrong' });
  });
});

describe('probing again and again', () => {
  const probing = (port: number, signal = never) =>
    probes({ target: target(port), clock: systemClock, pace: new Pace(systemClock), signal });

  test('tells each answer, whether it is new, and what it means', async () => {
    let asked = 0;
    await using server = await httpServer((_, response) => {
      asked += 1;
      response.writeHead(asked < 3 ? 503 : 200).end();
    });
    const seen: Probed[] = [];
    for await (const probed of probing(server.port)) {
      seen.push(probed);
      if (probed.verdict === 'ready') break;
    }
    const answer = (status: number) => ({ state: 'answered', status, body: 'right' });
    expect(seen).toEqual([
      { answer: answer(503), verdict: 'loading', isNew: true },
      { answer: answer(503), verdict: 'loading', isNew: false },
      { answer: answer(200), verdict: 'ready', isNew: true },
    ]);
  });

  test.each(['while it pauses', 'while it asks'])('ends with its signal %s', async (when) => {
    const controller = new AbortController();
    await using server = await httpServer((_, response) => {
      if (when === 'while it asks') controller.abort();
      else response.writeHead(503).end();
    });
    const seen: Probed[] = [];
    for await (const probed of probing(server.port, controller.signal)) {
      seen.push(probed);
      controller.abort();
    }
    expect(seen).toHaveLength(when === 'while it asks' ? 0 : 1);
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
  });
});
