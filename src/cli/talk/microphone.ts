// Speech from a program that records, piece by piece, no faster than it is spoken: a source that is a file underneath
// would otherwise be over before anybody could answer. Reads until its signal aborts or the program has ended and what
// it wrote is read.
import type { Readable } from 'node:stream';
import { bytesToPcm, samplesIn } from '../../audio/pcm.ts';
import { type Clock, delay } from '../../lifecycle/clock.ts';
import { sessionRateHz } from '../../wire/session-config.ts';
import type { SoundChild } from './sound-child.ts';

export interface MicrophoneOptions {
  readonly child: Pick<SoundChild, 'stdout' | 'ended'>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onPcm: (pcm: Int16Array) => void;
}

const pieceSamples = samplesIn(40, sessionRateHz);
/** A recorder hands over what it has in lumps. */
const aheadMsMax = 400;
/** Nothing for so long after the end of the program: all that it wrote is read. */
const quietMs = 100;
/** Whoever it left its output to is heard no longer than this. */
const leftoverMsMax = 10_000;

export async function readMicrophone({ child, clock, signal, onPcm }: MicrophoneOptions): Promise<void> {
  const { stdout } = child;
  if (!stdout) return;
  const stop = () => stdout.destroy();
  signal.addEventListener('abort', stop, { once: true });
  let odd: Buffer = Buffer.alloc(0);
  const startMs = clock.now();
  let sentMs = 0;
  let chunks = 0;
  void child.ended.then(() => closeWhenQuiet(stdout, () => chunks, { clock, signal }));
  try {
    for await (const chunk of stdout as AsyncIterable<Buffer>) {
      chunks += 1;
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

/** A program that is gone may have left its output to another that it started: then no end of it comes. */
async function closeWhenQuiet(
  stdout: Readable,
  chunks: () => number,
  { clock, signal }: Pick<MicrophoneOptions, 'clock' | 'signal'>,
): Promise<void> {
  const untilMs = clock.now() + leftoverMsMax;
  for (let seen = -1; !stdout.destroyed; ) {
    const quiet = stdout.readableLength === 0 && chunks() === seen;
    if (quiet || clock.now() >= untilMs) stdout.destroy();
    else {
      seen = chunks();
      await delay(clock, quietMs, signal);
    }
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
