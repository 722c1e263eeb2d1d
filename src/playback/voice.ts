// The recorded caller's voice in a session: sound of the recording as the events that its caller would send. Holds some
// ms of sound in its resamplers, and nothing that needs closing.

import type { StreamEncoder } from '../audio/coding.ts';
import { bytesToBase64 } from '../audio/pcm.ts';
import { Resampler } from '../audio/resample.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import type { CallLook } from '../sessions/callers-place.ts';
import { codingOf, encoderFor } from '../sessions/wire-audio.ts';
import { type AudioFormat, sessionRateHz } from '../wire/session-config.ts';

/** Sound at the session's rate, in the format that the session takes at the moment. */
export class Voice {
  #encoder: StreamEncoder | undefined;
  #format = '';

  /** Base64; empty when nothing is complete yet. */
  encode(pcm: Int16Array, format: AudioFormat): string {
    const named = JSON.stringify(format);
    // What is left of the format before is some ms, as the session itself has it.
    if (named !== this.#format) this.#encoder = encoderFor(codingOf(format));
    this.#format = named;
    return bytesToBase64(this.#encoder?.push(pcm) ?? new Uint8Array());
  }

  /** What the encoder still has. */
  flush(): string {
    return bytesToBase64(this.#encoder?.flush() ?? new Uint8Array());
  }
}

/** A whole one, for an item of its own. */
export function encodeWhole(pcm: Int16Array, format: AudioFormat): string {
  const voice = new Voice();
  const begun = Buffer.from(voice.encode(pcm, format), 'base64');
  return Buffer.concat([begun, Buffer.from(voice.flush(), 'base64')]).toString('base64');
}

/** The pieces of a track at the session's rate. */
export async function* atSessionRate(
  chunks: AsyncIterable<Int16Array>,
  rateHz: number,
): AsyncGenerator<Int16Array> {
  const resampler = new Resampler({ fromHz: rateHz, toHz: sessionRateHz });
  for await (const chunk of chunks) {
    const pcm = resampler.push(chunk);
    if (pcm.length > 0) yield pcm;
  }
  const rest = resampler.flush();
  if (rest.length > 0) yield rest;
}

/** What a session takes. Throws `playback_unsupported` while its caller sends a stream, which nobody else can go on with. */
export function formatOf({ format }: CallLook): AudioFormat {
  if (format) return format;
  const message =
    'the caller of this session sends a stream of WebM, which nobody else can go on with; set audio.input.format to audio/pcm and try again';
  throw new GreenroomError('playback_unsupported', message);
}
