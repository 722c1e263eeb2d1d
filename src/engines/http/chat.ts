// `chat` over HTTP: `POST /v1/chat/completions` as OpenAI has it, streamed. A server that answers in one piece is
// understood too; one that ends without a word is a failure.
import { GreenroomError, messageOf } from '../../lifecycle/errors.ts';
import type { ChatCall } from '../instance.ts';
import { type ChatEvent, ChatStream } from './chat-stream.ts';
import { ConnectionLost, exchange, type HttpAnswer, type HttpContext } from './exchange.ts';
import { type SseEvent, SseReader } from './sse.ts';

const path = '/v1/chat/completions';
const wholeBytesMax = 32 * 1024 * 1024;

export interface ChatQuestion extends ChatCall {
  readonly model: string;
  /** OpenAI's own models take no other than `max_completion_tokens`; other servers know `max_tokens`. */
  readonly limitName: 'max_tokens' | 'max_completion_tokens';
}

/** Errors as `exchange` has them; `engine_no_output` when nothing was said. */
export function chatOverHttp(
  context: HttpContext,
  question: ChatQuestion,
  signal: AbortSignal,
): AsyncGenerator<ChatEvent> {
  const body = JSON.stringify(chatBody(question));
  const read = (answer: HttpAnswer) => events(answer, context.engine);
  return exchange(context, { what: 'chat', path, type: 'application/json', body }, read, signal);
}

function chatBody({ model, limitName, ...call }: ChatQuestion): object {
  const { messages, tools, responseSchema, maxTokens, temperature, stop, extra } = call;
  return {
    ...extra,
    model,
    messages,
    ...(tools && tools.length > 0 && { tools }),
    ...(responseSchema && {
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'response', strict: true, schema: responseSchema },
      },
    }),
    ...(maxTokens !== undefined && { [limitName]: maxTokens }),
    ...(temperature !== undefined && { temperature }),
    ...(stop && stop.length > 0 && { stop }),
    stream: true,
    stream_options: { include_usage: true },
  };
}

async function* events(answer: HttpAnswer, engine: string): AsyncGenerator<ChatEvent> {
  const stream = new ChatStream();
  const json = /\bjson\b/.test(answer.type ?? '');
  if (json) yield* pushed(answer, stream, await answer.json(wholeBytesMax));
  else {
    const state = yield* streamed(answer, stream);
    // Who has finished may leave the rest out; who has not was cut, however politely.
    if (state === 'open' && !stream.ended)
      throw new ConnectionLost('the answer ended before it was finished');
  }
  if (stream.said === 'nothing')
    throw new GreenroomError(
      'engine_no_output',
      `engine ${engine}: chat: it answered without a single token`,
    );
  yield* stream.end();
}

async function* streamed(answer: HttpAnswer, stream: ChatStream): AsyncGenerator<ChatEvent, 'open' | 'done'> {
  const reader = new SseReader();
  for await (const bytes of answer.chunks()) {
    for (const event of read(answer, () => reader.push(bytes))) {
      if (event.data === '[DONE]') return 'done';
      yield* pushed(answer, stream, parsed(answer, event));
    }
  }
  for (const event of reader.end()) {
    if (event.data === '[DONE]') return 'done';
    yield* pushed(answer, stream, parsed(answer, event));
  }
  return 'open';
}

function parsed(answer: HttpAnswer, { event, data }: SseEvent): unknown {
  try {
    const value: unknown = JSON.parse(data);
    const bare = event === 'error' && !(typeof value === 'object' && value !== null && 'error' in value);
    return bare ? { error: value } : value;
  } catch {
    throw answer.failed(`an event that is no JSON: ${answer.said(data)}`);
  }
}

function pushed(answer: HttpAnswer, stream: ChatStream, chunk: unknown): readonly ChatEvent[] {
  return read(answer, () => stream.push(chunk));
}

/** What the engine says of its failure is its own words. */
function read<T>(answer: HttpAnswer, take: () => T): T {
  try {
    return take();
  } catch (error) {
    throw answer.failed(answer.said(messageOf(error)));
  }
}
