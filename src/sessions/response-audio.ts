// The audio of one answer on its way out: coded as its caller listens, and counted as that caller has it. What is still
// in the resampler has not been sent, and counts for nothing until it is.
import { bytesPerSample, type StreamEncoder } from '../audio/coding.ts';
import { bytesToBase64 } from '../audio/pcm.ts';
import type { OutputChunk, SentChunk } from '../realtime/chunks.ts';
import { type AudioFormat, sessionRateHz } from '../wire/session-config.ts';
import { codingOf, encodedPieces, encoderFor } from './wire-audio.ts';

export class ResponseAudio {
  readonly #encoder: StreamEncoder;
  /** Samples of the output format, and the same at the session's rate. */
  #codedSamples = 0;
  #sentSamples = 0;

  constructor(format: AudioFormat) {
    this.#encoder = encoderFor(codingOf(format));
  }

  *take(chunk: OutputChunk): Generator<SentChunk> {
    if (chunk.type === 'text' || chunk.type === 'source' || chunk.type === 'said') return yield chunk;
    if (chunk.type !== 'audio') {
      // What was spoken before it is complete.
      yield* this.end();
      return yield chunk;
    }
    for (const bytes of encodedPieces(chunk.pcm, this.#encoder)) yield* this.#sent(bytes);
  }

  /** What is left, so that all of it lasts as long as what was taken. */
  *end(): Generator<SentChunk> {
    yield* this.#sent(this.#encoder.flush());
  }

  *#sent(bytes: Uint8Array): Generator<SentChunk> {
    // A resampler may have to see more before it gives anything; an empty delta is none.
    if (bytes.length === 0) return;
    const { coding } = this.#encoder;
    this.#codedSamples += bytes.length / bytesPerSample(coding);
    const sentSamples = Math.round((this.#codedSamples * sessionRateHz) / coding.rateHz);
    const samples = sentSamples - this.#sentSamples;
    this.#sentSamples = sentSamples;
    yield { type: 'audio', audio: bytesToBase64(bytes), samples };
  }
}
