// The calls of an engine over HTTP, against servers that answer well, badly, and not at all. Speech has its own file.
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import { parseWav } from '../../../../src/audio/wav.ts';
import { localEndpoint } from '../../../../src/engines/endpoint.ts';
import { HttpCalls } from '../../../../src/engines/http/calls.ts';
import type { ChatCall } from '../../../../src/engines/instance.ts';
import { dialectOf } from '../../../../src/engines/presets/dialect.ts';
import { systemClock } from '../../../../src/lifecycle/clock.ts';
import { GreenroomError } from '../../../../src/lifecycle/errors.ts';
import { until } from '../../../support/poll.ts';
import { httpServer, type TestServer } from './http-server.ts';

const { signal: never } = new AbortController();
const messages = [{ role: 'user', content: 'Hi' }];

function callsOf(server: TestServer, { preset = '', stallMs = 5000, key = '' } = {}): HttpCalls {
  const local = localEndpoint({ host: '127.0.0.1', port: server.port });
  return new HttpCalls({
    engine: 'mine',
    endpoint: key ? { ...local, headers: { authorization: `Bearer ${key}` } } : local,
    model: () => 'big',
    dialect: dialectOf(preset, 'theirs'),
    clock: systemClock,
    stallMs,
    mask: (text) => text.replaceAll('hunter2', '***'),
  });
}

async function all<T>(parts: AsyncIterable<T>): Promise<T[]> {
  const got: T[] = [];
  for await (const part of parts) got.push(part);
  return got;
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

const sse = (response: ServerResponse, ...events: readonly string[]) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const event of events) response.write(`data: ${event}\n\n`);
};
const text = (content: string, finish: string | null = null) =>
  JSON.stringify({ choices: [{ delta: { content }, finish_reason: finish }] });

const chatWith = async (listener: RequestListener, call: Partial<ChatCall> = {}, signal = never) => {
  await using server = await httpServer(listener);
  return await all(callsOf(server, { stallMs: 500 }).chat({ messages, ...call }, signal));
};

describe('a chat', () => {
  test('is asked as OpenAI has it, with whatever else its caller sent, and its key', async () => {
    let asked: unknown;
    let headers: IncomingMessage['headers'] = {};
    await using server = await httpServer(async (request, response) => {
      ({ headers } = request);
      asked = { url: request.url, ...JSON.parse(String(await bodyOf(request))) };
      sse(response, text('Hello', 'stop'), '[DONE]');
      response.end();
    });
    const call: ChatCall = {
      messages,
      tools: [{ type: 'function' }],
      responseSchema: { type: 'object' },
      ...{ maxTokens: 9, temperature: 0, stop: ['.'] },
      extra: { top_k: 4, stream: false, model: 'another' },
    };
    expect(await all(callsOf(server, { key: 'hunter2' }).chat(call, never))).toEqual([
      { text: 'Hello' },
      { finish: 'stop' },
    ]);
    expect(asked).toEqual({
      url: '/v1/chat/completions',
      ...{ model: 'big', messages, max_tokens: 9, temperature: 0, stop: ['.'], top_k: 4 },
      tools: [{ type: 'function' }],
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'response', strict: true, schema: { type: 'object' } },
      },
      ...{ stream: true, stream_options: { include_usage: true } },
    });
    expect(headers.authorization).toBe('Bearer hunter2');
  });

  test("limits OpenAI's own models by the name that they take", async () => {
    let asked: Record<string, unknown> = {};
    await using server = await httpServer(async (request, response) => {
      asked = JSON.parse(String(await bodyOf(request)));
      sse(response, text('x', 'stop'));
      response.end();
    });
    await all(callsOf(server, { preset: 'openai' }).chat({ messages, maxTokens: 4 }, never));
    expect([asked['max_completion_tokens'], asked['max_tokens']]).toEqual([4, undefined]);
  });

  test('does not show what the engine thinks; a comment between its events is nothing', async () => {
    const parts = await chatWith((_, response) => {
      sse(response, JSON.stringify({ choices: [{ delta: { reasoning_content: 'hm' } }] }));
      response.write(': ping\n\n');
      response.end(`data: ${text('Yes', 'stop')}\n\n`);
    });
    expect(parts).toEqual([{ text: 'Yes' }, { finish: 'stop' }]);
  });

  test('that is answered in one piece is understood', async () => {
    const parts = await chatWith((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' });
      response.end(JSON.stringify({ choices: [{ message: { content: 'Hi' }, finish_reason: 'stop' }] }));
    });
    expect(parts).toEqual([{ text: 'Hi' }, { finish: 'stop' }]);
  });

  test.each<[string, RequestListener, string, string]>([
    [
      'without a token',
      (_, response) => {
        sse(response, text('', 'stop'), '[DONE]');
        response.end();
      },
      'engine_no_output',
      'engine mine: chat: it answered without a single token',
    ],
    [
      'with nothing at all',
      (_, response) => void response.writeHead(200).end('data: [DONE]\n\n'),
      'engine_no_output',
      'engine mine: chat: it answered without a single token',
    ],
    [
      'with an error status',
      (_, response) => void response.writeHead(500).end('{"error":{"message":"no hunter2"}}'),
      'engine_call_failed',
      'engine mine: chat: HTTP 500: {"error":{"message":"no ***"}}',
    ],
    [
      'with an error in the middle',
      (_, response) => {
        sse(response, text('Hel'), '{"error":{"message":"context of hunter2 is full"}}');
        response.end();
      },
      'engine_call_failed',
      'engine mine: chat: context of *** is full',
    ],
    [
      "with llama.cpp's own kind of error",
      (_, response) => {
        sse(response, text('Hel'));
        response.end('error: {"code":500,"message":"slot is gone"}\n\n');
      },
      'engine_call_failed',
      'engine mine: chat: slot is gone',
    ],
    [
      'with what is no JSON',
      (_, response) => {
        sse(response, '{"choices": hunter2');
        response.end();
      },
      'engine_call_failed',
      'engine mine: chat: an event that is no JSON: {"choices": ***',
    ],
    [
      'by a page',
      (_, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>hello</h1>'),
      'ConnectionLost',
      'the answer ended before it was finished',
    ],
    [
      'half, and politely',
      (_, response) => {
        sse(response, text('Hel'));
        response.end();
      },
      'ConnectionLost',
      'the answer ended before it was finished',
    ],
    [
      'half, and cut',
      (_, response) => {
        sse(response, text('Hel'));
        response.write('', () => setImmediate(() => response.destroy()));
      },
      'ConnectionLost',
      'the connection to http://127.0.0.1:PORT was cut',
    ],
    [
      'half, and then silence',
      (_, response) => sse(response, text('Hel')),
      'ConnectionLost',
      'http://127.0.0.1:PORT gave nothing for 500 ms',
    ],
  ])('that is answered %s is an error', async (_, listener, code, message) => {
    const error = await chatWith(listener).catch((thrown: unknown) => thrown);
    expect((error as { code?: string }).code ?? (error as Error).name).toBe(code);
    expect((error as Error).message.replace(/:\d{4,5}\b/, ':PORT')).toBe(message);
  });

  test.each(['before it answers', 'in the middle'])(
    'that is cancelled %s ends without an error, and the connection with it',
    async (when) => {
      await using server = await httpServer((_, response) => {
        if (when === 'in the middle') sse(response, text('Hel'));
      });
      const controller = new AbortController();
      const got = all(callsOf(server).chat({ messages }, controller.signal));
      await until(async () => (await server.connections()) === 1, { timeoutMs: 1000, what: 'a connection' });
      controller.abort();
      await got;
      await until(async () => (await server.connections()) === 0, { timeoutMs: 1000, what: 'no connection' });
    },
  );

  test.each(['before it answers', 'in the middle'])('that is ended %s says why', async (when) => {
    await using server = await httpServer((_, response) => {
      if (when === 'in the middle') sse(response, text('Hel'));
    });
    const calls = callsOf(server);
    const got = all(calls.chat({ messages }, never)).catch((error: unknown) => error);
    await until(async () => (await server.connections()) === 1, { timeoutMs: 1000, what: 'a connection' });
    const why = new GreenroomError('engine_stopped', 'engine mine is being stopped');
    calls.end(why);
    expect(await got).toBe(why);
    await until(async () => (await server.connections()) === 0, { timeoutMs: 1000, what: 'no connection' });
    await expect(all(calls.chat({ messages }, never))).rejects.toBe(why);
  });
});

/** The parts of a form, by name. */
async function formOf(request: IncomingMessage): Promise<Record<string, Buffer>> {
  const body = await bodyOf(request);
  const form = await new Response(new Uint8Array(body), {
    headers: { 'content-type': String(request.headers['content-type']) },
  }).formData();
  const entries = [...form.entries()].map(async ([name, value]) => [
    name,
    typeof value === 'string' ? Buffer.from(value) : Buffer.from(await value.arrayBuffer()),
  ]);
  return Object.fromEntries(await Promise.all(entries));
}

async function* pcm(...chunks: readonly number[][]) {
  for (const chunk of chunks) yield Int16Array.from(chunk);
}

describe('a transcription', () => {
  test('is the samples as one WAV in a form, and its answer the text', async () => {
    let form: Record<string, Buffer> = {};
    let url: string | undefined;
    await using server = await httpServer(async (request, response) => {
      ({ url } = request);
      form = await formOf(request);
      response.end('{"text": " Hello there.\\n"}');
    });
    const call = { pcm: pcm([1, 2, 3], [-4]), rate: 24_000, language: 'de' };
    expect(await all(callsOf(server).transcribe(call, never))).toEqual([
      { text: 'Hello there.', final: true },
    ]);
    expect(url).toBe('/v1/audio/transcriptions');
    const { file = Buffer.of(), ...fields } = form;
    expect(Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, String(value)]))).toEqual({
      ...{ model: 'big', response_format: 'json', language: 'de' },
    });
    expect(parseWav(file)).toEqual({ pcm: Int16Array.of(1, 2, 3, -4), rateHz: 24_000 });
  });

  test('of whisper-server goes to its own path, at 16 kHz, and lets it find the language', async () => {
    let form: Record<string, Buffer> = {};
    let url: string | undefined;
    await using server = await httpServer(async (request, response) => {
      ({ url } = request);
      form = await formOf(request);
      response.end('{"text": ""}');
    });
    const second = Array.from({ length: 24_000 }, () => 100);
    const call = { pcm: pcm(second, second), rate: 24_000, language: null };
    expect(await all(callsOf(server, { preset: 'whisper-server' }).transcribe(call, never))).toEqual([
      { text: '', final: true },
    ]);
    expect([url, String(form['language'])]).toEqual(['/inference', 'auto']);
    const wav = parseWav(form['file'] ?? Buffer.of());
    expect(wav.rateHz).toBe(16_000);
    expect(Math.abs(wav.pcm.length - 32_000)).toBeLessThan(100);
  });

  test.each([
    ['{"segments": []}', 'its answer has no `text`: {"segments":[]}'],
    ['null', 'its answer has no `text`: null'],
    ['hello hunter2', 'its answer from /v1/audio/transcriptions is no JSON: hello ***'],
  ])('that is answered with %s is an error', async (answer, why) => {
    await using server = await httpServer((request, response) => {
      request.resume().on('end', () => response.end(answer));
    });
    const said = all(callsOf(server).transcribe({ pcm: pcm([1]), rate: 16_000, language: null }, never));
    await expect(said).rejects.toMatchObject({
      code: 'engine_call_failed',
      message: `engine mine: transcription: ${why}`,
    });
  });

  test('of more than fits is an error, and its source is let go', async () => {
    await using server = await httpServer(() => undefined);
    let released = 0;
    async function* endless() {
      try {
        for (;;) yield new Int16Array(1_000_000);
      } finally {
        released += 1;
      }
    }
    const said = all(callsOf(server).transcribe({ pcm: endless(), rate: 16_000, language: null }, never));
    await expect(said).rejects.toMatchObject({
      message: 'engine mine: transcription: more than 26214400 bytes of audio in one call',
    });
    await until(() => released === 1, { timeoutMs: 1000, what: 'the source' });
  });

  test('whose speaker is silent for ever ends when its caller leaves', async () => {
    await using server = await httpServer(() => undefined);
    const controller = new AbortController();
    const silent = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => undefined) }) };
    const call = { pcm: silent as AsyncIterable<Int16Array>, rate: 16_000, language: null };
    const said = all(callsOf(server).transcribe(call, controller.signal));
    controller.abort();
    expect(await said).toEqual([]);
  });
});

describe('an embedding', () => {
  const embed = async (answer: unknown, input = ['a', 'b']) => {
    await using server = await httpServer((request, response) => {
      request.resume().on('end', () => response.end(JSON.stringify(answer)));
    });
    return await callsOf(server).embed({ input }, never);
  };

  test('is one vector for each text, in order', async () => {
    const data = [
      { index: 1, embedding: [3, 4] },
      { index: 0, embedding: [1, 2.5] },
    ];
    expect(await embed({ data })).toEqual([Float32Array.of(1, 2.5), Float32Array.of(3, 4)]);
  });

  test.each([
    [{}, 'its answer has no embeddings for 2 texts'],
    [{ data: [{ index: 0, embedding: [1] }] }, 'its answer has 1 embeddings for 2 texts'],
    [{ data: [{ embedding: [1] }, { embedding: [] }] }, 'its answer has no numbers for text 2 of 2'],
    [{ data: [{ embedding: [1] }, { embedding: 'AAAA' }] }, 'its answer has no numbers for text 2 of 2'],
    [
      {
        data: [
          { index: 0, embedding: [1] },
          { index: 0, embedding: [1] },
        ],
      },
      'its answer has no numbers for text 2 of 2',
    ],
  ])('that is answered with %j is an error', async (answer, why) => {
    await expect(embed(answer)).rejects.toMatchObject({
      code: 'engine_call_failed',
      message: `engine mine: embedding: ${why}`,
    });
  });

  test('that nobody waits for any more is cancelled', async () => {
    await using server = await httpServer(() => undefined);
    const controller = new AbortController();
    const got = callsOf(server).embed({ input: ['a'] }, controller.signal);
    controller.abort();
    await expect(got).rejects.toMatchObject({ code: 'cancelled' });
  });
});
