// What passes between a caller and an engine, and what does not.
import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { until } from '../../support/poll.ts';
import { RawSocket } from '../../support/raw-socket.ts';
import { worker } from '../engines/supervised.ts';
import { ask, Desk, openaiLike } from './desk.ts';

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

test('a stream passes as it comes, token by token, and is the engine’s own', async () => {
  await using desk = await Desk.open([openaiLike()]);
  await desk.ready();
  const answer = await desk.chat('count 5 100', { stream: true });
  expect(answer.status).toBe(200);
  expect(answer.headers['content-type']).toBe('text/event-stream; charset=utf-8');
  await answer.end();
  expect(answer.state).toBe('whole');
  expect(answer.tokens()).toBe(' t0 t1 t2 t3 t4');
  expect(answer.events().at(-1)).toBe('[DONE]');
  // Each came when it was said, not all at the end.
  const times = answer.pieces.map(({ atMs }) => atMs);
  expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeGreaterThan(350);
  expect(answer.pieces.length).toBeGreaterThan(4);
});

test('an answer that comes as a whole passes byte for byte, with its length and its own status', async () => {
  await using desk = await Desk.open([openaiLike()]);
  await desk.ready();
  const good = await desk.chat('hello');
  expect(await good.json()).toMatchObject({ choices: [{ message: { content: 'hello there' } }] });
  expect(good.status).toBe(200);
  const bad = await desk.chat('bad');
  expect([bad.status, await bad.json()]).toEqual([
    400,
    { error: { message: 'temperature is too high', type: 'invalid_request_error' } },
  ]);
  const busy = await desk.chat('busy', { stream: true });
  expect([busy.status, await busy.end()]).toEqual([503, expect.stringContaining('Loading model')]);
  for (const [path, body, expected] of [
    ['/v1/completions', { prompt: 'x' }, 'hello'],
    ['/v1/embeddings', { input: 'x' }, '"embedding":[0.5,1]'],
  ] as const)
    expect(await (await desk.post(path, body)).end()).toContain(expected);
  const speech = await desk.post('/v1/audio/speech', { input: 'x 9600' });
  expect([speech.headers['content-type'], (await speech.end()).length]).toEqual(['audio/pcm', 9600]);
});

test('what is the door’s does not reach the engine, and what is the engine’s alone does not come back', async () => {
  await using desk = await Desk.open([openaiLike()], { tokens: ['caller-token'], admin: ['admin-token'] });
  await desk.ready();
  const secrets = {
    ...{ authorization: 'Bearer caller-token', cookie: 'greenroom=secret', 'x-greenroom-engine': 'llm' },
    ...{
      'openai-organization': 'org',
      connection: 'x-hop',
      'x-hop': '1',
      'content-type': 'application/x-www-form-urlencoded',
    },
  };
  const answer = await desk.chat('count', { stream: true }, { headers: secrets });
  await answer.end();
  expect(answer.headers).not.toHaveProperty('set-cookie');
  const inQuery = await desk.post('/v1/chat/completions?token=caller-token&model=llm&keep=1', {
    messages: [{ role: 'user', content: 'hello' }],
  });
  expect(inQuery.status).toBe(200);
  const [first, second] = (await desk.seen()).map(({ url, headers }) => ({ url, headers }));
  for (const name of [
    'authorization',
    'cookie',
    'x-greenroom-engine',
    'openai-organization',
    'x-hop',
    'expect',
  ])
    expect(first?.headers).not.toHaveProperty(name);
  // Without a content type of its own `curl -d` says that it sends a form.
  expect(first?.headers).toMatchObject({ 'content-type': 'application/json', 'accept-encoding': 'identity' });
  const { port } = desk.stage.supervisor.get('llm').status();
  expect(first?.headers['host']).toBe(`127.0.0.1:${port}`);
  expect(second?.url).toBe('/v1/chat/completions?keep=1');
  expect(JSON.stringify(await desk.seen())).not.toContain('token');
});

test('who may: callers what engines offer, administrators what they answer besides', async () => {
  await using desk = await Desk.open([openaiLike()], { tokens: ['caller-token'], admin: ['admin-token'] });
  await desk.ready();
  const status = async (path: string, token: string | undefined, method = 'POST') => {
    const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
    const body = JSON.stringify({ messages: [{ role: 'user', content: 'hello' }] });
    return (await ask(desk.url, path, { method, headers, body })).status;
  };
  const table = await Promise.all(
    ['/v1/chat/completions', '/engines/llm/echo'].flatMap((path) =>
      [undefined, 'wrong', 'caller-token', 'admin-token'].map((token) => status(path, token)),
    ),
  );
  expect(table).toEqual([401, 401, 200, 200, 401, 401, 401, 200]);
  expect(await status('/v1/chat/completions', 'caller-token', 'PUT')).toBe(405);
});

describe('an engine asked directly', () => {
  test.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])(
    'gets a %s as it is, body and query too',
    async (method) => {
      await using desk = await Desk.open([openaiLike()]);
      await desk.ready();
      const body = randomBytes(300_000);
      const answer = await ask(desk.url, '/engines/llm/echo/a%2Fb?x=1&y=%20', { method, body });
      expect([answer.status, answer.headers['x-method']]).toEqual([200, method]);
      expect(sha256(Buffer.from(await answer.end(), 'latin1'))).toBe(sha256(body));
      expect((await desk.seen()).at(-1)).toMatchObject({ url: '/echo/a%2Fb?x=1&y=%20', bytes: 300_000 });
    },
  );

  test('may say something before its answer and after it, which is for its neighbour alone', async () => {
    await using desk = await Desk.open([openaiLike()]);
    await desk.ready();
    await using raw = await RawSocket.dial(desk.url);
    raw.write(
      'GET /engines/llm/hints HTTP/1.1\r\nHost: localhost\r\nTE: trailers\r\nConnection: close, TE\r\n\r\n',
    );
    await until(() => raw.state === 'closed', { timeoutMs: 5000, what: 'the end' });
    expect(raw.text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(raw.text).toMatch(/\r\n9\r\nall of it\r\n0\r\n\r\n$/);
    expect(raw.text.toLowerCase()).not.toContain('x-sum');
  });

  test('is asked for a head alone, and answers with one', async () => {
    await using desk = await Desk.open([openaiLike()]);
    await desk.ready();
    const answer = await ask(desk.url, '/engines/llm/echo', { method: 'HEAD' });
    expect([answer.status, answer.headers['x-method'], await answer.end()]).toEqual([200, 'HEAD', '']);
  });

  test('that nobody knows is told so; one that is not asked over HTTP as well', async () => {
    await using desk = await Desk.open([openaiLike(), worker('answers.mjs')]);
    await desk.ready('mine');
    expect(await (await ask(desk.url, '/engines/nobody/x')).json()).toMatchObject({
      error: { code: 'not_found', message: 'no engine is called nobody; there are llm, mine' },
    });
    const answer = await ask(desk.url, '/engines/mine/x');
    expect(await answer.json()).toMatchObject({ error: { code: 'engine_call_unsupported' } });
  });

  test('cannot be led out of its place by the path', async () => {
    await using desk = await Desk.open([openaiLike()]);
    await desk.ready();
    for (const path of ['/engines/llm/../../healthz', '/engines/llm/%2e%2e/%2e%2e/healthz']) {
      await using raw = await RawSocket.dial(desk.url);
      raw.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
      expect((await raw.answer()).status).toBe(404);
    }
    expect(await desk.seen()).toEqual([]);
  });

  test('answers WebSockets, and refuses what it does not know, in its own words', async () => {
    await using desk = await Desk.open([openaiLike()]);
    await desk.ready();
    const socket = new WebSocket(`${desk.url.replace('http', 'ws')}/engines/llm/ws?token=x`, [
      'a',
      'openai-insecure-api-key.secret',
    ]);
    const said = new Promise((resolve) => socket.on('message', (data) => resolve(String(data))));
    await new Promise((resolve) => socket.on('open', resolve));
    socket.send('hello');
    expect(await said).toBe('hello');
    expect(desk.stage.supervisor.get('llm').status().state).toBe('ready');
    expect(desk.requests.uses('llm')).toBe(true);
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.close();
    await closed;
    expect(JSON.stringify(await desk.seen())).not.toContain('secret');
    const status = await new Promise((resolve) => {
      const refused = new WebSocket(`${desk.url.replace('http', 'ws')}/engines/llm/nowhere`);
      refused.on('unexpected-response', (_, response) => resolve(response.statusCode));
      refused.on('error', () => undefined);
    });
    expect(status).toBe(404);
  });
});

describe('a body', () => {
  const large = randomBytes(20 * 1024 * 1024);

  test('of 20 MiB passes whole, with a length, in chunks, and when it waits to be asked for', async () => {
    await using desk = await Desk.open([openaiLike()]);
    await desk.ready();
    for (const [body, headers] of [
      [large, {}],
      [Readable.from([large.subarray(0, 1e6), large.subarray(1e6)]), { 'transfer-encoding': 'chunked' }],
      [large, { expect: '100-continue' }],
    ] as const) {
      const answer = await ask(desk.url, '/engines/llm/echo', {
        method: 'POST',
        body,
        headers: { ...headers },
      });
      await answer.end();
      const seen = await desk.last('answered');
      expect(seen).toMatchObject({ bytes: large.length, sha256: sha256(large) });
    }
    const [first, second, third] = (await desk.seen()).map(({ headers }) => headers);
    expect(first?.['content-length']).toBe(String(large.length));
    expect(second?.['transfer-encoding']).toBe('chunked');
    expect(third).not.toHaveProperty('expect');
  });

  test('that we write ourselves has a length: simple servers read no other', async () => {
    await using desk = await Desk.open([openaiLike()]);
    await desk.ready();
    const answer = await desk.post('/v1/generate', { prompt: 'hello' });
    expect(await answer.json()).toMatchObject({ done: true });
    const [seen] = (await desk.seen()).slice(-1);
    expect(Number(seen?.headers['content-length'])).toBeGreaterThan(0);
    expect(seen?.headers).not.toHaveProperty('transfer-encoding');
  });

  test('over its limit is refused, whether it says so or not', async () => {
    await using desk = await Desk.open([openaiLike()]);
    await desk.ready();
    const said = await ask(desk.url, '/v1/embeddings', {
      method: 'POST',
      body: Buffer.alloc(1024 * 1024 + 1, ' '),
    });
    expect([said.status, await said.json()]).toMatchObject([413, { error: { code: 'body_too_large' } }]);
    const spaces = Readable.from(Array(30).fill(Buffer.alloc(64 * 1024, ' ')));
    const unsaid = await ask(desk.url, '/v1/embeddings', { method: 'POST', body: spaces });
    expect([unsaid.status, await unsaid.json()]).toMatchObject([413, { error: { code: 'body_too_large' } }]);
    // A chat may hold pictures.
    const picture = { role: 'user', content: [{ type: 'image_url', image_url: { url: 'x'.repeat(5e6) } }] };
    const answer = await desk.post('/v1/chat/completions', {
      messages: [picture, { role: 'user', content: 'hello' }],
    });
    expect(answer.status).toBe(200);
  });

  test.each([
    ['nothing', ''],
    ['no object', '[1]'],
    ['no JSON', 'hello'],
  ])('that is %s is refused before anybody waits', async (_, body) => {
    await using desk = await Desk.open([openaiLike({ env: { LOAD_MS: '60000' } })]);
    const answer = await ask(desk.url, '/v1/chat/completions', { method: 'POST', body });
    expect([answer.status, await answer.json()]).toMatchObject([400, { error: { code: 'invalid_request' } }]);
  });
});

describe('the name of the model', () => {
  const two = [
    openaiLike({ modelName: 'Qwen/Qwen3-4B' }),
    openaiLike({ name: 'other', offers: ['chat', 'transcribe'] }),
  ];
  const long = { role: 'user', content: 'x'.repeat(200_000) };
  const hello = { role: 'user', content: 'hello' };

  test('is the engine’s own when it comes there, wherever it stood', async () => {
    await using desk = await Desk.open(two);
    await desk.ready('llm', 'other');
    const bodies = [
      { model: 'llm', messages: [hello] },
      { messages: [long, hello], model: 'llm' },
      { messages: [hello], model: 'llm/tiny' },
      { messages: [hello] },
      { model: 'Qwen/Qwen3-4B', messages: [hello] },
      { model: 'other', messages: [hello] },
      { model: 'other/large', messages: [long, hello] },
    ];
    for (const body of bodies) expect((await desk.post('/v1/chat/completions', body)).status).toBe(200);
    const models = async (engine: string) => (await desk.seen(engine)).map(({ model }) => model);
    expect(await models('llm')).toEqual([
      'Qwen/Qwen3-4B',
      'Qwen/Qwen3-4B',
      'tiny',
      'Qwen/Qwen3-4B',
      'Qwen/Qwen3-4B',
    ]);
    expect(await models('other')).toEqual(['other', 'large']);
  });

  test('of a form is found behind its file, where there is a choice; else the file is not held', async () => {
    await using desk = await Desk.open(two);
    await desk.ready('llm', 'other');
    for (const model of ['llm', 'other']) {
      const form = new FormData();
      form.append('file', new Blob([new Uint8Array(2e6)]), 'a.wav');
      form.append('model', model);
      const response = await fetch(`${desk.url}/v1/audio/transcriptions`, { method: 'POST', body: form });
      expect(await response.json()).toEqual({ text: expect.stringMatching(/^2000\d{3} bytes$/) });
    }
    expect((await desk.seen('llm')).length).toBe(1);
    expect((await desk.seen('other')).length).toBe(1);
  });

  test('that nobody knows is refused with the list, or means the first that offers it', async () => {
    await using desk = await Desk.open(two);
    const refused = await desk.chat('hello', { model: 'gpt-4o' });
    expect([refused.status, await refused.json()]).toMatchObject([
      404,
      { error: { code: 'model_not_found', details: { engines: ['llm', 'other'] } } },
    ]);
    await using lenient = await Desk.open(two, { unknownModel: 'default' });
    await lenient.ready();
    expect((await lenient.chat('hello', { model: 'gpt-4o' })).status).toBe(200);
    expect((await lenient.seen()).at(-1)?.model).toBe('Qwen/Qwen3-4B');
  });
});
