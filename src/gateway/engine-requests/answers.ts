// Requests whose answers we form ourselves: all that a worker engine answers, and generations of an engine over HTTP,
// which knows chats. The body is read as a whole; JSON up to a limit of its own, since it is parsed on the loop.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Engine } from '../../engines/engine.ts';
import type { Lease } from '../../engines/lease.ts';
import type { Clock } from '../../lifecycle/clock.ts';
import { GreenroomError, messageOf } from '../../lifecycle/errors.ts';
import { answerChat } from './chat-answer.ts';
import {
  type AnswerFacts,
  type ChatFormat,
  chatFormat,
  completionFormat,
  generateFormat,
} from './chat-formats.ts';
import { chatOverHttp } from './chat-over-http.ts';
import { type ChatAsked, chatAsked, completionAsked, generateAsked } from './chat-request.ts';
import { answerEmbeddings, embeddingAsked } from './embedding-answer.ts';
import { EngineCall, givenBody, type SilenceLimits } from './engine-call.ts';
import type { EnginePath } from './engine-paths.ts';
import { boundaryIn } from './multipart.ts';
import type { Reply } from './reply.ts';
import type { RequestBody } from './request-body.ts';
import { answerSpeech, speechAsked } from './speech-answer.ts';
import { answerTranscription, samplesOf, transcriptionAsked } from './transcription-answer.ts';
import { reasonOf } from './why-lost.ts';

export interface AnswerOptions {
  readonly path: EnginePath;
  readonly engine: Engine;
  readonly lease: Lease;
  readonly request: Pick<IncomingMessage, 'headers'>;
  readonly body: RequestBody;
  readonly reply: Reply;
  /** As the answer names it, and as the engine is to be asked for it. */
  readonly model: { readonly shown: string; readonly asked: string };
  readonly silence: SilenceLimits;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Of JSON that is parsed here. */
const parsedBytesMax = 4 * 1024 * 1024;

/** Resolves when the engine has done its part and the caller has all of it. Rejects with what he is to be told. */
export async function answer(options: AnswerOptions): Promise<void> {
  const { lease, reply, signal } = options;
  try {
    await (options.path.body === 'form' ? transcribe(options) : answerJson(options));
    lease.release(signal.aborted ? 'cancelled' : 'done');
  } catch (thrown) {
    lease.release(signal.aborted ? 'cancelled' : blame(thrown));
    throw await reasonOf(thrown, options);
  }
  if (!signal.aborted) await reply.end();
}

/** What an engine refuses one caller does not make it suspect to the others. */
function blame(thrown: unknown): 'done' | 'failed' {
  const refused = ['invalid_request', 'body_too_large', 'engine_call_failed', 'engine_call_unsupported'];
  return refused.includes((thrown as Partial<GreenroomError>).code ?? '') ? 'done' : 'failed';
}

async function answerJson(options: AnswerOptions): Promise<void> {
  const { path, engine, lease, body, reply, model, clock, signal } = options;
  const asked = await readJson(options);
  if (signal.aborted) return;
  body.drop();
  const common = { engine: engine.name, reply, clock, signal };
  switch (path.name) {
    case 'chat':
      return chat(options, chatAsked(asked), 'chatcmpl', chatFormat);
    case 'completions':
      return chat(options, completionAsked(asked), 'cmpl', completionFormat);
    case 'generate':
      return chat(options, generateAsked(asked), 'gen', generateFormat);
    case 'embeddings': {
      const { input, encoding } = embeddingAsked(asked);
      const vectors = await lease.instance.embed({ input }, signal);
      return answerEmbeddings({ ...common, vectors, encoding, model: model.shown });
    }
    case 'speech': {
      const { call, format } = speechAsked(asked);
      return answerSpeech({ ...common, chunks: lease.instance.speak(call, signal), format });
    }
    default:
      throw new GreenroomError('engine_call_unsupported', `engine ${engine.name} is not asked over HTTP`);
  }
}

async function transcribe({ lease, request, body, reply, clock, signal }: AnswerOptions): Promise<void> {
  const bytes = await body.all();
  if (signal.aborted) return;
  // What is held counts for as long as the engine hears it.
  try {
    const asked = transcriptionAsked(bytes, boundaryIn(request.headers['content-type']));
    const { wav, language } = asked;
    const call = { pcm: samplesOf(asked, clock), rate: wav.rateHz, language };
    await answerTranscription({ asked, parts: lease.instance.transcribe(call, signal), reply, signal });
  } finally {
    body.drop();
  }
}

async function chat(
  options: AnswerOptions,
  { call, stream, usageInStream }: ChatAsked,
  prefix: string,
  formatOf: (facts: AnswerFacts) => ChatFormat,
): Promise<void> {
  const { engine, lease, model, clock, reply, silence, signal } = options;
  const id = `${prefix}-${randomUUID().replaceAll('-', '')}`;
  const created = Math.floor(clock.wallTime() / 1000);
  const format = formatOf({ id, created, model: model.shown, usageInStream });
  const common = { engine: engine.name, format, form: stream ? 'stream' : 'whole', reply, signal } as const;
  const { instance } = lease;
  const { endpoint } = instance;
  if (endpoint === null) return answerChat({ ...common, parts: instance.chat(call, signal) });
  const { messages, maxTokens, temperature, stop, extra } = call;
  const body = {
    ...extra,
    ...{ model: model.asked, messages, stream: true, stream_options: { include_usage: true } },
    ...{ max_tokens: maxTokens, temperature, stop },
  };
  const http = new EngineCall({
    ...{ endpoint, target: '/v1/chat/completions', edit: undefined, clock, silence, signal },
    request: { method: 'POST', headers: {} },
    body: givenBody(Buffer.from(JSON.stringify(body))),
    headers: { 'content-type': 'application/json', 'accept-encoding': 'identity' },
  });
  try {
    await answerChat({ ...common, parts: chatOverHttp(engine.name, http, silence.streamMs) });
  } finally {
    http.close();
  }
}

/** Undefined when nobody waits for it any more. Throws `invalid_request` and `body_too_large`. */
async function readJson({ body, engine }: AnswerOptions): Promise<unknown> {
  const bytes = await body.all();
  if (bytes.length > parsedBytesMax) {
    const message = `engine ${engine.name} takes ${parsedBytesMax} bytes of JSON at the most`;
    throw new GreenroomError('body_too_large', message, { details: { limit: parsedBytesMax } });
  }
  if (!body.whole) return undefined;
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new GreenroomError('invalid_request', `the body is not JSON: ${messageOf(cause)}`, { cause });
  }
}
