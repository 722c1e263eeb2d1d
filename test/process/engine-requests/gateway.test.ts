// A whole gateway, as users start it, and the official OpenAI client: what works in the default configuration, what a
// client learns of failures, how requests end when the gateway leaves, how much memory those take who wait.
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import OpenAI, { APIError } from 'openai';
import { describe, expect, test } from 'vitest';
import { parseWav } from '../../../src/audio/wav.ts';
import { fixture, GatewayProcess } from '../../support/gateway-process.ts';
import { until } from '../../support/poll.ts';
import { alive } from '../../support/processes.ts';
import { ask } from './desk.ts';

const llm = (env: Readonly<Record<string, string>> = {}) => ({
  run: [process.execPath, fixture('engines/openai-like.mjs')],
  offers: ['chat', 'embed', 'transcribe'],
  env,
});
const pipelines = {};
const chat = (content: string, stream = true) => ({
  method: 'POST',
  body: JSON.stringify({ stream, messages: [{ role: 'user', content }] }),
});
const user = (content: string) => [{ role: 'user' as const, content }];

test('the default configuration speaks, whatever a client of OpenAI’s calls its model and voice', async () => {
  await using gateway = await GatewayProcess.start();
  const client = new OpenAI({ baseURL: `${await gateway.url()}/v1`, apiKey: 'none' });
  // At once: it waits for the voice to load.
  const speech = await client.audio.speech.create({
    ...{ model: 'gpt-4o-mini-tts', voice: 'alloy', input: 'Hello there.', response_format: 'wav' },
  });
  const { pcm, rateHz } = parseWav(new Uint8Array(await speech.arrayBuffer()));
  expect(rateHz).toBe(16_000);
  expect(pcm.length / rateHz).toBeGreaterThan(0.5);
  expect(Math.max(...pcm)).toBeGreaterThan(3000);
  expect((await all(client.models.list())).map(({ id }) => id)).toEqual(['echo', 'voice']);
  await expect(
    client.chat.completions.create({ model: 'gpt-4o', messages: user('Hi') }),
  ).rejects.toMatchObject({
    ...{ status: 404, code: 'model_not_found' },
  });
  expect(gateway.stderr).toBe('');
});

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = [];
  for await (const item of items) list.push(item);
  return list;
}

describe('the official client', () => {
  test('gets its answer through the lobby, and drops what it is told there', async () => {
    await using gateway = await GatewayProcess.start({
      config: { engines: { llm: llm({ LOAD_MS: '2500' }) }, pipelines },
    });
    const client = new OpenAI({ baseURL: `${await gateway.url()}/v1`, apiKey: 'none', maxRetries: 0 });
    const stream = await client.chat.completions.create({
      model: 'llm',
      messages: user('count 3'),
      stream: true,
    });
    const chunks = await all(stream);
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')).toBe(' t0 t1 t2');
  });

  test('raises what is told in a stream that has begun', async () => {
    await using gateway = await GatewayProcess.start({ config: { engines: { llm: llm() }, pipelines } });
    await gateway.event('ready');
    const client = new OpenAI({ baseURL: `${await gateway.url()}/v1`, apiKey: 'none', maxRetries: 0 });
    for (const [content, code, said] of [
      ['none', 'engine_no_output', ''],
      ['cut 2 5', 'engine_call_failed', ' t0 t1'],
      ['die 2 5', 'engine_exited', ' t0 t1'],
    ] as const) {
      const stream = await client.chat.completions.create({
        model: 'llm',
        messages: user(content),
        stream: true,
      });
      let heard = '';
      const error = await (async () => {
        for await (const chunk of stream) heard += chunk.choices[0]?.delta.content ?? '';
      })().catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(APIError);
      expect([error, heard]).toMatchObject([{ code, message: expect.stringContaining('engine llm') }, said]);
    }
  });

  test('comes again by itself for what passes, and not for what does not', async () => {
    const missing = { run: ['no-such-program-anywhere'], offers: ['chat'] };
    await using gateway = await GatewayProcess.start({
      config: { engines: { missing, llm: llm() }, pipelines },
    });
    await gateway.event('engine', ({ name, state }) => name === 'llm' && state === 'ready');
    await gateway.event('engine', ({ name, state }) => name === 'missing' && state === 'failed');
    const client = new OpenAI({ baseURL: `${await gateway.url()}/v1`, apiKey: 'none', maxRetries: 1 });
    const asked = { messages: user('exit'), model: 'llm' };
    const began = performance.now();
    await expect(client.chat.completions.create(asked)).rejects.toMatchObject({ code: 'engine_exited' });
    // Its second try waited for the engine, and was answered alike.
    expect(performance.now() - began).toBeGreaterThan(1900);
    const onceMs = performance.now();
    await expect(client.chat.completions.create({ ...asked, model: 'missing' })).rejects.toMatchObject({
      ...{ status: 503, code: 'engine_program_missing' },
    });
    expect(performance.now() - onceMs).toBeLessThan(300);
  });
});

describe('when the gateway leaves', () => {
  test('those who wait are told at once, streams in an event, and what ends soon may come to its end', async () => {
    await using gateway = await GatewayProcess.start({
      config: { engines: { llm: llm(), slow: llm({ LOAD_MS: '60000' }) }, pipelines },
    });
    const url = await gateway.url();
    await gateway.event('engine', ({ name, state }) => name === 'llm' && state === 'ready');
    const asked = (content: string, model: string, stream: boolean) =>
      ask(url, '/v1/chat/completions', {
        method: 'POST',
        body: JSON.stringify({ model, stream, messages: user(content) }),
      });
    const stream = await asked('count 10000 20', 'llm', true);
    const lobby = await asked('count', 'slow', true);
    const waits = asked('hello', 'slow', false);
    const soon = asked('count 10 20', 'llm', false);
    const late = asked('count 1000 20', 'llm', false);
    const upload = connect(Number(new URL(url).port), '127.0.0.1');
    upload.write('POST /engines/llm/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nhalf');
    await stream.says('t3');
    await until(async () => JSON.stringify((await gateway.json('/api/tree')).body).includes('raw '), {
      ...{ timeoutMs: 5000, what: 'all of them under way' },
    });
    const family = await gateway.family();
    const leftMs = performance.now();
    gateway.child.kill('SIGTERM');
    const refused = await waits;
    expect(performance.now() - leftMs).toBeLessThan(500);
    expect([refused.status, await refused.json()]).toMatchObject([
      503,
      { error: { code: 'server_shutdown' } },
    ]);
    await lobby.end();
    expect(lobby.events()).toMatchObject([{ error: { code: 'server_shutdown' } }]);
    expect((await (await soon).json()) as object).toMatchObject({ object: 'chat.completion' });
    const cut = await late;
    expect([cut.status, await cut.json()]).toMatchObject([503, { error: { code: 'server_shutdown' } }]);
    await stream.end();
    expect(stream.state).toBe('whole');
    expect(stream.events().at(-1)).toMatchObject({
      error: { code: 'server_shutdown', message: 'the gateway is leaving' },
    });
    const { code, ms, report } = await gateway.end(leftMs);
    upload.destroy();
    expect({ code, report }).toMatchObject({ code: 0, report: { forced: [] } });
    expect(ms).toBeLessThan(2000);
    expect(family.filter(alive)).toEqual([]);
    expect(JSON.stringify(report)).toContain('requests to engines, 3 cut');
  });

  test.each([
    ['a stream', '/v1/chat/completions', chat('flood 100000').body],
    ['sound', '/v1/audio/speech', JSON.stringify({ input: `x ${16 * 1024 * 1024}` })],
  ])('a caller who does not read %s does not hold it', async (_, path, body) => {
    await using gateway = await GatewayProcess.start({
      config: { engines: { llm: { ...llm(), offers: ['chat', 'speak'] } }, pipelines },
    });
    await gateway.event('ready');
    const stuck = await ask(await gateway.url(), path, { method: 'POST', body, reading: false });
    await until(async () => (await gateway.json('/engines/llm/seen')).status === 200, {
      ...{ timeoutMs: 5000, what: 'it' },
    });
    const leftMs = performance.now();
    gateway.child.kill('SIGTERM');
    const { code, ms } = await gateway.end(leftMs);
    stuck.read();
    expect(await stuck.end().then(() => stuck.state)).toBe('cut');
    expect(code).toBe(0);
    expect(ms).toBeLessThan(2000);
  });
});

test('64 uploads of 25 MiB that wait for their engine cost a little each, and pass when it is ready', async () => {
  await using gateway = await GatewayProcess.start({
    config: { engines: { llm: llm({ LOAD_MS: '6000' }) }, pipelines },
  });
  const url = await gateway.url();
  const rssMiB = async () => {
    const status = await readFile(`/proc/${gateway.pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
  };
  await until(async () => (await gateway.json('/v1/health')).status === 200, {
    timeoutMs: 10_000,
    what: 'health',
  });
  const beforeMiB = await rssMiB();
  const head = '--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n';
  const tail = '\r\n--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nllm\r\n--b--\r\n';
  const bytes = 25 * 1024 * 1024 - head.length - tail.length;
  const uploads: { socket: Socket; text: string }[] = [];
  const content = Buffer.alloc(1024 * 1024);
  for (let count = 0; count < 64; count += 1) {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    const upload = { socket, text: '' };
    socket.on('data', (chunk) => {
      upload.text += chunk;
    });
    socket.on('error', () => undefined);
    socket.write(
      `POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: ${25 * 1024 * 1024}\r\n\r\n${head}`,
    );
    let left = bytes;
    const write = () => {
      while (left > 0) {
        const piece = content.subarray(0, Math.min(left, content.length));
        left -= piece.length;
        if (!socket.write(piece)) return;
      }
      socket.off('drain', write);
      socket.write(tail);
    };
    socket.on('drain', write);
    write();
    uploads.push(upload);
  }
  await until(
    async () => JSON.stringify((await gateway.json('/api/tree')).body).includes('transcriptions 64'),
    {
      ...{ timeoutMs: 5000, what: 'all of them in the lobby' },
    },
  );
  let mostMiB = 0;
  await gateway.event('engine', ({ state }) => state === 'ready');
  await until(
    async () => {
      mostMiB = Math.max(mostMiB, await rssMiB());
      return uploads.filter(({ text }) => text.includes('bytes"}')).length >= 8;
    },
    { timeoutMs: 60_000, what: 'answers' },
  );
  for (const { socket } of uploads) socket.destroy();
  // Of 1,600 MiB in all; 123 were seen.
  expect(mostMiB - beforeMiB).toBeLessThan(256);
  await until(async () => (await gateway.json('/engines/llm/seen')).status === 200, {
    timeoutMs: 5000,
    what: 'it',
  });
}, 90_000);
