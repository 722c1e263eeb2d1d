// `speak` of a program: `POST /v1/audio/speech` as OpenAI has it, streamed; raw PCM16 at 24 kHz is asked for.
// https://platform.openai.com/docs/api-reference/audio/createSpeech
import { type IncomingMessage, request } from 'node:http';
import type { Clock } from '../../lifecycle/clock.ts';
import { GreenroomError, messageOf } from '../../lifecycle/errors.ts';
import type { PcmChunk } from '../contract.ts';
import { neededChars, shown } from '../shown.ts';
import { speechBody } from './speech-body.ts';

export interface HttpSpeechCall {
  readonly engine: string;
  readonly host: string;
  readonly port: number;
  readonly text: string;
  readonly voice: string | null;
  readonly clock: Clock;
  /** It may give nothing for so long while it is listened to. */
  readonly stallMs: number;
  /** Applied to what the program says of its failure. */
  readonly mask: (text: string) => string;
}

/** The connection was refused, cut, or gave nothing: the program itself may be gone. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
}

const path = '/v1/audio/speech';
const saidCharsMax = 2000;

/**
 * Ends early, without an error, when the signal aborts: the connection is closed, which cancels the work. Throws
 * `engine_call_failed` for a bad answer, ConnectionLost for none.
 */
export async function* speakOverHttp(call: HttpSpeechCall, signal: AbortSignal): AsyncGenerator<PcmChunk> {
  if (signal.aborted) return;
  try {
    const response = await post(call, signal);
    const { statusCode, headers } = response;
    if (statusCode !== 200) throw failed(call, `HTTP ${statusCode}: ${await firstText(response, call)}`);
    const type = headers['content-type'];
    const body = speechBody(type);
    if (!body)
      throw failed(call, `${type} came from ${path}, not audio/pcm: ${await firstText(response, call)}`);
    for await (const bytes of unstalled(response, call)) {
      const chunk = decoded(call, () => body.push(bytes));
      if (chunk) yield chunk;
    }
    decoded(call, () => body.end());
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof GreenroomError) throw error;
    const cut = (error as NodeJS.ErrnoException).code === 'ECONNRESET';
    const where = `${call.host}:${call.port}`;
    throw new ConnectionLost(cut ? `the connection to ${where} was cut` : messageOf(error), { cause: error });
  }
}

function failed(call: HttpSpeechCall, why: string): GreenroomError {
  return new GreenroomError('engine_call_failed', `engine ${call.engine}: speech: ${why}`);
}

function decoded<T>(call: HttpSpeechCall, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    throw failed(call, messageOf(error));
  }
}

function post(call: HttpSpeechCall, signal: AbortSignal): Promise<IncomingMessage> {
  const body = JSON.stringify({
    model: call.engine,
    input: call.text,
    voice: call.voice ?? 'default',
    response_format: 'pcm',
  });
  return new Promise((resolve, reject) => {
    const outgoing = request({
      host: call.host,
      port: call.port,
      path,
      method: 'POST',
      agent: false,
      signal,
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
    });
    const timer = call.clock.after(call.stallMs, () => outgoing.destroy(silence(call)));
    outgoing.on('response', (response) => {
      timer.cancel();
      resolve(response);
    });
    outgoing.on('error', reject);
    outgoing.on('close', () => {
      timer.cancel();
      reject(new Error(`${call.host}:${call.port} closed the connection without an answer`));
    });
    outgoing.end(body);
  });
}

/** The clock runs only while we wait for the program, not while our consumer takes its time. */
async function* unstalled(response: IncomingMessage, call: HttpSpeechCall): AsyncGenerator<Buffer> {
  const watch = () => call.clock.after(call.stallMs, () => response.destroy(silence(call)));
  let timer = watch();
  try {
    for await (const chunk of response) {
      timer.cancel();
      yield chunk as Buffer;
      timer = watch();
    }
  } finally {
    timer.cancel();
  }
}

const silence = ({ host, port, stallMs }: HttpSpeechCall): Error =>
  new Error(`${host}:${port} gave nothing for ${stallMs} ms`);

async function firstText(response: IncomingMessage, call: HttpSpeechCall): Promise<string> {
  let text = '';
  for await (const chunk of unstalled(response, call)) {
    text += String(chunk);
    if (text.length >= neededChars(saidCharsMax)) break;
  }
  return shown(text, saidCharsMax, (said) => call.mask(said).trim());
}
