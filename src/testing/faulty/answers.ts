// What the engine for tests answers on the paths of the OpenAI API
// (https://platform.openai.com/docs/api-reference), with the fields that clients read.
import type { IncomingMessage, ServerResponse } from 'node:http';

export interface Served {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** What it says and hears; '' for nothing. */
  readonly says: string;
  /** Before each token, counted from 0. */
  readonly pace: (token: number, response: ServerResponse) => Promise<void>;
}

export async function answer(told: Served): Promise<void> {
  const { request, response, says } = told;
  const path = new URL(request.url ?? '/', 'http://engine').pathname;
  const body = await text(request);
  switch (path) {
    case '/v1/models':
      return json(response, {
        object: 'list',
        data: [{ id: 'test', object: 'model', owned_by: 'greenroom' }],
      });
    case '/v1/chat/completions':
      return chat(told, JSON.parse(body), (content) => ({ index: 0, delta: { content } }), 'chat.completion');
    case '/v1/completions':
      return chat(told, JSON.parse(body), (content) => ({ index: 0, text: content }), 'text_completion');
    case '/v1/embeddings':
      return json(response, {
        object: 'list',
        data: says === '' ? [] : [{ object: 'embedding', index: 0, embedding: [0.1, 0.2, 0.3] }],
      });
    case '/v1/audio/transcriptions':
      return json(response, { text: says });
    case '/v1/audio/speech':
      return speech(told);
    default:
      response.writeHead(404).end();
  }
}

type Choice = (content: string) => Readonly<Record<string, unknown>>;

async function chat(
  { response, says, pace }: Served,
  { stream, model = 'test' }: { readonly stream?: boolean; readonly model?: string },
  choice: Choice,
  object: string,
): Promise<void> {
  const tokens = says.match(/\S+\s*/g) ?? [];
  const facts = { id: 'test-1', created: 0, model };
  const usage = { prompt_tokens: 1, completion_tokens: tokens.length, total_tokens: 1 + tokens.length };
  if (!stream) {
    for (const token of tokens.keys()) await pace(token, response);
    const message = { role: 'assistant', content: says };
    const whole = object === 'chat.completion' ? { index: 0, message } : { index: 0, text: says };
    return json(response, { ...facts, object, choices: [{ ...whole, finish_reason: 'stop' }], usage });
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const send = (choices: readonly object[]) =>
    sent(response, `data: ${JSON.stringify({ ...facts, object: `${object}.chunk`, choices })}\n\n`);
  for (const [at, token] of tokens.entries()) {
    await pace(at, response);
    if (response.destroyed) return;
    await send([{ ...choice(token), finish_reason: null }]);
  }
  await send([{ ...choice(''), finish_reason: 'stop' }]);
  response.end('data: [DONE]\n\n');
}

/** A tenth of a second of 440 Hz a word, PCM16 at 24 kHz. */
async function speech({ response, says, pace }: Served): Promise<void> {
  response.writeHead(200, { 'content-type': 'audio/pcm' });
  const samples = Int16Array.from(
    { length: 2400 },
    (_, at) => 8000 * Math.sin((2 * Math.PI * 440 * at) / 24_000),
  );
  for (const [at] of (says.match(/\S+/g) ?? []).entries()) {
    await pace(at, response);
    if (response.destroyed) return;
    await sent(response, Buffer.from(samples.buffer));
  }
  response.end();
}

/** Resolves when it has gone out: what comes next may be the engine's end. */
function sent(response: ServerResponse, bytes: string | Buffer): Promise<void> {
  return new Promise((resolve) => response.write(bytes, () => resolve()));
}

async function text(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}

function json(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
