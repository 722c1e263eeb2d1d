import type { ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import { localEndpoint } from '../../../../src/engines/endpoint.ts';
import { ConnectionLost } from '../../../../src/engines/http/exchange.ts';
import { speakOverHttp } from '../../../../src/engines/http/speech.ts';
import { systemClock } from '../../../../src/lifecycle/clock.ts';
import { until } from '../../../support/poll.ts';
import { httpServer } from './http-server.ts';

function speak(port: number, signal: AbortSignal, changes: { stallMs?: number; voice?: string } = {}) {
  const { stallMs = 5000, voice = null } = changes;
  const endpoint = localEndpoint({ host: '127.0.0.1', port });
  const mask = (text: string) => text.replace('hunter2', '***');
  const context = { engine: 'mine', endpoint, clock: systemClock, stallMs, mask };
  return speakOverHttp(context, { model: 'mine', text: 'hello', voice }, signal);
}
const { signal: never } = new AbortController();
const failed = (message: string) => ({
  code: 'engine_call_failed',
  message: `engine mine: speech: ${message}`,
});

const lost = (message: string) => ({ name: 'ConnectionLost', message });

async function samples(chunks: AsyncIterable<{ pcm: Int16Array; rate: number }>): Promise<number[]> {
  const all: number[] = [];
  for await (const { pcm, rate } of chunks) {
    expect(rate).toBe(24_000);
    all.push(...pcm);
  }
  return all;
}

/** Writes each part when the one before is on its way. */
async function inParts(response: ServerResponse, parts: readonly Buffer[]): Promise<void> {
  for (const part of parts) {
    await new Promise<void>((resolve) => response.write(part, () => setImmediate(resolve)));
  }
  response.end();
}

describe('speech over HTTP', () => {
  test('asks as OpenAI has it', async () => {
    const seen: unknown[] = [];
    await using server = await httpServer(async (request, response) => {
      let body = '';
      for await (const part of request) body += part;
      seen.push(request.method, request.url, JSON.parse(body));
      response.end(Buffer.alloc(2));
    });
    await samples(speak(server.port, never, { voice: 'alloy' }));
    expect(seen).toEqual([
      'POST',
      '/v1/audio/speech',
      { model: 'mine', input: 'hello', voice: 'alloy', response_format: 'pcm' },
    ]);
  });

  test('streams, and puts together samples that the network cut in two', async () => {
    const pcm = Int16Array.from({ length: 3000 }, (_, at) => at * 11 - 16_000);
    const bytes = Buffer.from(pcm.buffer);
    const cuts = [0, 1, 2, 5, 6, 1001, 1003, 4000, bytes.length];
    const parts = cuts.slice(1).map((end, at) => bytes.subarray(cuts[at], end));
    await using server = await httpServer((_, response) => void inParts(response, parts));
    expect(await samples(speak(server.port, never))).toEqual([...pcm]);
  });

  test('says what the program said of its failure, and not more than 2000 characters of it', async () => {
    await using server = await httpServer((_, response) => {
      response.writeHead(500).end(`  out of memory for hunter2 ${'!'.repeat(1_000_000)}`);
    });
    const error = await samples(speak(server.port, never)).catch((thrown: Error) => thrown);
    expect(error).toMatchObject({ code: 'engine_call_failed' });
    expect((error as Error).message).toMatch(
      /^engine mine: speech: HTTP 500: out of memory for \*\*\* !+ …$/,
    );
    expect((error as Error).message.length).toBeLessThan(2050);
  });

  test('says nothing of a secret that the limit of what is shown would have cut', async () => {
    const parts = [`${'!'.repeat(1996)}hunt`, `er2${'!'.repeat(1000)}`].map((part) => Buffer.from(part));
    await using server = await httpServer((_, response) => {
      response.writeHead(500);
      void inParts(response, parts);
    });
    const error = await samples(speak(server.port, never)).catch((thrown: unknown) => thrown);
    expect((error as Error).message).toMatch(/HTTP 500: !+\*{3}!* …$/);
  });

  test.each([
    ['text/html; charset=utf-8', '<h1>Not Found</h1> hunter2', '<h1>Not Found</h1> ***'],
    ['application/json', '{"error":"no voice"}', '{"error":"no voice"}'],
    ['audio/mpeg', 'ID3', 'ID3'],
  ])('that is answered with %s is an error with what came', async (type, body, said) => {
    await using server = await httpServer((_, response) => {
      response.writeHead(200, { 'content-type': type }).end(body);
    });
    const spoken = samples(speak(server.port, never));
    const message = `${type} came from /v1/audio/speech, not audio/pcm: ${said}`;
    await expect(spoken).rejects.toMatchObject(failed(message));
  });

  test.each([
    ['nothing', undefined, '', 'its answer has no samples (0 bytes)'],
    ['half a sample', 'audio/pcm', 'x', 'its answer has no samples (1 bytes)'],
    ['a WAV that is none', 'audio/wav', 'ID3 and so on, a song', '"RIFF" expected at offset 0, found "ID3 "'],
  ])('that is answered with %s is an error', async (_, type, body, why) => {
    await using server = await httpServer((_request, response) => {
      response.writeHead(200, type ? { 'content-type': type } : {}).end(body);
    });
    await expect(samples(speak(server.port, never))).rejects.toMatchObject(failed(why));
  });

  test('that is cut in the middle is an error after what came', async () => {
    await using server = await httpServer((_, response) => {
      response.write(Buffer.alloc(200), () => setImmediate(() => response.destroy()));
    });
    const chunks = speak(server.port, never);
    expect((await chunks.next()).value?.pcm).toHaveLength(100);
    await expect(chunks.next()).rejects.toMatchObject(
      lost(`the connection to http://127.0.0.1:${server.port} was cut`),
    );
  });

  test('to nobody is an error', async () => {
    const server = await httpServer(() => undefined);
    await server[Symbol.asyncDispose]();
    const said = samples(speak(server.port, never));
    await expect(said).rejects.toMatchObject(lost(`connect ECONNREFUSED 127.0.0.1:${server.port}`));
  });

  test.each(['before it answers', 'in the middle'])(
    'that stops %s for too long is an error',
    async (when) => {
      await using server = await httpServer((_, response) => {
        if (when === 'in the middle') response.write(Buffer.alloc(200));
      });
      const said = samples(speak(server.port, never, { stallMs: 50 }));
      await expect(said).rejects.toMatchObject(
        lost(`http://127.0.0.1:${server.port} gave nothing for 50 ms`),
      );
      await until(async () => (await server.connections()) === 0, { timeoutMs: 1000, what: 'no connection' });
    },
  );

  test('that is answered by a switch of protocols is an error', async () => {
    await using server = await httpServer((request) => {
      request.socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n');
    });
    const said = samples(speak(server.port, never, { stallMs: 60_000 }));
    await expect(said).rejects.toBeInstanceOf(ConnectionLost);
  });

  test('may be listened to as slowly as one likes', async () => {
    await using server = await httpServer((_, response) => {
      response.write(Buffer.alloc(200), () => setImmediate(() => response.end(Buffer.alloc(200))));
    });
    const chunks = speak(server.port, never, { stallMs: 30 });
    expect((await chunks.next()).value?.pcm).toHaveLength(100);
    const began = performance.now();
    await until(() => performance.now() - began > 100, { timeoutMs: 1000, what: 'a slow listener' });
    expect((await chunks.next()).value?.pcm).toHaveLength(100);
    expect((await chunks.next()).done).toBe(true);
  });

  test.each(['before it answers', 'in the middle'])(
    'that is cancelled %s ends without an error, and the connection with it',
    async (when) => {
      const controller = new AbortController();
      await using server = await httpServer((_, response) => {
        if (when === 'in the middle') response.write(Buffer.alloc(200));
      });
      const said = samples(speak(server.port, controller.signal));
      await until(async () => (await server.connections()) === 1, {
        timeoutMs: 1000,
        what: 'the connection',
      });
      controller.abort();
      await said;
      await until(async () => (await server.connections()) === 0, { timeoutMs: 1000, what: 'no connection' });
      expect(await samples(speak(server.port, controller.signal))).toEqual([]);
    },
  );

  test('that is left in the middle closes the connection', async () => {
    await using server = await httpServer((_, response) => {
      response.write(Buffer.alloc(200));
    });
    for await (const _ of speak(server.port, never)) break;
    await until(async () => (await server.connections()) === 0, { timeoutMs: 1000, what: 'no connection' });
  });
});
