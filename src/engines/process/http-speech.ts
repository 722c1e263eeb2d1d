// `speak` of a program: `POST /v1/audio/speech` as OpenAI has it, raw PCM16 at 24 kHz, streamed.
// https://platform.openai.com/docs/api-reference/audio/createSpeech
import { type IncomingMessage, request } from 'node:http';
import { GreenroomError, messageOf } from '../../lifecycle/errors.ts';
import type { PcmChunk } from '../contract.ts';

export interface HttpSpeechCall {
  readonly engine: string;
  readonly host: string;
  readonly port: number;
  readonly text: string;
  readonly voice: string | null;
}

const rateHz = 24_000;
const errorBytesMax = 2000;

/** Ends early, without an error, when the signal aborts: the connection is closed, which cancels the work. */
export async function* speakOverHttp(call: HttpSpeechCall, signal: AbortSignal): AsyncGenerator<PcmChunk> {
  if (signal.aborted) return;
  let held: Buffer = Buffer.alloc(0);
  try {
    const response = await post(call, signal);
    if (response.statusCode !== 200) {
      const said = (await firstBytes(response)).trim();
      throw new GreenroomError(
        'engine_call_failed',
        `engine ${call.engine}: speech: HTTP ${response.statusCode}: ${said}`,
      );
    }
    for await (const chunk of response) {
      const bytes: Buffer = held.length > 0 ? Buffer.concat([held, chunk as Buffer]) : (chunk as Buffer);
      // A sample may be cut in two by the network.
      const whole = bytes.length & ~1;
      held = bytes.subarray(whole);
      if (whole > 0) yield { pcm: samples(bytes.subarray(0, whole)), rate: rateHz };
    }
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof GreenroomError) throw error;
    throw new GreenroomError('engine_call_failed', `engine ${call.engine}: speech: ${messageOf(error)}`, {
      cause: error,
    });
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
    const outgoing = request(
      {
        host: call.host,
        port: call.port,
        path: '/v1/audio/speech',
        method: 'POST',
        agent: false,
        signal,
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      },
      resolve,
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

function samples(bytes: Buffer): Int16Array {
  const aligned = new Uint8Array(bytes.length);
  aligned.set(bytes);
  return new Int16Array(aligned.buffer);
}

async function firstBytes(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response) {
    text += String(chunk);
    if (text.length > errorBytesMax) break;
  }
  return text.slice(0, errorBytesMax);
}
