// Speech from a program that records, piece by piece, no faster than it is spoken: a source that is a file underneath
// would otherwise be over before anybody could answer. Reads until its signal aborts or the program ends.
import { bytesToPcm, samplesIn } from '../../audio/pcm.ts';
import { type Clock, delay } from '../../lifecycle/clock.ts';
import { sessionRateHz } from '../../wire/session-config.ts';
import type { SoundChild } from './sound-child.ts';

export interface MicrophoneOptions {
  readonly child: SoundChild;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onPcm: (pcm: Int16Array) => void;
}

const pieceSamples = samplesIn(40, sessionRateHz);
/** A recorder hands over what it has in lumps. */
const aheadMsMax = 400;

export async function readMicrophone({ child, clock, signal, onPcm }: MicrophoneOptions): Promise<void> {
  const { stdout } = child;
  if (!stdout) return;
  const stop = () => stdout.destroy();
  signal.addEventListener('abort', stop, { once: true });
  let odd: Buffer = Buffer.alloc(0);
  const startMs = clock.now();
  let sentMs = 0;
  try {
    for await (const chunk of stdout as AsyncIterable<Buffer>) {
      const bytes = odd.byteLength > 0 ? Buffer.concat([odd, chunk]) : chunk;
      const whole = bytes.byteLength & ~1;
      odd = bytes.subarray(whole);
      const pcm = bytesToPcm(bytes.subarray(0, whole));
      for (let at = 0; at < pcm.length; at += pieceSamples) {
        const piece = pcm.subarray(at, at + pieceSamples);
        const aheadMs = sentMs - (clock.now() - startMs);
        if (aheadMs > aheadMsMax && (await delay(clock, aheadMs - aheadMsMax, signal)) === 'aborted') return;
        onPcm(piece);
        sentMs += (piece.length * 1000) / sessionRateHz;
      }
    }
  } catch (thrown) {
    // Our own end of the pipe was closed; or the program's, which its end tells.
    if (!signal.aborted && (thrown as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE')
      throw thrown;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** How loud, 0 (60 dB below full) to 1. */
export function levelOf(pcm: Int16Array): number {
  let sum = 0;
  for (const sample of pcm) sum += sample * sample;
  if (sum === 0) return 0;
  const decibels = 20 * Math.log10(Math.sqrt(sum / pcm.length) / 32768);
  return Math.min(1, Math.max(0, (decibels + 60) / 60));
}
