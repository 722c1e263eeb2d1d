// What a worker engine speaks, as `POST /v1/audio/speech` has it: raw samples at 24 kHz, or a WAV at the engine's own
// rate, sent as it is spoken.
// https://platform.openai.com/docs/api-reference/audio/createSpeech
import * as z from 'zod';
import { pcmToBytes } from '../../audio/pcm.ts';
import { Resampler } from '../../audio/resample.ts';
import { wavHeader } from '../../audio/wav.ts';
import { isRate, type PcmChunk, rateExpected } from '../../engines/contract.ts';
import type { SpeakCall } from '../../engines/instance.ts';
import { type Clock, turn } from '../../lifecycle/clock.ts';
import { GreenroomError, messageOf } from '../../lifecycle/errors.ts';
import { checked } from './chat-request.ts';
import { bodyLimits } from './outflow.ts';
import type { Reply } from './reply.ts';

const formats = ['wav', 'pcm'] as const;
type SpeechFormat = (typeof formats)[number];

/** Of `pcm`, as OpenAI has it. */
const pcmRateHz = 24_000;
const sizeUnknown = 0xffffffff;

const there = 'this engine speaks wav (the default) and pcm';

const schema = z.looseObject({
  input: z.string().min(1),
  voice: z.union([z.string(), z.looseObject({ id: z.string() })]).nullish(),
  response_format: z.enum(formats, { error: there }).nullish(),
  stream_format: z.literal('audio', { error: 'this engine streams audio, not events' }).nullish(),
  speed: z.literal(1, { error: 'this engine speaks at one speed: leave it out, or give 1' }).nullish(),
});

export interface SpeechAsked {
  readonly call: SpeakCall;
  readonly format: SpeechFormat;
}

/** Throws `invalid_request`. */
export function speechAsked(body: unknown): SpeechAsked {
  const { input, voice, response_format: format } = checked(schema, body);
  const name = typeof voice === 'string' ? voice : voice?.id;
  return {
    call: { text: input, voice: name || null },
    format: format ?? 'wav',
  };
}

export async function answerSpeech(options: {
  readonly engine: string;
  readonly chunks: AsyncIterable<PcmChunk>;
  readonly format: SpeechFormat;
  readonly reply: Reply;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { engine, chunks, format, reply, clock, signal } = options;
  let voice: { readonly rateHz: number; readonly resampler: Resampler | undefined } | undefined;
  for await (const { pcm, rate } of chunks) {
    if (pcm.length === 0) continue;
    if (!voice) {
      voice = { rateHz: rate, resampler: format === 'pcm' ? resamplerOf(engine, rate) : undefined };
      begin(reply, format, rate);
    } else if (rate !== voice.rateHz)
      throw failed(engine, `it changed its rate from ${voice.rateHz} to ${rate} Hz in mid-answer`);
    // Half a second at a time, so that others get their turn in between.
    const step = Math.ceil(rate / 2);
    for (let at = 0; at < pcm.length; at += step) {
      const piece = pcm.subarray(at, at + step);
      await reply.send(bytesOf(voice.resampler?.push(piece) ?? piece));
      if (voice.resampler && at + step < pcm.length) await turn(clock);
    }
  }
  if (signal.aborted) return;
  if (!voice)
    throw new GreenroomError('engine_no_output', `engine ${engine}: it made no sound`, {
      details: { engine },
    });
  if (voice.resampler) await reply.send(bytesOf(voice.resampler.flush()));
}

function begin(reply: Reply, format: SpeechFormat, rateHz: number): void {
  const type = format === 'wav' ? 'audio/wav' : `audio/pcm;rate=${pcmRateHz};channels=1`;
  reply.begin({ status: 200, headers: { 'content-type': type }, form: 'body', limits: bodyLimits });
  if (format === 'wav') reply.push(endlessWavHead(rateHz));
}

/** Its sizes are not known yet: as who writes a stream leaves them. */
function endlessWavHead(rateHz: number): Buffer {
  const head = Buffer.from(wavHeader(0, rateHz));
  head.writeUInt32LE(sizeUnknown, 4);
  head.writeUInt32LE(sizeUnknown, 40);
  return head;
}

const bytesOf = (pcm: Int16Array): Buffer => {
  const { buffer, byteOffset, byteLength } = pcmToBytes(pcm);
  return Buffer.from(buffer, byteOffset, byteLength);
};

function resamplerOf(engine: string, rateHz: number): Resampler {
  try {
    if (!isRate(rateHz)) throw new RangeError(`it is not ${rateExpected}`);
    return new Resampler({ fromHz: rateHz, toHz: pcmRateHz });
  } catch (cause) {
    const what = `it speaks at ${rateHz} Hz, of which ${pcmRateHz} Hz cannot be made (${messageOf(cause)}); ask for wav`;
    throw failed(engine, what);
  }
}

function failed(engine: string, what: string): GreenroomError {
  return new GreenroomError('engine_call_failed', `engine ${engine}: ${what}`, { details: { engine } });
}
