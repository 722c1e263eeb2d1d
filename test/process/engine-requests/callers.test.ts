// Callers that leave, and callers that are slow: neither holds an engine.
import { Agent, request } from 'node:http';
import { performance } from 'node:perf_hooks';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { until } from '../../support/poll.ts';
import { worker } from '../engines/supervised.ts';
import { ask, begin, Desk, openaiLike } from './desk.ts';

/** Of the engine's own clock: from the leaving to what it notices. */
const noticedMs = 100;

describe('a caller who leaves', () => {
  test.each([
    ['in the middle of a stream', { stream: true }],
    ['before the answer', {}],
  ])('%s ends the generation at once', async (_, more) => {
    await using desk = await Desk.open([openaiLike()]);
    await desk.ready();
    const messages = [{ role: 'user', content: 'count 1000 20' }];
    const request = begin(desk.url, '/v1/chat/completions', {
      ...{ method: 'POST', body: JSON.stringify({ messages, ...more }) },
    });
    request.on('response', (response) => response.resume());
    await until(async () => (await desk.seen()).at(-1)?.sha256, { timeoutMs: 3000, what: 'the request' });
    const leftAt = Date.now();
    request.destroy();
    const { endedAt } = await desk.last('left');
    expect(endedAt - leftAt).toBeLessThan(noticedMs);
    await until(() => desk.requests.count === 0, { timeoutMs: 1000, what: 'nothing under way' });
    expect(desk.stage.log.join('\n')).not.toContain('request failed');
    expect((await desk.chat('hello')).status).toBe(200);
  });

  test('in the middle of his own upload ends it for the engine too', async () => {
    await using desk = await Desk.open([openaiLike()]);
    await desk.ready();
    const endless = new Readable({ read: () => undefined });
    const request = begin(desk.url, '/engines/llm/echo', { method: 'POST', body: endless });
    endless.push(Buffer.alloc(100_000));
    await until(async () => (await desk.seen()).at(-1)?.bytes === 100_000, {
      timeoutMs: 3000,
      what: 'the upload',
    });
    const leftAt = Date.now();
    request.destroy();
    expect((await desk.last('left')).endedAt - leftAt).toBeLessThan(noticedMs);
    endless.destroy();
  });

  test('in a chat of a worker cancels the call', async () => {
    await using desk = await Desk.open([worker('answers.mjs')]);
    await desk.ready('mine');
    const answer = await desk.chat('count 1000 20', { stream: true });
    await answer.says('t2');
    answer.leave();
    await desk.stage.says(/chat aborted/);
    await until(() => desk.stage.engine.status().activeCalls === 0, { timeoutMs: 1000, what: 'a free lane' });
  });
});

describe('a caller who does not read', () => {
  test('leaves the engine free as long as it fits, and gets everything when he does', async () => {
    await using desk = await Desk.open([openaiLike()]);
    await desk.ready();
    // What the kernels keep for him is not known: it is well below this, and the rest below the bound.
    const answer = await desk.chat('flood 900', { stream: true }, { reading: false });
    await desk.last('answered');
    await until(() => !desk.requests.uses('llm'), { timeoutMs: 1000, what: 'a free engine' });
    answer.read();
    await answer.end();
    expect(answer.tokens().length).toBe(900_000);
    expect(answer.events().at(-1)).toBe('[DONE]');
  });

  test('of a stream without end is given up after ten seconds, and the engine is free', async () => {
    await using desk = await Desk.open([openaiLike()]);
    await desk.ready();
    const askedMs = performance.now();
    const answer = await desk.chat('flood 1000000', { stream: true }, { reading: false });
    const seen = await until(async () => (await desk.seen()).at(-1)?.state === 'left', {
      ...{ timeoutMs: 20_000, what: 'the end of the generation' },
    });
    expect(seen).toBe(true);
    const heldMs = performance.now() - askedMs;
    expect(heldMs).toBeGreaterThan(9500);
    expect(heldMs).toBeLessThan(14_000);
    answer.read();
    await answer.end();
    expect(answer.state).toBe('cut');
    await until(() => desk.stage.log.some((line) => /bytes wait for the caller/.test(line)), {
      ...{ timeoutMs: 1000, what: 'the reason in the log' },
    });
    expect((await desk.chat('hello')).status).toBe(200);
  });

  test('does not delay another', async () => {
    await using desk = await Desk.open([openaiLike()]);
    await desk.ready();
    const stuck = await Promise.all(
      Array.from({ length: 5 }, () => desk.chat('flood 1000000', { stream: true }, { reading: false })),
    );
    const askedMs = performance.now();
    const answer = await desk.chat('count 5', { stream: true });
    await answer.end();
    expect(answer.tokens()).toBe(' t0 t1 t2 t3 t4');
    expect(performance.now() - askedMs).toBeLessThan(1000);
    for (const each of stuck) each.leave();
  });
});

test('sound is taken as it is played: the engine is done long before its caller', async () => {
  await using desk = await Desk.open([openaiLike()]);
  await desk.ready();
  const bytes = 8 * 1024 * 1024;
  const answer = await desk.post('/v1/audio/speech', { input: `x ${bytes}` }, { reading: false });
  await desk.last('answered');
  await until(() => !desk.requests.uses('llm'), { timeoutMs: 1000, what: 'a free engine' });
  answer.read();
  expect((await answer.end()).length).toBe(bytes);
});

test('many callers at a time get each his own', async () => {
  await using desk = await Desk.open([openaiLike()]);
  await desk.ready();
  const answers = await Promise.all(
    Array.from({ length: 50 }, async (_, at) => {
      const answer = await desk.chat(`count ${at + 1} 2`, { stream: true });
      await answer.end();
      return answer.tokens();
    }),
  );
  expect(answers).toEqual(
    Array.from({ length: 50 }, (_, at) =>
      Array.from({ length: at + 1 }, (__, token) => ` t${token}`).join(''),
    ),
  );
});

test('a connection that is kept serves one request after the other', async () => {
  await using desk = await Desk.open([openaiLike()]);
  await desk.ready();
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  try {
    for (const content of ['hello', 'none', 'bad', 'hello']) {
      const status = await new Promise((resolve, reject) => {
        const asked = request(`${desk.url}/v1/chat/completions`, { method: 'POST', agent }, (response) => {
          response.resume();
          response.on('end', () => resolve(response.statusCode));
        });
        asked.on('error', reject);
        asked.end(JSON.stringify({ messages: [{ role: 'user', content }] }));
      });
      expect(status).toBe({ hello: 200, none: 502, bad: 400 }[content]);
    }
    expect(Object.values(agent.freeSockets).flat()).toHaveLength(1);
  } finally {
    agent.destroy();
  }
});

describe('a caller who does not send', () => {
  test('is refused after ten seconds, and the engine is free', async () => {
    await using desk = await Desk.open([openaiLike()]);
    await desk.ready();
    const body = new Readable({ read: () => undefined });
    const head = '{"model":"llm","messages":[{"role":"user","content":"';
    body.push(head + 'x'.repeat(70_000));
    const drip = setInterval(() => body.push('x'), 500);
    const asked = { method: 'POST', headers: { 'content-type': 'application/json' }, body };
    const answered = ask(desk.url, '/v1/chat/completions', asked);
    await until(() => desk.requests.uses('llm'), { timeoutMs: 3000, what: 'a seat' });
    const answer = await answered;
    expect(answer.status).toBe(408);
    expect(await answer.json()).toMatchObject({
      error: {
        code: 'request_timeout',
        message: expect.stringMatching(/\d+ bytes in 10\d{3} ms; 16384 bytes/),
      },
    });
    expect((await desk.last('left')).bytes).toBeLessThan(71_000);
    expect([desk.requests.uses('llm'), desk.stage.supervisor.get('llm').life.state]).toEqual([
      false,
      'ready',
    ]);
    clearInterval(drip);
    answer.leave();
    body.destroy();
  }, 20_000);
});
