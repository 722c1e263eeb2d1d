// Engines that fail their callers, in every way and at every moment: nobody gets an empty 200, or half an answer that
// looks like a whole one.
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/lifecycle/clock.ts';
import { Deadline } from '../../../src/lifecycle/deadline.ts';
import { until } from '../../support/poll.ts';
import { RawSocket } from '../../support/raw-socket.ts';
import { type Answer, Desk, openaiLike } from './desk.ts';

interface Failing {
  readonly name: string;
  readonly content: string;
  readonly code: string;
  readonly says: string | RegExp;
  /** What had come before, of a stream. */
  readonly tokens?: string;
}

const gone = /engine llm \(pid \d+\) was ended by SIGKILL/;
const cut = 'the connection was cut';

const streams: readonly Failing[] = [
  {
    name: 'ends without a word',
    content: 'none',
    code: 'engine_no_output',
    says: 'its stream ended without a word',
  },
  {
    name: 'ends without an end',
    content: 'noend 2',
    code: 'engine_call_failed',
    says: 'no .DONE.',
    tokens: ' t0 t1',
  },
  { name: 'is cut', content: 'cut 2 5', code: 'engine_call_failed', says: cut, tokens: ' t0 t1' },
  { name: 'is cut in an event', content: 'half 2', code: 'engine_call_failed', says: cut, tokens: ' t0 t1' },
  { name: 'dies', content: 'die 2 5', code: 'engine_exited', says: gone, tokens: ' t0 t1' },
  {
    name: 'stops',
    content: 'stall 2',
    code: 'engine_stalled',
    says: 'gave nothing for 400 ms',
    tokens: ' t0 t1',
  },
];

/** Before there is any answer, or of one that comes as a whole. */
const early: readonly (Failing & { readonly status: number })[] = [
  {
    name: 'an empty 200',
    content: 'empty',
    code: 'engine_no_output',
    says: 'its answer is empty',
    status: 502,
  },
  { name: 'a reset', content: 'reset', code: 'engine_call_failed', says: cut, status: 502 },
  { name: 'an exit', content: 'exit', code: 'engine_exited', says: 'exited with code 3', status: 503 },
  {
    name: 'no answer',
    content: 'never',
    code: 'engine_stalled',
    says: 'gave nothing for 900 ms',
    status: 503,
  },
];

const wholes: typeof early = [
  ...early,
  {
    name: 'an answer without a word',
    content: 'none',
    code: 'engine_no_output',
    says: 'says nothing',
    status: 502,
  },
  { name: 'half an answer', content: 'cut', code: 'engine_call_failed', says: cut, status: 502 },
];

const impatient = openaiLike({ ready: { stallMs: 400, totalMs: 900 } });

interface ErrorEvent {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly details: { readonly logTail?: readonly string[] };
  };
}

async function failure(answer: Answer): Promise<ErrorEvent> {
  return JSON.parse(await answer.end()) as ErrorEvent;
}

describe.each(streams)('a stream that $name', ({ content, code, says, tokens = '' }) => {
  test('is an error in the stream, after what was said, and ends there', async () => {
    await using desk = await Desk.open([impatient]);
    await desk.ready();
    const answer = await desk.chat(content, { stream: true });
    expect(answer.status).toBe(200);
    await answer.end();
    expect(answer.state).toBe('whole');
    expect(answer.tokens()).toBe(tokens);
    expect(answer.events()).not.toContain('[DONE]');
    const { error } = answer.events().at(-1) as ErrorEvent;
    expect(error).toMatchObject({ code, message: expect.stringMatching(says) });
    expect(answer.events().filter((event) => (event as ErrorEvent).error)).toHaveLength(1);
    expect(desk.stage.log.join('\n')).toContain('a request failed: engine llm');
  });
});

describe.each([
  ['a stream', true, early],
  ['an answer as a whole', false, wholes],
] as const)('instead of %s', (_, stream, failings) => {
  test.each(failings)('$name is an error with a status', async ({ content, code, says, status }) => {
    await using desk = await Desk.open([impatient]);
    await desk.ready();
    const answer = await desk.chat(content, { stream });
    const { error } = await failure(answer);
    expect([answer.status, error]).toMatchObject([status, { code, message: expect.stringMatching(says) }]);
    if (code === 'engine_exited') {
      expect(error.details.logTail).toContain('CUDA error: out of memory');
      expect(answer.headers['retry-after']).toBe('2');
    }
  });
});

test.each([
  ['/v1/completions', { prompt: 'none' }],
  ['/v1/embeddings', { input: 'none' }],
  ['/v1/audio/speech', { input: 'none' }],
  ['/v1/audio/speech', { input: 'x 40' }],
  ['/v1/generate', { prompt: 'none' }],
])('an answer of %s to %o has nothing in it: 502, never an empty 200', async (path, body) => {
  await using desk = await Desk.open([openaiLike()]);
  await desk.ready();
  const answer = await desk.post(path, body);
  expect([answer.status, await answer.json()]).toMatchObject([502, { error: { code: 'engine_no_output' } }]);
});

test('an error that the engine tells in its stream is told once', async () => {
  await using desk = await Desk.open([openaiLike()]);
  await desk.ready();
  const answer = await desk.chat('error 2', { stream: true });
  await answer.end();
  expect(answer.events().at(-1)).toEqual({ error: { message: 'out of context', type: 'server_error' } });
  expect(answer.events()).toHaveLength(4);
});

describe('asked directly', () => {
  test('a stream that dies ends with an error, any other answer with a connection that is cut', async () => {
    await using desk = await Desk.open([openaiLike()]);
    await desk.ready();
    const stream = await desk.post('/engines/llm/v1/chat/completions', {
      ...{ stream: true, messages: [{ content: 'cut 2 5' }] },
    });
    await stream.end();
    expect(stream.events().at(-1)).toMatchObject({ error: { code: 'engine_call_failed' } });
    const whole = await desk.post('/engines/llm/v1/chat/completions', { messages: [{ content: 'cut' }] });
    expect(whole.status).toBe(200);
    await whole.end();
    expect([whole.state, whole.text]).toEqual(['cut', '{"choices":[']);
  });

  test('by a caller of HTTP/1.0, who would take an end for the end, it is reset', async () => {
    await using desk = await Desk.open([openaiLike()]);
    await desk.ready();
    await using raw = await RawSocket.dial(desk.url);
    const body = '{"messages":[{"content":"cut"}]}';
    raw.write(
      `POST /engines/llm/v1/chat/completions HTTP/1.0\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    await until(() => raw.state === 'closed', { timeoutMs: 5000, what: 'the end' });
    expect(raw.error?.code).toBe('ECONNRESET');
  });
});

test('an engine that is stopped tells its callers so', async () => {
  await using desk = await Desk.open([openaiLike()]);
  await desk.ready();
  const answer = await desk.chat('count 1000 20', { stream: true });
  await answer.says('t1');
  const stopped = desk.stage.supervisor.get('llm').stop(new Deadline(systemClock, 3000));
  await answer.end();
  await stopped;
  expect(answer.events().at(-1)).toMatchObject({ error: { code: 'engine_stopped' } });
});

describe('an engine that repeats its key', () => {
  const mask = (text: string) => text.replaceAll('sk-of-the-engine', '***');

  test.each([
    ['in an error of its own', 'echoes'],
    ['in a long one', 'echoes 100000'],
  ])('%s is masked, and the answer is whole', async (_, content) => {
    await using desk = await Desk.open([openaiLike()], { mask });
    await desk.ready();
    const answer = await desk.chat(content);
    expect([answer.status, answer.headers['x-asked-with']]).toEqual([401, '***']);
    const { error } = (await answer.json()) as { error: { message: string } };
    expect(error.message).toBe('Incorrect API key provided: ***');
    expect(answer.text).not.toContain('sk-of');
    const length = content === 'echoes' ? String(answer.text.length) : undefined;
    expect([answer.state, answer.headers['content-length']]).toEqual(['whole', length]);
  });

  test('keeps the bytes of an error in which nothing is masked', async () => {
    await using desk = await Desk.open([openaiLike()], { mask });
    await desk.ready();
    const answer = await desk.chat('bad');
    expect([answer.status, await answer.end()]).toEqual([
      400,
      '{"error":{"message":"temperature is too high","type":"invalid_request_error"}}',
    ]);
  });
});
