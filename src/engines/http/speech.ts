// `speak` over HTTP: `POST /v1/audio/speech` as OpenAI has it, streamed; raw PCM16 at 24 kHz is asked for.
// https://platform.openai.com/docs/api-reference/audio/createSpeech
import { messageOf } from '../../lifecycle/errors.ts';
import type { PcmChunk } from '../contract.ts';
import type { SpeakCall } from '../instance.ts';
import { exchange, type HttpAnswer, type HttpContext } from './exchange.ts';
import { speechBody } from './speech-body.ts';

const path = '/v1/audio/speech';

/** Errors as `exchange` has them. */
export function speakOverHttp(
  context: HttpContext,
  call: SpeakCall & { readonly model: string },
  signal: AbortSignal,
): AsyncGenerator<PcmChunk> {
  const body = JSON.stringify({
    model: call.model,
    input: call.text,
    voice: call.voice ?? 'default',
    response_format: 'pcm',
    ...(call.speed !== undefined && { speed: call.speed }),
  });
  return exchange(context, { what: 'speech', path, type: 'application/json', body }, samples, signal);
}

async function* samples(answer: HttpAnswer): AsyncGenerator<PcmChunk> {
  const { type } = answer;
  const body = speechBody(type);
  if (!body) throw answer.failed(`${type} came from ${path}, not audio/pcm: ${await answer.rest()}`);
  for await (const bytes of answer.chunks()) {
    const chunk = decoded(answer, () => body.push(bytes));
    if (chunk) yield chunk;
  }
  decoded(answer, () => body.end());
}

function decoded<T>(answer: HttpAnswer, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    throw answer.failed(messageOf(error));
  }
}
