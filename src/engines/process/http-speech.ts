// `speak` of a program: `POST /v1/audio/speech` as OpenAI has it, raw PCM16 at 24 kHz, streamed.
// https://platform.openai.com/docs/api-reference/audio/createSpeech
import { type IncomingMessage, request } from 'node:http';
import type { Clock } from '../../lifecycle/clock.ts';
import { GreenroomError, messageOf } from '../../lifecycle/errors.ts';
import type { PcmChunk } from '../contract.ts';

export interface HttpSpeechCall {
  readonly engine: string;
  readonly host: string;
  readonly port: number;
  readonly text: string;
  readonly voice: string | null;
  readonly clock: Clock;
  /** It may give nothing for so long while it is listened to. */
  readonly stallMs: number;
}

const rateHz = 24_000;
const errorBytesMax = 2000;

/** Ends early, without an error, when the signal aborts: the connection is closed, which cancels the work. */
export async function* speakOverHttp(call: HttpSpeechCall, signal: AbortSignal): AsyncGenerator<PcmChunk> {
  if (signal.aborted) return;
  try {
    const response = await post(call, signal);
    if (response.statusCode !== 200) {
      const said = (await firstText(response, call)).trim();
      throw new GreenroomError(
        'engine_call_failed',
        `engine ${call.engine}: speech: HTTP ${response.statusCode}: ${said}`,
      );
    }
    let half: Buffer = Buffer.alloc(0);
    for await (const chunk of unstalled(response, call)) {
      const bytes = half.length > 0 ? Buffer.concat([half, chunk]) : chunk;
      // A sample may be cut in two by the network.
      const whole = bytes.length & ~1;
      half = bytes.subarray(whole);
      if (whole > 0) yield { pcm: samples(bytes.subarray(0, whole)), rate: rateHz };
    }
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof GreenroomError) throw error;
    const cut = (error as NodeJS.ErrnoException).code === 'ECONNRESET';
    const why = cut ? 'the connection was cut' : messageOf(error);
    throw new GreenroomError('engine_call_failed', `engine ${call.engine}: speech: ${why}`, { cause: error });
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
      path: '/v1/audio/speech',
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
      reject(new Error('it closed the connection without an answer'));
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

const silence = ({ stallMs }: HttpSpeechCall): Error => new Error(`it gave nothing for ${stallMs} ms`);

function samples(bytes: Buffer): Int16Array {
  const aligned = new Uint8Array(bytes.length);
  aligned.set(bytes);
  return new Int16Array(aligned.buffer);
}

async function firstText(response: IncomingMessage, call: HttpSpeechCall): Promise<string> {
  let text = '';
  for await (const chunk of unstalled(response, call)) {
    text += String(chunk);
    if (text.length > errorBytesMax) break;
  }
  return text.slice(0, errorBytesMax);
}
