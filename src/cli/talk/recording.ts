// A recording as a microphone would send it: in real time, in small pieces, and then silence for as long as somebody
// listens. What is due is reckoned from the beginning, so that it does not drift.
import { samplesIn } from '../../audio/pcm.ts';
import { type Clock, delay } from '../../lifecycle/clock.ts';
import { sessionRateHz } from '../../wire/session-config.ts';

export interface MicrophoneOptions {
  readonly pcm: Int16Array;
  readonly clock: Clock;
  readonly append: (pcm: Int16Array) => void;
  /** Asked before each piece of silence that follows the recording. */
  readonly silence: (sentMs: number) => 'more' | 'enough';
  readonly signal: AbortSignal;
}

const pieceMs = 30;

/** Resolves when it is enough, or when the signal aborts. */
export async function microphone({ pcm, clock, append, silence, signal }: MicrophoneOptions): Promise<void> {
  const pieceSamples = samplesIn(pieceMs, sessionRateHz);
  const quiet = new Int16Array(pieceSamples);
  const startMs = clock.now();
  const toMs = (samples: number) => (samples * 1000) / sessionRateHz;
  for (let at = 0; ; ) {
    const waitMs = startMs + toMs(at) - clock.now();
    if (waitMs > 0) await delay(clock, waitMs, signal);
    if (signal.aborted) return;
    if (at >= pcm.length && silence(toMs(at - pcm.length)) === 'enough') return;
    const piece = at < pcm.length ? pcm.subarray(at, at + pieceSamples) : quiet;
    append(piece);
    at += piece.length;
  }
}
