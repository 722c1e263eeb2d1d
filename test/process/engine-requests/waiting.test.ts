// Requests that come before their engine is ready.
import { performance } from 'node:perf_hooks';
import { describe, expect, test } from 'vitest';
import { until } from '../../support/poll.ts';
import { worker } from '../engines/supervised.ts';
import { begin, Desk, openaiLike } from './desk.ts';

const loading = (loadMs: number) => openaiLike({ env: { LOAD_MS: String(loadMs) } });

describe('a request that comes early', () => {
  test('for a stream is told how it stands, from a second on, and then gets the engine’s own', async () => {
    await using desk = await Desk.open([loading(3500)]);
    const askedMs = performance.now();
    const answer = await desk.chat('count 3', { stream: true, model: 'llm' });
    expect(performance.now() - askedMs).toBeGreaterThan(950);
    expect([answer.status, answer.headers['content-type']]).toEqual([
      200,
      'text/event-stream; charset=utf-8',
    ]);
    await answer.end();
    const comments = answer.text.split('\n\n').filter((event) => event.startsWith(':'));
    expect(comments.length).toBeGreaterThanOrEqual(2);
    for (const comment of comments)
      expect(comment).toMatch(/^: greenroom engine=llm state=starting( \w+=\S+)* position=1$/);
    expect(answer.tokens()).toBe(' t0 t1 t2');
    expect(answer.events().at(-1)).toBe('[DONE]');
    expect(answer.state).toBe('whole');
  });

  test('for an answer as a whole waits without a byte', async () => {
    await using desk = await Desk.open([loading(1800)]);
    const askedMs = performance.now();
    const answer = await desk.chat('hello');
    expect(performance.now() - askedMs).toBeGreaterThan(1300);
    expect([answer.status, await answer.json()]).toMatchObject([200, { object: 'chat.completion' }]);
    expect(answer.pieces).toHaveLength(1);
  });

  test('for a file is taken as far as it has to be, and the rest when the engine is ready', async () => {
    await using desk = await Desk.open([loading(1500)]);
    const form = new FormData();
    form.append('model', 'llm');
    form.append('file', new Blob([new Uint8Array(5e6)]), 'a.wav');
    const response = await fetch(`${desk.url}/v1/audio/transcriptions`, { method: 'POST', body: form });
    expect(await response.json()).toEqual({ text: expect.stringMatching(/^5000\d{3} bytes$/) });
  });

  test('is told at once, with a status, when there is nothing to wait for', async () => {
    await using desk = await Desk.open([openaiLike({ run: ['no-such-program-anywhere'] })]);
    const answer = await desk.chat('hello', { stream: true });
    expect(answer.status).toBe(503);
    expect(answer.headers).toMatchObject({ 'content-type': 'application/json', 'x-should-retry': 'false' });
    expect(await answer.json()).toMatchObject({
      error: {
        code: 'engine_program_missing',
        details: {
          engine: 'llm',
          state: 'failed',
          rung: null,
          position: 1,
          logTail: [],
          elapsedMs: expect.any(Number),
        },
      },
    });
  });

  test('is told in its stream, when that has begun and the engine fails', async () => {
    const failing = worker('answers.mjs', { name: 'llm', offers: ['chat'] });
    await using desk = await Desk.open([
      { ...failing, worker: failing.worker.replace('answers', 'throws-late'), options: { afterMs: 2500 } },
    ]);
    const answer = await desk.chat('hello', { stream: true });
    expect(answer.status).toBe(200);
    await answer.end();
    expect(answer.state).toBe('whole');
    expect(answer.text).toMatch(/^: greenroom engine=llm /);
    expect(answer.events()).toMatchObject([
      {
        error: {
          code: 'engine_load_failed',
          details: { state: 'failed', logTail: expect.arrayContaining(['reading']) },
        },
      },
    ]);
  });

  test('is told in its stream when the engine refuses what it asks', async () => {
    await using desk = await Desk.open([loading(1500)]);
    for (const [what, message] of [
      ['bad', 'engine llm: HTTP 400: temperature is too high'],
      ['json', 'engine llm: it answered application/json where a stream was asked for'],
    ]) {
      desk.stage.supervisor.get('llm').kill();
      await until(() => desk.stage.supervisor.get('llm').life.state !== 'ready', {
        timeoutMs: 5000,
        what: 'its end',
      });
      const answer = await desk.chat(what ?? '', { stream: true });
      await answer.end();
      expect(answer.events()).toMatchObject([{ error: { code: 'engine_call_failed', message } }]);
    }
  });
});

describe('a caller who leaves while he waits', () => {
  test('gives his place to the next, and the engine goes on loading', async () => {
    await using desk = await Desk.open([loading(2500)]);
    const first = begin(desk.url, '/v1/chat/completions', {
      ...{ method: 'POST', body: '{"messages":[{"role":"user","content":"hello"}]}' },
    });
    await until(() => desk.requests.count === 1, { timeoutMs: 1000, what: 'the first' });
    const second = desk.chat('count 3', { stream: true });
    await until(() => desk.requests.count === 2, { timeoutMs: 1000, what: 'the second' });
    const leftMs = performance.now();
    first.destroy();
    await until(() => desk.requests.count === 1, { timeoutMs: 1000, what: 'the first to be gone' });
    expect(performance.now() - leftMs).toBeLessThan(800);
    const answer = await second;
    await answer.end();
    expect(answer.text).toContain('position=1');
    expect(answer.tokens()).toBe(' t0 t1 t2');
    expect(await desk.seen()).toHaveLength(1);
    expect(desk.stage.supervisor.get('llm').life.instance).toBe(1);
  });

  test('alone does not end the load either', async () => {
    await using desk = await Desk.open([loading(1200)]);
    const only = begin(desk.url, '/v1/chat/completions', { method: 'POST', body: '{"messages":[]}' });
    await until(() => desk.requests.count === 1, { timeoutMs: 1000, what: 'the request' });
    only.destroy();
    await desk.ready();
    expect(desk.stage.supervisor.get('llm').life.instance).toBe(1);
    expect(await desk.seen()).toEqual([]);
  });

  test('with his comments, or his WebSocket, is gone as well', async () => {
    await using desk = await Desk.open([loading(60_000)]);
    const answer = await desk.chat('count', { stream: true });
    await answer.says(': greenroom');
    const upgrade = begin(desk.url, '/engines/llm/ws', {
      headers: {
        ...{ connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' },
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      },
    });
    await until(() => desk.requests.count === 2, { timeoutMs: 1000, what: 'both' });
    const leftMs = performance.now();
    answer.leave();
    upgrade.destroy();
    await until(() => desk.requests.count === 0, { timeoutMs: 1000, what: 'nobody' });
    expect(performance.now() - leftMs).toBeLessThan(800);
  });
});

test('who waits shows in the tree, by what he asked and where he stands', async () => {
  await using desk = await Desk.open([loading(60_000)]);
  begin(desk.url, '/v1/embeddings', { method: 'POST', body: '{"input":"x"}' });
  const requests = () =>
    desk.stage.scope.tree().children?.find(({ kind }) => kind === 'requests')?.children ?? [];
  await until(() => requests().length === 1, { timeoutMs: 1000, what: 'the request' });
  expect(requests()).toMatchObject([
    { name: 'embeddings 1', kind: 'request', state: 'open', children: [{ name: 'answer', kind: 'task' }] },
  ]);
  expect(desk.requests.uses('llm')).toBe(false);
});
