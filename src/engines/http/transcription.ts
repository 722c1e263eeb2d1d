// `transcribe` over HTTP: the samples as a WAV in a form, as OpenAI's `POST /v1/audio/transcriptions` has it. They are
// sent when all have come: a WAV says its length before its samples.
// https://platform.openai.com/docs/api-reference/audio/createTranscription
import { concatPcm } from '../../audio/pcm.ts';
import { Resampler } from '../../audio/resample.ts';
import { writeWav } from '../../audio/wav.ts';
import { GreenroomError } from '../../lifecycle/errors.ts';
import type { TranscriptPart } from '../contract.ts';
import type { TranscribeCall } from '../instance.ts';
import { exchange, type HttpAnswer, type HttpContext } from './exchange.ts';
import { formOf } from './form.ts';
import { orAborted } from './or-aborted.ts';

/** What OpenAI takes, and more than anybody says at a time: 13 minutes at 16 kHz. */
const audioBytesMax = 25 * 1024 * 1024;
const answerBytesMax = 8 * 1024 * 1024;

export interface TranscriptionPlace {
  /** Begins with a slash. */
  readonly path: string;
  /** Samples are sent at this rate; undefined: at that of the call. */
  readonly rateHz: number | undefined;
  /** What a language is called that the engine has to find out; undefined: nothing is said of it. */
  readonly anyLanguage: string | undefined;
}

/** Errors as `exchange` has them; `engine_call_failed` also for more audio than fits. */
export async function* transcribeOverHttp(
  context: HttpContext,
  call: TranscribeCall & { readonly model: string; readonly place: TranscriptionPlace },
  signal: AbortSignal,
): AsyncGenerator<TranscriptPart> {
  const { model, place } = call;
  const rateHz = place.rateHz ?? call.rate;
  const pcm = await collected(context, call, rateHz, signal);
  if (signal.aborted) return;
  const wav = writeWav(pcm, rateHz);
  const language = call.language ?? place.anyLanguage;
  const form = formOf(
    { model, response_format: 'json', ...(language && { language }) },
    { name: 'file', filename: 'speech.wav', type: 'audio/wav', bytes: wav },
  );
  yield* exchange(context, { what: 'transcription', path: place.path, ...form }, transcript, signal);
}

/** All of it, at another rate as it comes: at once it would hold the loop. */
async function collected(
  { engine }: HttpContext,
  call: TranscribeCall,
  rateHz: number,
  signal: AbortSignal,
): Promise<Int16Array> {
  const resampler = call.rate === rateHz ? undefined : new Resampler({ fromHz: call.rate, toHz: rateHz });
  const chunks: Int16Array[] = [];
  let bytes = 0;
  const source = call.pcm[Symbol.asyncIterator]();
  for (;;) {
    // Whoever speaks may be silent for long; a caller who leaves does not wait for it.
    const step = await orAborted(source.next(), signal);
    if (step === undefined) void source.return?.();
    if (step === undefined || step.done === true) break;
    const chunk = resampler ? resampler.push(step.value) : step.value;
    bytes += chunk.byteLength;
    if (bytes > audioBytesMax) {
      void source.return?.();
      const message = `engine ${engine}: transcription: more than ${audioBytesMax} bytes of audio in one call`;
      throw new GreenroomError('engine_call_failed', message);
    }
    chunks.push(chunk);
  }
  return concatPcm(resampler ? [...chunks, resampler.flush()] : chunks);
}

async function* transcript(answer: HttpAnswer): AsyncGenerator<TranscriptPart> {
  const said = await answer.json(answerBytesMax);
  const text = typeof said === 'object' && said !== null && 'text' in said ? said.text : undefined;
  if (typeof text !== 'string')
    throw answer.failed(`its answer has no \`text\`: ${answer.said(JSON.stringify(said))}`);
  yield { text: text.trim(), final: true };
}
