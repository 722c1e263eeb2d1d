// One text spoken by an engine, as audio of a session: at its rate, in slices that leave the others their turn. Silence
// for something that can be said is a fault, never an empty answer.
import { Resampler } from '../audio/resample.ts';
import { isRate, rateExpected } from '../engines/contract.ts';
import type { Engine } from '../engines/engine.ts';
import type { SpeakCall } from '../engines/instance.ts';
import { GreenroomError, messageOf } from '../lifecycle/errors.ts';
import { sessionRateHz } from '../wire/session-config.ts';

/** Audio goes out in slices of this length. */
const sliceSamples = sessionRateHz / 5;

/** Whether there is anything in it that a voice could say. */
export function isSpeakable(text: string): boolean {
  return /[\p{L}\p{N}]/u.test(text);
}

/** PCM16 at the session's rate. Ends early, without an error, when the signal aborts. */
export async function* speech(
  engine: Pick<Engine, 'name' | 'speak'>,
  call: SpeakCall,
  signal: AbortSignal,
): AsyncGenerator<Int16Array> {
  const { text } = call;
  let stream: { readonly rateHz: number; readonly resampler: Resampler } | undefined;
  let samples = 0;
  for await (const { pcm, rate } of engine.speak(call, signal)) {
    samples += pcm.length;
    stream ??= { rateHz: rate, resampler: resamplerOf(engine.name, rate) };
    const { rateHz, resampler } = stream;
    if (rate !== rateHz) throw rateChanged(engine.name, rateHz, rate);
    // A whole utterance in one chunk is resampled piece by piece, so that others get their turn in between. A piece
    // is a second, by a rate that was checked: a chunk could say that it is next to nothing, and hold us for ever.
    for (let at = 0; at < pcm.length; at += rateHz)
      yield* slices(resampler.push(pcm.subarray(at, at + rateHz)));
  }
  if (signal.aborted) return;
  if (stream) yield* slices(stream.resampler.flush());
  if (samples === 0 && isSpeakable(text)) {
    throw new GreenroomError(
      'engine_call_failed',
      `engine ${engine.name} gave no audio for ${text.length} characters`,
    );
  }
}

export function* slices(pcm: Int16Array): Generator<Int16Array> {
  for (let at = 0; at < pcm.length; at += sliceSamples) yield pcm.subarray(at, at + sliceSamples);
}

/** An engine says in every chunk at which rate it speaks, and may say anything. */
function resamplerOf(engine: string, rateHz: number): Resampler {
  try {
    if (!isRate(rateHz)) throw new RangeError(`it is not ${rateExpected}`);
    return new Resampler({ fromHz: rateHz, toHz: sessionRateHz });
  } catch (cause) {
    const message = `engine ${engine} speaks at ${rateHz} Hz, of which ${sessionRateHz} Hz cannot be made (${messageOf(cause)}); 8000, 16000, 22050, 24000, 44100 and 48000 Hz are usual`;
    throw new GreenroomError('engine_call_failed', message, { cause, details: { engine, rateHz } });
  }
}

/** No resampler for each: one may take a tenth of a second to make, which an engine could ask for in every chunk. */
function rateChanged(engine: string, rateHz: number, newRateHz: number): GreenroomError {
  const message = `engine ${engine} changed its rate from ${rateHz} to ${newRateHz} Hz in mid-answer; one answer has one rate`;
  return new GreenroomError('engine_call_failed', message, { details: { engine, rateHz, newRateHz } });
}
