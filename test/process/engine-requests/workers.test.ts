// Worker engines behind OpenAI's paths: they speak no HTTP, and their callers do not notice.
import OpenAI, { toFile } from 'openai';
import { describe, expect, test } from 'vitest';
import { parseWav, writeWav } from '../../../src/audio/wav.ts';
import { worker } from '../engines/supervised.ts';
import { Desk } from './desk.ts';

const answers = worker('answers.mjs');

async function open(): Promise<{ desk: Desk; client: OpenAI } & AsyncDisposable> {
  const desk = await (await Desk.open([answers])).ready('mine');
  const client = new OpenAI({ baseURL: `${desk.url}/v1`, apiKey: 'none', maxRetries: 0 });
  return { desk, client, [Symbol.asyncDispose]: () => desk[Symbol.asyncDispose]() };
}

async function all<Item>(stream: AsyncIterable<Item>): Promise<Item[]> {
  const items: Item[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

const user = (content: string) => [{ role: 'user' as const, content }];

describe('chat', () => {
  test('as a whole has its words, its reason to finish and its counts', async () => {
    await using opened = await open();
    const { client } = opened;
    const answer = await client.chat.completions.create({ model: 'mine', messages: user('count 3') });
    expect(answer).toMatchObject({
      ...{ object: 'chat.completion', model: 'mine', id: expect.stringMatching(/^chatcmpl-[0-9a-f]{32}$/) },
      choices: [{ index: 0, message: { role: 'assistant', content: ' t0 t1 t2' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 2, completion_tokens: 3, total_tokens: 5 },
    });
    expect(Math.abs(answer.created - Date.now() / 1000)).toBeLessThan(60);
  });

  test('as a stream has the same, piece by piece', async () => {
    await using opened = await open();
    const { client } = opened;
    const stream = await client.chat.completions.create({
      ...{ model: 'mine', messages: user('count 3'), stream: true, stream_options: { include_usage: true } },
    });
    const chunks = await all(stream);
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
    expect(chunks.map(({ choices }) => choices[0]?.delta)).toEqual([
      ...[{ role: 'assistant', content: '' }, { content: ' t0' }, { content: ' t1' }, { content: ' t2' }],
      ...[{}, undefined],
    ]);
    expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe('stop');
    expect(chunks.at(-1)?.usage).toEqual({ prompt_tokens: 2, completion_tokens: 3, total_tokens: 5 });
  });

  test('passes what is asked for on to the engine, and its tool calls back', async () => {
    await using opened = await open();
    const { desk, client } = opened;
    const schema = { type: 'object', properties: { city: { type: 'string' } } };
    const asked = {
      ...{
        model: 'mine',
        messages: user('tool'),
        max_completion_tokens: 9,
        temperature: 0.5,
        stop: 'END',
        seed: 7,
      },
      tools: [{ type: 'function' as const, function: { name: 'weather', parameters: schema } }],
      response_format: { type: 'json_schema' as const, json_schema: { name: 'city', schema } },
    };
    const whole = await client.chat.completions.create(asked);
    const call = {
      id: 'call_1',
      type: 'function',
      function: { name: 'weather', arguments: '{"city":"Bern"}' },
    };
    expect(whole.choices[0]).toMatchObject({
      ...{ message: { content: 'Let me see. ', tool_calls: [call] }, finish_reason: 'tool_calls' },
    });
    // The client would read its words as JSON.
    const { response_format: _, ...free } = asked;
    const streamed = await client.chat.completions.stream(free).finalChatCompletion();
    expect(streamed.choices[0]).toMatchObject({
      message: { tool_calls: [call] },
      finish_reason: 'tool_calls',
    });
    const [, line = ''] = await desk.stage.says(/chat (\{.*\})/);
    expect(JSON.parse(line)).toMatchObject({
      ...{ maxTokens: 9, temperature: 0.5, stop: ['END'], extra: { seed: 7 }, responseSchema: schema },
      tools: [{ function: { name: 'weather' } }],
    });
  });

  test.each([
    ['says nothing', 'none', 502, 'engine_no_output'],
    ['throws', 'throw', 502, 'engine_call_failed'],
    ['has no end', 'noend', 502, 'engine_call_failed'],
    ['exits', 'exit', 503, 'engine_exited'],
  ])('of an engine that %s is an error', async (_, content, status, code) => {
    await using opened = await open();
    const { client } = opened;
    const failed = client.chat.completions.create({ model: 'mine', messages: user(content) });
    await expect(failed).rejects.toMatchObject({ status, code });
  });

  test.each([
    ['breaks in the middle', 'break 2', 'engine_call_failed'],
    ['has no end', 'noend 2', 'engine_call_failed'],
  ])('as a stream of an engine that %s is an error after what was said', async (_, content, code) => {
    await using opened = await open();
    const { client } = opened;
    const stream = await client.chat.completions.create({
      model: 'mine',
      messages: user(content),
      stream: true,
    });
    let said = '';
    const read = async () => {
      for await (const chunk of stream) said += chunk.choices[0]?.delta.content ?? '';
    };
    await expect(read()).rejects.toMatchObject({ code });
    expect(said).toBe(' t0 t1');
  });

  test.each([
    [{ n: 2 }, 'n: one answer at a time'],
    [{ messages: [] }, 'messages: '],
    [{ messages: [{}] }, 'messages.0.role: '],
    [{ max_tokens: 0 }, 'max_tokens: '],
    [{ stop: 5 }, 'stop: expected a text or a list of texts'],
    [{ response_format: { type: 'xml' } }, 'response_format.type: '],
  ])('with %o is refused with the place', async (more, message) => {
    await using opened = await open();
    const answer = await opened.desk.chat('count', more);
    expect([answer.status, await answer.json()]).toMatchObject([
      ...[400, { error: { code: 'invalid_request', message: expect.stringContaining(message) } }],
    ]);
  });

  test('of more than is parsed at a time is refused', async () => {
    await using opened = await open();
    const answer = await opened.desk.chat('x'.repeat(5e6));
    expect([answer.status, await answer.json()]).toMatchObject([413, { error: { code: 'body_too_large' } }]);
  });
});

test('completions and generations are made of its chat', async () => {
  await using opened = await open();
  const { desk, client } = opened;
  const whole = await client.completions.create({ model: 'mine', prompt: 'count 2' });
  expect(whole).toMatchObject({
    ...{
      object: 'text_completion',
      choices: [{ text: ' t0 t1', finish_reason: 'stop' }],
      usage: { total_tokens: 4 },
    },
  });
  const stream = await client.completions.create({ model: 'mine', prompt: ['count 2'], stream: true });
  expect((await all(stream)).map(({ choices }) => choices[0]?.text).join('')).toBe(' t0 t1');
  const generated = await desk.post('/v1/generate', { prompt: 'count 2', stream: true, max_tokens: 4 });
  await generated.end();
  expect(generated.events()).toEqual([
    { token: ' t0', done: false },
    { token: ' t1', done: false },
    {
      token: '',
      done: true,
      finish_reason: 'stop',
      usage: { prompt_tokens: 2, completion_tokens: 2, total_tokens: 4 },
    },
  ]);
  const sampled = { prompt: 'count 2', sampling_params: { temperature: 0.1 }, stop_sequences: ['X'] };
  expect(await (await desk.post('/v1/generate', sampled)).json()).toMatchObject({
    ...{ text: ' t0 t1', done: true, model: 'mine', finish_reason: 'stop' },
  });
  await desk.stage.says(/"temperature":0.1,"stop":\["X"\]/);
});

describe('speech', () => {
  test('is a WAV at the engine’s own rate, or raw samples at 24 kHz', async () => {
    await using opened = await open();
    const { client } = opened;
    const asked = { model: 'mine', voice: 'alloy', input: 'Hello' };
    const wav = await client.audio.speech.create({ ...asked, response_format: 'wav' });
    expect(wav.headers.get('content-type')).toBe('audio/wav');
    const { pcm, rateHz } = parseWav(new Uint8Array(await wav.arrayBuffer()));
    expect([pcm.length, rateHz, pcm[3200]]).toEqual([6400, 16_000, 1000]);
    const raw = await client.audio.speech.create({ ...asked, response_format: 'pcm' });
    expect(raw.headers.get('content-type')).toBe('audio/pcm;rate=24000;channels=1');
    const bytes = Buffer.from(await raw.arrayBuffer());
    expect([bytes.length, bytes.readInt16LE(9600)]).toEqual([19_200, 1000]);
  });

  test.each([
    [{ response_format: 'mp3' }, 400, 'this engine speaks wav (the default) and pcm'],
    [{ speed: 1.5 }, 400, 'this engine speaks at one speed'],
    [{ stream_format: 'sse' }, 400, 'this engine streams audio'],
    [{ input: '' }, 400, 'input: '],
    [{ input: 'none' }, 502, 'it made no sound'],
  ])('with %o is refused', async (more, status, message) => {
    await using opened = await open();
    const answer = await opened.desk.post('/v1/audio/speech', { input: 'Hello', ...more });
    expect([answer.status, await answer.json()]).toMatchObject([
      ...[status, { error: { message: expect.stringContaining(message) } }],
    ]);
  });
});

describe('a transcription', () => {
  const pcm = Int16Array.from({ length: 20_000 }, () => 2);
  const file = () => toFile(writeWav(pcm, 8000), 'said.wav');
  const said = '20000 samples at 8000, sum 40000, any language';

  test('is of everything in the file, in the form that is asked for', async () => {
    await using opened = await open();
    const { client } = opened;
    const create = async (more: object) =>
      client.audio.transcriptions.create({ model: 'mine', file: await file(), ...more });
    expect(await create({})).toEqual({ text: said });
    expect(await create({ response_format: 'text' })).toBe(`${said}\n`);
    expect(await create({ response_format: 'verbose_json', language: 'de' })).toEqual({
      ...{ task: 'transcribe', language: 'de', duration: 2.5, segments: [] },
      text: '20000 samples at 8000, sum 40000, de',
    });
  });

  test('as a stream tells what is certain, and all of it at the end', async () => {
    await using opened = await open();
    const stream = await opened.client.audio.transcriptions.create({
      ...{ model: 'mine', file: await file(), stream: true },
    });
    expect(await all(stream)).toEqual([
      { type: 'transcript.text.delta', delta: '20000 samples at 8000,' },
      { type: 'transcript.text.delta', delta: ' sum 40000, any language' },
      { type: 'transcript.text.done', text: said },
    ]);
  });

  test.each([
    ['no WAV', Buffer.from('ID3 this is an mp3'), {}, '"a.bin" is no WAV, which is what this engine takes'],
    ['a WAV without a sample', Buffer.from(writeWav(new Int16Array(0), 8000)), {}, 'there is not one sample'],
    ['another form', Buffer.from(writeWav(pcm, 8000)), { response_format: 'srt' }, 'it knows no times'],
  ])('of %s is refused', async (_, bytes, more, message) => {
    await using opened = await open();
    const asked = opened.client.audio.transcriptions.create({
      ...{ model: 'mine', file: await toFile(bytes, 'a.bin') },
      ...(more as { response_format?: 'json' }),
    });
    await expect(asked).rejects.toMatchObject({ status: 400, message: expect.stringContaining(message) });
  });
});

describe('embeddings', () => {
  test('are one for each text, as numbers or packed', async () => {
    await using opened = await open();
    const { client, desk } = opened;
    const input = Array.from({ length: 50 }, (_, at) => 'x'.repeat(at + 1));
    // The client asks for base64 itself.
    const answer = await client.embeddings.create({ model: 'mine', input });
    expect(answer.data.map(({ embedding }) => embedding)).toEqual(input.map(({ length }) => [length, 0.5]));
    expect(answer.data.map(({ index }) => index)).toEqual([...input.keys()]);
    const plain = await desk.post('/v1/embeddings', { input: 'hello' });
    expect(await plain.json()).toEqual({
      ...{ object: 'list', data: [{ object: 'embedding', index: 0, embedding: [5, 0.5] }], model: 'mine' },
      usage: { prompt_tokens: 0, total_tokens: 0 },
    });
  });

  test.each([
    [{ input: [1, 2, 3] }, 400, 'tokens are not taken by this engine'],
    [{ input: [] }, 400, 'input: '],
    [{ input: 'x', dimensions: 8 }, 400, 'the vectors of this engine have one length'],
    [{ input: 'none' }, 502, 'embed gave 0 vectors for 1 texts'],
  ])('of %o are refused', async (body, status, message) => {
    await using opened = await open();
    const answer = await opened.desk.post('/v1/embeddings', body);
    expect([answer.status, await answer.json()]).toMatchObject([
      ...[status, { error: { message: expect.stringContaining(message) } }],
    ]);
  });
});
