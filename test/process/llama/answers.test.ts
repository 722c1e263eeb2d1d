// A real llama.cpp behind the OpenAI paths, through OpenAI's own client.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../../support/poll.ts';
import { RawSocket } from '../../support/raw-socket.ts';
import { LlamaProcess, llamaProblem } from './llama-process.ts';
import { models, sentence } from './models.ts';

const problem = llamaProblem();
const title = problem ? `llama.cpp answers (skipped: ${problem})` : 'llama.cpp answers';
const messages = [{ role: 'user' as const, content: 'What does the fox say?' }];

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const chunks: T[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

/** One for all tests of a group: each leaves it idle. */
function engine(model: 'says' | 'repeats' | 'silent', ...args: readonly string[]): () => LlamaProcess {
  let llama: LlamaProcess | undefined;
  beforeAll(async () => {
    llama = await LlamaProcess.ready(files.path(model), ...args);
  });
  afterAll(async () => llama?.[Symbol.asyncDispose]());
  return () => {
    if (!llama) throw new Error('the engine is not started');
    return llama;
  };
}

const files = models('says', 'repeats', 'silent');

describe.skipIf(problem)(`${title}: a model that says one thing`, () => {
  const llama = engine('says', '--alias', 'fox');

  test.each([0, 0.8, 2])(
    'streamed, at temperature %d: every word, the end, and what it took',
    async (temperature) => {
      const stream = await llama().openai.chat.completions.create({
        model: 'fox',
        messages,
        temperature,
        stream: true,
        stream_options: { include_usage: true },
      });
      const chunks = await all(stream);
      const text = chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('');
      expect(text).toBe(sentence);
      expect(chunks.length).toBeGreaterThan(10);
      expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe('stop');
      expect(chunks.at(-1)?.usage).toMatchObject({ completion_tokens: 17 });
      expect(new Set(chunks.map(({ model }) => model))).toEqual(new Set(['fox']));
    },
  );

  test('whole', async () => {
    const answer = await llama().openai.chat.completions.create({ model: 'fox', messages, seed: 7 });
    expect(answer).toMatchObject({
      object: 'chat.completion',
      choices: [{ message: { role: 'assistant', content: sentence }, finish_reason: 'stop' }],
    });
    expect(answer.usage?.total_tokens).toBe((answer.usage?.prompt_tokens ?? 0) + 17);
  });

  test('a longer conversation has more tokens, and the same answer', async () => {
    const ask = (said: typeof messages | object[]) =>
      llama().openai.chat.completions.create({ model: 'fox', messages: said as typeof messages });
    const short = await ask(messages);
    const long = await ask([
      { role: 'system', content: 'Be a fox.' },
      ...messages,
      { role: 'assistant', content: 'Nothing.' },
      { role: 'user', content: 'Really?' },
    ]);
    expect(long.choices[0]?.message.content).toBe(sentence);
    expect(long.usage?.prompt_tokens).toBeGreaterThan(short.usage?.prompt_tokens ?? 0);
  });

  test.each([
    ['max_tokens', { max_tokens: 3 }, 'The quick', 'length'],
    ['max_completion_tokens', { max_completion_tokens: 1 }, 'The', 'length'],
    ['a stop', { stop: 'jump' }, 'The quick brown fox  ', 'stop'],
    ['the first of two stops', { stop: ['🦊', 'brown'] }, 'The quick ', 'stop'],
    ['a stop that never comes', { stop: ['wolf'] }, sentence, 'stop'],
    ['penalties', { frequency_penalty: 1, presence_penalty: -1 }, sentence, 'stop'],
    ['a narrow choice', { top_p: 0, temperature: 1 }, sentence, 'stop'],
  ])('with %s', async (_, options, content, finish_reason) => {
    const { choices } = await llama().openai.chat.completions.create({ model: 'fox', messages, ...options });
    expect(choices[0]).toMatchObject({ message: { content }, finish_reason });
  });

  test('plain completions, whole and streamed', async () => {
    const { completions } = llama().openai;
    const whole = await completions.create({ model: 'fox', prompt: 'Once upon a time' });
    expect(whole.choices[0]).toMatchObject({ text: sentence, finish_reason: 'stop' });
    expect(whole.usage).toMatchObject({ prompt_tokens: 17, completion_tokens: 17 });
    const stream = await completions.create({ model: 'fox', prompt: '', stream: true, max_tokens: 4 });
    const chunks = await all(stream);
    expect(chunks.map(({ choices }) => choices[0]?.text).join('')).toBe('The quick br');
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('length');
  });

  test('embeddings: as long as the model is wide, the same for the same', async () => {
    const { embeddings } = llama().openai;
    const { data, usage } = await embeddings.create({ model: 'fox', input: ['a fox', 'a dog', 'a fox'] });
    expect(data.map(({ embedding }) => embedding.length)).toEqual([32, 32, 32]);
    expect(data[2]?.embedding).toEqual(data[0]?.embedding);
    expect(usage.prompt_tokens).toBe(18);
    const plain = await embeddings.create({ model: 'fox', input: 'a fox', encoding_format: 'float' });
    expect(plain.data[0]?.embedding[0]).toBeCloseTo(data[0]?.embedding[0] ?? 0);
  });

  test('a prompt that is too long is refused with the numbers, for chat, completion and embedding', async () => {
    const long = 'x'.repeat(5000);
    const asked = [
      llama().post('/v1/chat/completions', { messages: [{ role: 'user', content: long }] }),
      llama().post('/v1/completions', { prompt: long, stream: true }),
      llama().post('/v1/embeddings', { input: ['short', long] }),
    ];
    const answers = await Promise.all(asked);
    expect(answers.map(({ status }) => status)).toEqual([400, 400, 400]);
    const bodies = (await Promise.all(answers.map((answer) => answer.json()))) as { error: object }[];
    const params = ['messages', 'prompt', 'input'];
    for (const [at, { error }] of bodies.entries())
      expect(error).toMatchObject({
        code: 'context_length_exceeded',
        param: params[at],
        message: expect.stringMatching(/^the prompt has 50\d\d tokens.*room for 4096/),
      });
  });

  test('several callers at once all get everything', async () => {
    const ask = () => llama().openai.chat.completions.create({ model: 'fox', messages });
    const answers = await Promise.all(Array.from({ length: 12 }, ask));
    expect(new Set(answers.map(({ choices }) => choices[0]?.message.content))).toEqual(new Set([sentence]));
  });

  test('the model has its name and its sizes', async () => {
    expect((await llama().openai.models.list()).data).toMatchObject([{ id: 'fox', meta: { n_ctx: 4096 } }]);
  });
});

describe.skipIf(problem)(`${title}: a model that never ends`, () => {
  const llama = engine('repeats', '--context', '65536', '--waiting', '2');
  const begin = async (signal: AbortSignal, stream = true) => {
    const answer = await llama().post('/v1/chat/completions', { messages, stream }, signal);
    const reader = answer.body?.getReader();
    await reader?.read();
    return reader;
  };

  test('ends with its caller: the engine is idle at once, and the next one is answered', async () => {
    const controller = new AbortController();
    await begin(controller.signal);
    expect(await llama().health()).toMatchObject({ active: 1 });
    controller.abort();
    await llama().active(0);
    const next = await llama().openai.chat.completions.create({ model: '', messages, max_tokens: 6 });
    expect(next.choices[0]).toMatchObject({
      message: { content: 'la li lu la li lu ' },
      finish_reason: 'length',
    });
  });

  test('ends with its caller also when nothing has been sent yet', async () => {
    const controller = new AbortController();
    const whole = llama().post('/v1/chat/completions', { messages }, controller.signal);
    await llama().active(1);
    controller.abort();
    await expect(whole).rejects.toThrow();
    await llama().active(0);
  });

  test('a long prompt that is taken in is given up with its caller', async () => {
    const controller = new AbortController();
    const content = 'A long story. '.repeat(4500);
    const asked = llama().post(
      '/v1/chat/completions',
      { messages: [{ role: 'user', content }], max_tokens: 1 },
      controller.signal,
    );
    await llama().active(1);
    controller.abort();
    await expect(asked).rejects.toThrow();
    await llama().active(0);
  });

  test('who waits is next when the one before leaves; one too many is refused', async () => {
    const controllers = [1, 2, 3].map(() => new AbortController());
    const [first, second, third] = controllers as [AbortController, AbortController, AbortController];
    await begin(first.signal);
    const waiting = [begin(second.signal), begin(third.signal).catch(() => 'left')];
    await until(async () => (await llama().health()).waiting === 2, { timeoutMs: 5000, what: 'two to wait' });
    const refused = await llama().post('/v1/chat/completions', { messages });
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ error: { code: 'engine_busy' } });
    third.abort();
    first.abort();
    await waiting[0];
    expect(await llama().health()).toMatchObject({ active: 1, waiting: 0 });
    second.abort();
    await waiting[1];
    await llama().active(0);
  });

  test('who does not read holds nobody, and gets everything later', async () => {
    const body = JSON.stringify({ messages, stream: true, max_tokens: 900 });
    await using slow = await RawSocket.dial(llama().url);
    slow.write(
      `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    slow.socket.pause();
    await llama().active(1);
    const next = await llama().openai.chat.completions.create({ model: '', messages, max_tokens: 3 });
    expect(next.choices[0]?.message.content).toBe('la li lu ');
    slow.socket.resume();
    await until(() => slow.state === 'closed', { timeoutMs: 10_000, what: 'the end of the answer' });
    const text = [...slow.text.matchAll(/"content":"([^"]*)"/g)].map(([, said]) => said).join('');
    expect(text).toBe('la li lu '.repeat(300));
    expect(slow.text).toContain('"finish_reason":"length"');
  });

  test('it fills its context and ends with `length`: nothing of the conversation is dropped', async () => {
    await using small = await LlamaProcess.ready(files.path('repeats'), '--context', '512');
    const { choices, usage } = await small.openai.chat.completions.create({ model: '', messages });
    expect(choices[0]?.finish_reason).toBe('length');
    expect(usage?.total_tokens).toBe(511);
  });
});

describe.skipIf(problem)(`${title}: a model that says nothing`, () => {
  const llama = engine('silent');

  test('gives no token, and says so', async () => {
    const { choices, usage } = await llama().openai.chat.completions.create({ model: '', messages });
    expect(choices[0]).toMatchObject({ message: { content: '' }, finish_reason: 'stop' });
    expect(usage?.completion_tokens).toBe(0);
  });

  test('nor in a stream', async () => {
    const stream = await llama().openai.chat.completions.create({ model: '', messages, stream: true });
    const chunks = await all(stream);
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')).toBe('');
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('stop');
  });
});

describe.skipIf(problem)(`${title}: two at a time`, () => {
  const llama = engine('repeats', '--parallel', '2', '--context', '65536');

  test('two answers are made beside each other, the third waits', async () => {
    const controllers = [1, 2].map(() => new AbortController());
    const ask = (signal: AbortSignal) =>
      llama().post('/v1/chat/completions', { messages, stream: true }, signal);
    await Promise.all(controllers.map(({ signal }) => ask(signal)));
    const third = llama().openai.chat.completions.create({ model: '', messages, max_tokens: 3 });
    await until(async () => (await llama().health()).waiting === 1, { timeoutMs: 5000, what: 'one to wait' });
    expect(await llama().health()).toMatchObject({ active: 2, parallel: 2 });
    controllers[0]?.abort();
    expect((await third).choices[0]?.message.content).toBe('la li lu ');
    controllers[1]?.abort();
    await llama().active(0);
  });
});
