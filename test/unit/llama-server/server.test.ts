// The HTTP side, with a toy for a model.
import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import OpenAI, { APIError } from 'openai';
import { expect, test } from 'vitest';
import { systemClock } from '../../../src/lifecycle/clock.ts';
import { Scope } from '../../../src/lifecycle/scope.ts';
import { listen } from '../../../src/llama-server/listen.ts';
import { LoadProgress } from '../../../src/llama-server/load-progress.ts';
import { LlamaServer } from '../../../src/llama-server/server.ts';
import { until } from '../../support/poll.ts';
import { RawSocket } from '../../support/raw-socket.ts';
import { type ToyCall, ToyModel } from './toy-model.ts';

class World implements AsyncDisposable {
  readonly scope = new Scope('requests', { clock: systemClock, order: 'parallel' });
  readonly model = new ToyModel();
  readonly progress = new LoadProgress(() => undefined);
  readonly server: LlamaServer;
  url = '';

  static async open(options: { readonly parallel?: number; readonly waiting?: number } = {}): Promise<World> {
    const world = new World(options);
    world.url = await listen(world.server.http, { kind: 'tcp', host: '127.0.0.1', port: 0 });
    return world;
  }

  private constructor({ parallel = 1, waiting = 4 }) {
    const { scope, progress } = this;
    this.server = new LlamaServer({ scope, progress, alias: 'toy', parallel, waiting });
  }

  static async ready(options?: Parameters<typeof World.open>[0]): Promise<World> {
    const world = await World.open(options);
    world.server.ready(world.model);
    return world;
  }

  get openai(): OpenAI {
    return new OpenAI({ baseURL: `${this.url}/v1`, apiKey: 'none', maxRetries: 0 });
  }

  get(path: string): Promise<Response> {
    return fetch(`${this.url}${path}`);
  }

  post(path: string, body: unknown, signal?: AbortSignal): Promise<Response> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return fetch(`${this.url}${path}`, { method: 'POST', body: text, ...(signal && { signal }) });
  }

  chat(more: object = {}, signal?: AbortSignal): Promise<Response> {
    const messages = [{ role: 'user', content: 'Hello' }];
    return this.post('/v1/chat/completions', { model: 'toy', messages, ...more }, signal);
  }

  /** The call of that number, once it has begun. */
  call(number = 0): Promise<ToyCall> {
    return until(() => this.model.calls[number], { timeoutMs: 2000, what: `call ${number}` });
  }

  async health(): Promise<Record<string, unknown>> {
    return (await (await this.get('/health')).json()) as Record<string, unknown>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.scope.close('done');
    this.server.http.closeAllConnections();
    await new Promise((resolve) => this.server.http.close(resolve));
  }
}

const errorOf = async (response: Response) =>
  ((await response.json()) as { error: Record<string, unknown> }).error;

test('it answers before there is a model: 503 with how far the load is, whatever is asked', async () => {
  await using world = await World.open();
  world.progress.tell(0.42, 'loading the model');
  for (const answer of [await world.get('/health'), await world.get('/v1/models'), await world.chat()]) {
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
    expect(await answer.json()).toEqual({
      error: { code: 503, message: 'Loading model', type: 'unavailable_error' },
      progress: { fraction: 0.42, text: 'loading the model' },
    });
  }
  world.server.ready(world.model);
  expect(await world.health()).toEqual({ status: 'ok', active: 0, waiting: 0, parallel: 1 });
});

test('the model has the name that it was given', async () => {
  await using world = await World.ready();
  const { data } = await world.openai.models.list();
  expect(data).toMatchObject([{ id: 'toy', object: 'model', owned_by: 'greenroom' }]);
});

test('a whole answer, through the client of OpenAI', async () => {
  await using world = await World.ready();
  const messages = [{ role: 'user' as const, content: 'Hello' }];
  const asked = world.openai.chat.completions.create({ model: 'toy', messages, max_tokens: 5 });
  const { onPart, end, asked: history, sampling } = await world.call();
  expect([history, sampling.maxTokens]).toEqual([[{ role: 'user', text: 'Hello' }], 5]);
  onPart({ kind: 'text', text: 'Good ' });
  onPart({ kind: 'text', text: 'day' });
  end({ finish: 'length' });
  expect(await asked).toMatchObject({
    model: 'toy',
    choices: [{ message: { role: 'assistant', content: 'Good day' }, finish_reason: 'length' }],
    usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
  });
});

test('a streamed answer, piece by piece as it is made, with what it took', async () => {
  await using world = await World.ready();
  const stream = await Promise.all([
    world.openai.chat.completions.create({
      model: 'toy',
      messages: [{ role: 'user', content: 'Hello' }],
      stream: true,
      stream_options: { include_usage: true },
    }),
    world.call().then(({ onPart }) => onPart({ kind: 'text', text: 'Good ' })),
  ]).then(([opened]) => opened);
  const { onPart, end } = await world.call();
  const texts: string[] = [];
  let usage: unknown;
  for await (const { choices, usage: told } of stream) {
    texts.push(choices[0]?.delta.content ?? choices[0]?.finish_reason ?? '-');
    usage = told;
    // What comes next is made only now that the piece before it has arrived.
    if (texts.length === 2) onPart({ kind: 'text', text: 'day' });
    if (texts.length === 3) end();
  }
  expect(texts).toEqual(['', 'Good ', 'day', 'stop', '-']);
  expect(usage).toEqual({ prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 });
});

test('plain completions, whole and streamed', async () => {
  await using world = await World.ready();
  const whole = world.openai.completions.create({ model: 'toy', prompt: 'Once' });
  const first = await world.call(0);
  expect(first.asked).toBe('Once');
  first.onPart({ kind: 'text', text: ' upon' });
  first.end();
  expect(await whole).toMatchObject({ choices: [{ text: ' upon', finish_reason: 'stop' }] });

  const opening = world.openai.completions.create({ model: 'toy', prompt: 'Once', stream: true });
  const second = await world.call(1);
  second.onPart({ kind: 'text', text: ' a' });
  second.onPart({ kind: 'text', text: ' time' });
  second.end();
  let text = '';
  for await (const chunk of await opening) text += chunk.choices[0]?.text;
  expect(text).toBe(' a time');
});

test('embeddings: OpenAI asks for base64 and gets its numbers', async () => {
  await using world = await World.ready();
  const answer = await world.openai.embeddings.create({ model: 'toy', input: ['ab', 'abc'] });
  expect(answer.data.map(({ embedding }) => embedding)).toEqual([
    [2, 0.5],
    [3, 0.5],
  ]);
});

test.each([
  ['/v1/nothing', 'GET', 404, 'not_found'],
  ['/constructor', 'GET', 404, 'not_found'],
  ['/health', 'POST', 405, 'method_not_allowed'],
  ['/v1/chat/completions', 'GET', 405, 'method_not_allowed'],
])('%s by %s is %i', async (path, method, status, code) => {
  await using world = await World.ready();
  const answer = await fetch(`${world.url}${path}`, { method });
  expect(answer.status).toBe(status);
  expect(await errorOf(answer)).toMatchObject({ code });
  if (status === 405) expect(answer.headers.get('allow')).toBe(method === 'GET' ? 'POST' : 'GET');
});

test.each([
  ['no JSON', '{"messages":', 'the body is not JSON'],
  ['no UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'the body is not JSON'],
  ['nothing', '', 'the body is not JSON'],
  ['a number', '5', 'the body is to be a JSON object'],
])('%s is 400', async (_, body, message) => {
  await using world = await World.ready();
  const answer = await fetch(`${world.url}/v1/chat/completions`, { method: 'POST', body });
  expect(answer.status).toBe(400);
  expect(await errorOf(answer)).toMatchObject({
    code: 'invalid_request',
    type: 'invalid_request_error',
    message: expect.stringContaining(message),
  });
});

test('a field that cannot be had is an error of the client of OpenAI, with its name', async () => {
  await using world = await World.ready();
  const asked = world.openai.chat.completions.create({
    model: 'toy',
    messages: [{ role: 'user', content: 'Hello' }],
    n: 2,
  });
  const error = await asked.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(APIError);
  expect(error).toMatchObject({ status: 400, param: 'n', code: 'invalid_request' });
});

const mebibyte = 1024 * 1024;

test('a body over 25 MiB that is announced is refused before it comes, and may still be sent', async () => {
  await using world = await World.ready();
  await using raw = await RawSocket.dial(world.url);
  const length = 25 * mebibyte + 1;
  raw.write(`POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: ${length}\r\n\r\n`);
  const answer = await raw.answer();
  expect(answer.status).toBe(413);
  expect(JSON.parse(answer.body)).toMatchObject({ error: { code: 'body_too_large' } });
  for (let sent = 0; sent < length; sent += mebibyte)
    raw.write('x'.repeat(Math.min(mebibyte, length - sent)));
  raw.text = '';
  raw.write('GET /health HTTP/1.1\r\nhost: x\r\n\r\n');
  expect((await raw.answer()).status).toBe(200);
});

test('a body over 25 MiB that is not announced is refused when it is too much', async () => {
  await using world = await World.ready();
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    const call = httpRequest(`${world.url}/v1/chat/completions`, { method: 'POST' }, resolve);
    call.on('error', reject);
    for (let sent = 0; sent <= 25; sent += 1) call.write('x'.repeat(mebibyte));
    call.end();
  });
  expect((await answer).statusCode).toBe(413);
  (await answer).resume();
});

test('a body of 20 MiB is read', async () => {
  await using world = await World.ready();
  const controller = new AbortController();
  const asked = world.chat(
    { messages: [{ role: 'user', content: 'x'.repeat(20 * mebibyte) }] },
    controller.signal,
  );
  const { asked: history, end } = await world.call();
  expect((history as readonly { text: string }[])[0]?.text.length).toBe(20 * mebibyte);
  end();
  expect((await asked).status).toBe(200);
});

test('one at a time: the others wait in their order, and the one too many is told', async () => {
  await using world = await World.ready({ waiting: 2 });
  const answers = [world.chat({ max_tokens: 1 }), world.call().then(() => world.chat({ max_tokens: 2 }))];
  await until(async () => (await world.health())['waiting'] === 1, { timeoutMs: 2000, what: 'one to wait' });
  answers.push(world.chat({ max_tokens: 3 }));
  await until(async () => (await world.health())['waiting'] === 2, { timeoutMs: 2000, what: 'two to wait' });
  const refused = await world.chat();
  expect(refused.status).toBe(503);
  expect(await errorOf(refused)).toMatchObject({ code: 'engine_busy', type: 'unavailable_error' });
  for (const number of [0, 1, 2]) {
    const { sampling, lane, end } = await world.call(number);
    expect([sampling.maxTokens, lane, world.model.calls.length]).toEqual([number + 1, 0, number + 1]);
    end();
  }
  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200]);
  expect(await world.health()).toMatchObject({ active: 0, waiting: 0 });
});

test('several at a time have lanes of their own', async () => {
  await using world = await World.ready({ parallel: 2 });
  const answers = [world.chat(), world.chat()];
  const lanes = [(await world.call(0)).lane, (await world.call(1)).lane];
  expect(lanes.sort()).toEqual([0, 1]);
  for (const { end } of world.model.calls) end();
  await Promise.all(answers);
});

test.each(['streamed', 'whole'])('who leaves cancels a %s answer, and the next one begins', async (how) => {
  await using world = await World.ready();
  const controller = new AbortController();
  const left = world.chat({ stream: how === 'streamed' }, controller.signal).catch(() => 'left');
  const first = await world.call(0);
  if (how === 'streamed') first.onPart({ kind: 'text', text: 'Good' });
  const next = world.chat();
  await until(async () => (await world.health())['waiting'] === 1, { timeoutMs: 2000, what: 'one to wait' });
  controller.abort();
  await until(() => first.signal.aborted, { timeoutMs: 2000, what: 'the cancel' });
  // What it says by then is for nobody.
  first.onPart({ kind: 'text', text: ' day' });
  (await world.call(1)).end();
  expect((await next).status).toBe(200);
  await left;
});

test('who leaves while it waits is never begun', async () => {
  await using world = await World.ready();
  const first = world.chat();
  const { end } = await world.call(0);
  const controller = new AbortController();
  const left = world.chat({}, controller.signal).catch(() => 'left');
  await until(async () => (await world.health())['waiting'] === 1, { timeoutMs: 2000, what: 'one to wait' });
  controller.abort();
  await until(async () => (await world.health())['waiting'] === 0, { timeoutMs: 2000, what: 'none to wait' });
  end();
  await first;
  expect([await left, world.model.calls.length]).toEqual(['left', 1]);
});

test('a failure before the first word has a status of its own, also of a stream', async () => {
  await using world = await World.ready();
  const asked = world.chat({ stream: true });
  (await world.call()).fail(new Error('no memory left'));
  const answer = await asked;
  expect(answer.status).toBe(500);
  expect(await errorOf(answer)).toMatchObject({ code: 'internal_error', message: 'no memory left' });
});

test('a failure after it is an error in the stream, which the client of OpenAI throws', async () => {
  await using world = await World.ready();
  const messages = [{ role: 'user' as const, content: 'Hello' }];
  const opening = world.openai.chat.completions.create({ model: 'toy', messages, stream: true });
  const { onPart, fail } = await world.call();
  onPart({ kind: 'text', text: 'Good' });
  const stream = await opening;
  fail(new Error('no memory left'));
  let text = '';
  const read = async () => {
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content;
  };
  await expect(read()).rejects.toThrow('no memory left');
  expect(text).toBe('Good');
});

test('a slow reader holds nobody, and gets every word when it reads', async () => {
  await using world = await World.ready();
  const body = JSON.stringify({ messages: [{ role: 'user', content: 'Hello' }], stream: true });
  await using slow = await RawSocket.dial(world.url);
  slow.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  const { onPart, end } = await world.call();
  slow.socket.pause();
  // As many events would be 40 MB.
  const words = 200_000;
  for (let word = 0; word < words; word += 1) onPart({ kind: 'text', text: `w${word} ` });
  end();
  const next = world.chat();
  (await world.call(1)).end();
  expect((await next).status).toBe(200);
  slow.socket.resume();
  await until(() => slow.state === 'closed', { timeoutMs: 5000, what: 'the end of the answer' });
  const texts = [...slow.text.matchAll(/^data: (\{.*\})\r?$/gm)].map(
    ([, json = '']) => JSON.parse(json).choices[0].delta.content ?? '',
  );
  expect(texts.join('')).toBe(Array.from({ length: words }, (_, word) => `w${word} `).join(''));
  expect(slow.text).toContain('data: [DONE]');
  expect(slow.text.length).toBeLessThan(4 * mebibyte);
});

test('when it leaves, streams are told and the others get 503', async () => {
  await using world = await World.ready({ parallel: 2 });
  const streamed = world.chat({ stream: true });
  (await world.call(0)).onPart({ kind: 'text', text: 'Good' });
  const whole = world.chat();
  await world.call(1);
  const text = (await streamed).text();
  await world.scope.close('server_shutdown');
  expect(await text).toMatch(/event: error\ndata: .*"code":"server_shutdown".*\n\n$/);
  expect((await whole).status).toBe(503);
  expect(await errorOf(await whole)).toMatchObject({ code: 'server_shutdown' });
  const late = await world.get('/health');
  expect(late.status).toBe(503);
  expect(await errorOf(late)).toMatchObject({ code: 'server_shutdown' });
});

test('a caller that leaves in the middle of its body leaves nothing behind', async () => {
  await using world = await World.ready();
  const raw = await RawSocket.dial(world.url);
  raw.write('POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"mess');
  await until(() => world.scope.tree().children?.length === 1, { timeoutMs: 2000, what: 'the request' });
  await raw[Symbol.asyncDispose]();
  await until(() => !world.scope.tree().children?.length, { timeoutMs: 2000, what: 'its end' });
  expect(world.model.calls).toEqual([]);
});

test('it listens on a port of the kernel, and says which', async () => {
  await using world = await World.open();
  expect(world.url).toBe(`http://127.0.0.1:${(world.server.http.address() as AddressInfo).port}`);
});
