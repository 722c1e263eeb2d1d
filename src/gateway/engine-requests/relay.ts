// An engine's answer on its way to the caller, by what it is: a stream of events, a body that is looked at as a whole
// before a word of it goes out, or one that passes as it comes. What says nothing is a fault, whatever its status.
import type { IncomingMessage } from 'node:http';
import { GreenroomError } from '../../lifecycle/errors.ts';
import { ConnectionLost, type EngineCall, type SilenceLimits } from './engine-call.ts';
import type { EnginePathName } from './engine-paths.ts';
import { bodyLimits, streamLimits } from './outflow.ts';
import { choicesSaySomething, listHasSomething } from './output-check.ts';
import { headersToCaller } from './proxy-headers.ts';
import type { Reply } from './reply.ts';
import { SseRelay, type StreamKind } from './sse-relay.ts';

export interface RelayOptions {
  readonly engine: string;
  readonly path: EnginePathName;
  readonly call: EngineCall;
  readonly response: IncomingMessage;
  readonly reply: Reply;
  readonly silence: SilenceLimits;
}

/** A longer one has something in it, and passes. */
const judgedBytesMax = 1024 * 1024;
/** Of an engine's own error. */
const errorBytesMax = 64 * 1024;

/** Resolves when all has come, with what it tells of the engine. Rejects with ConnectionLost, or with what is wrong. */
export async function relay(options: RelayOptions): Promise<'done' | 'failed'> {
  const { response, reply, path } = options;
  const status = response.statusCode ?? 502;
  const good = status >= 200 && status < 300;
  if (good && isEvents(response)) return relayEvents(options);
  if (reply.state === 'waiting') throw await notAStream(options);
  if (good && path !== 'raw' && !isPacked(response)) await relayJudged(options);
  else if (status >= 400 && !isEvents(response)) await relayError(options);
  else await relayPlain(options);
  return status >= 500 ? 'failed' : 'done';
}

const isEvents = ({ headers }: IncomingMessage): boolean =>
  /^text\/event-stream\b/i.test(headers['content-type'] ?? '');

/** Though it was asked not to be: then nobody looks into it. */
const isPacked = ({ headers }: IncomingMessage): boolean =>
  (headers['content-encoding'] ?? 'identity').toLowerCase() !== 'identity';

const kinds: Readonly<Partial<Record<EnginePathName, StreamKind>>> = {
  chat: 'tokens',
  completions: 'tokens',
};

async function relayEvents(options: RelayOptions): Promise<'done' | 'failed'> {
  const { engine, response, reply, path } = options;
  const events = new SseRelay((isPacked(response) ? undefined : kinds[path]) ?? 'plain');
  const begin = () => {
    if (reply.state === 'answering') return;
    const headers = headersToCaller(response.headers, 'changed');
    reply.begin({ status: response.statusCode ?? 200, headers, form: 'events', limits: streamLimits });
  };
  // There is nothing to be kept back for: whoever asks an engine directly wants it as it is.
  if (path === 'raw') {
    begin();
    reply.flush();
  }
  const lost = await listen(options, 'stream', (bytes) => {
    const goes = events.push(bytes);
    if (goes.length === 0) return true;
    begin();
    return reply.push(goes);
  });
  const { end, rest } = events.end(lost ? 'lost' : 'ended');
  if (end === 'no_output' && path !== 'raw') throw noOutput(engine, 'its stream ended without a word');
  if (end === 'cut') {
    if (lost) throw lost;
    throw callFailed(engine, 'its stream ended before its end: no [DONE], and no reason to finish');
  }
  begin();
  reply.push(rest);
  return end === 'told' ? 'failed' : 'done';
}

/** Nothing goes out before it is known to be something: as a whole where it is short, else with its first bytes. */
async function relayJudged(options: RelayOptions): Promise<void> {
  const { engine, response, reply, path } = options;
  const whole = path === 'chat' || path === 'completions' || path === 'embeddings';
  let held: Buffer[] = [];
  let heldBytes = 0;
  const begin = () => {
    const headers = headersToCaller(response.headers, 'passed');
    reply.begin({ status: response.statusCode ?? 200, headers, form: 'body', limits: bodyLimits });
    const goes = Buffer.concat(held);
    held = [];
    return reply.push(goes);
  };
  const lost = await listen(options, 'whole', (bytes) => {
    if (reply.state === 'answering') return reply.push(bytes);
    held.push(bytes);
    heldBytes += bytes.length;
    if (whole ? heldBytes <= judgedBytesMax : heldBytes <= emptyAudioBytes) return true;
    return begin();
  });
  if (lost) throw lost;
  if (reply.state === 'answering') return;
  const answer = Buffer.concat(held);
  if (answer.length === 0) throw noOutput(engine, 'its answer is empty');
  if (path === 'speech') throw noOutput(engine, `its answer has no sound: ${answer.length} bytes`);
  if (whole && !saysSomething(path, answer)) throw noOutput(engine, 'its answer says nothing');
  begin();
}

/** The head of a WAV alone. */
const emptyAudioBytes = 44;

function saysSomething(path: EnginePathName, answer: Buffer): boolean {
  let parsed: unknown;
  try {
    parsed = JSON.parse(answer.toString('utf8'));
  } catch {
    // Not what was asked for, and not ours to judge.
    return true;
  }
  return path === 'embeddings' ? listHasSomething(parsed) : choicesSaySomething(parsed);
}

async function relayPlain(options: RelayOptions): Promise<void> {
  const { response, reply } = options;
  const headers = headersToCaller(response.headers, 'passed');
  reply.begin({ status: response.statusCode ?? 502, headers, form: 'body', limits: bodyLimits });
  const lost = await listen(options, 'whole', (bytes) => reply.push(bytes));
  if (lost) throw lost;
}

/** As it came, but for what must not leave: some engines repeat in it the key that they were asked with. */
async function relayError(options: RelayOptions): Promise<void> {
  const { response, reply } = options;
  let held: Buffer[] = [];
  let heldBytes = 0;
  const begin = (length: 'whole' | 'more') => {
    const said = Buffer.concat(held);
    const goes = reply.masked(said);
    held = [];
    const changed = goes !== said;
    const headers = headersToCaller(response.headers, changed || length === 'more' ? 'changed' : 'passed');
    if (changed && length === 'whole') headers['content-length'] = String(goes.length);
    reply.begin({ status: response.statusCode ?? 502, headers, form: 'body', limits: bodyLimits });
    return reply.push(goes);
  };
  const lost = await listen(options, 'whole', (bytes) => {
    if (reply.state === 'answering') return reply.push(bytes);
    held.push(bytes);
    heldBytes += bytes.length;
    return heldBytes <= errorBytesMax || begin('more');
  });
  if (lost) throw lost;
  if (reply.state === 'silent') begin('whole');
}

/** The stream has been begun with the lobby's comments; what has come is none. */
async function notAStream(options: RelayOptions): Promise<GreenroomError> {
  const { engine, response } = options;
  const { statusCode: status, headers } = response;
  const said: Buffer[] = [];
  let bytesLeft = errorBytesMax;
  const lost = await listen(options, 'whole', (bytes) => {
    if (bytesLeft > 0) said.push(bytes.subarray(0, bytesLeft));
    bytesLeft -= bytes.length;
    return true;
  });
  if (lost) throw lost;
  const type = headers['content-type'] ?? 'no content-type';
  const text = Buffer.concat(said).toString('utf8');
  const what =
    status === 200
      ? `it answered ${type} where a stream was asked for`
      : `HTTP ${status}: ${errorText(text)}`;
  return callFailed(engine, what, { status, answer: text.slice(0, answerCharsMax) });
}

const answerCharsMax = 2000;

/** What an error body of OpenAI's shape says, or all of it. */
function errorText(text: string): string {
  try {
    const { error } = JSON.parse(text) as { error?: { message?: unknown } | string };
    const message = typeof error === 'string' ? error : error?.message;
    if (typeof message === 'string') return message.slice(0, answerCharsMax);
  } catch {
    // It is said as it came.
  }
  return text.slice(0, answerCharsMax).trim();
}

/** Resolves when all has come; with why, when the connection ended before. */
function listen(
  { call, response, reply, silence }: RelayOptions,
  form: 'stream' | 'whole',
  take: (bytes: Buffer) => boolean,
): Promise<ConnectionLost | undefined> {
  const { silence: watch } = call;
  watch.watch(form === 'stream' ? silence.streamMs : silence.answerMs);
  reply.onRoom = () => {
    watch.resume();
    response.resume();
  };
  return new Promise((resolve) => {
    const closed = () => {
      watch.stop();
      reply.onRoom = () => undefined;
      resolve(lossOf(response));
    };
    if (response.closed) return closed();
    response.on('data', (bytes: Buffer) => {
      watch.heard();
      if (take(bytes)) return;
      watch.rest();
      response.pause();
    });
    response.on('close', closed);
  });
}

function lossOf({ complete, errored }: IncomingMessage): ConnectionLost | undefined {
  if (errored instanceof ConnectionLost) return errored;
  if (complete && !errored) return undefined;
  return new ConnectionLost('lost', 'the connection was cut in the middle of the answer', errored);
}

function noOutput(engine: string, what: string): GreenroomError {
  return new GreenroomError('engine_no_output', `engine ${engine}: ${what}`, { details: { engine } });
}

function callFailed(engine: string, what: string, details: object = {}): GreenroomError {
  return new GreenroomError('engine_call_failed', `engine ${engine}: ${what}`, {
    details: { engine, ...details },
  });
}
