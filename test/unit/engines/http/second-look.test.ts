import type { RequestListener } from 'node:http';
import { describe, expect, test } from 'vitest';
import { localEndpoint } from '../../../../src/engines/endpoint.ts';
import { type LookVerdict, secondLook } from '../../../../src/engines/http/second-look.ts';
import { systemClock } from '../../../../src/lifecycle/clock.ts';
import { httpServer } from './http-server.ts';

const { signal: never } = new AbortController();

function look(port: number, calls: number, signal = never): Promise<LookVerdict> {
  const endpoint = localEndpoint({ host: '127.0.0.1', port });
  const target = { endpoint, path: '/health', status: 200, timeoutMs: 50 };
  return secondLook({ target, clock: systemClock, signal, callsUnderWay: () => calls });
}

async function lookAt(listener: RequestListener, calls: number): Promise<LookVerdict> {
  await using server = await httpServer(listener);
  return await look(server.port, calls);
}

describe('a second look', () => {
  test('at one that answers, whatever it answers, finds it there', async () => {
    const verdict = await lookAt((_, response) => void response.writeHead(503).end(), 0);
    expect(verdict).toEqual({ state: 'there', facts: 'the program still answers (HTTP 503)' });
  });

  test('at one that answers the second time finds it there', async () => {
    let asked = 0;
    const verdict = await lookAt((request, response) => {
      asked += 1;
      if (asked === 1) request.socket.destroy();
      else response.end();
    }, 0);
    expect(verdict).toMatchObject({ state: 'there' });
  });

  test('at one that is silent finds it gone, unless it has other calls', async () => {
    expect(await lookAt(() => undefined, 0)).toEqual({ state: 'gone', why: 'no answer in 50 ms' });
    expect(await lookAt(() => undefined, 2)).toEqual({
      state: 'there',
      facts: 'the program is busy with 2 other calls (no answer in 50 ms)',
    });
  });

  test('at one that refuses finds it gone, whatever calls it has', async () => {
    const server = await httpServer(() => undefined);
    await server[Symbol.asyncDispose]();
    const why = `connect ECONNREFUSED 127.0.0.1:${server.port}`;
    expect(await look(server.port, 2)).toEqual({ state: 'gone', why });
  });

  test('ends at once when nobody wants it any more', async () => {
    const began = performance.now();
    await look(1, 0, AbortSignal.abort());
    expect(performance.now() - began).toBeLessThan(100);
  });
});
