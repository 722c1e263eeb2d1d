// The caller's sound of a recording that is more than one WAV: WebM as it came, and what followed it in another format.
// Decoded off the loop, never more of it held than a piece. Whoever opens it closes it; then whoever reads finds its end.
import type { Decoders } from '../audio/decoding/decoders.ts';
import { messageOf } from '../lifecycle/errors.ts';
import { openCallerAudio } from '../recordings/caller-audio.ts';
import type { TakeFacts } from '../recordings/facts.ts';
import { type CallerTrack, openCallerTrack, unplayable } from './caller-track.ts';

/** Throws `recording_unplayable` when it is missing, broken or empty. */
export function openCallerSound(
  root: string,
  take: TakeFacts,
  decoders: Pick<Decoders, 'open'>,
): Promise<CallerTrack> {
  const plain = take.caller.container === 'wav' && take.callerMore.length === 0;
  return plain ? openCallerTrack(root, take) : openStream(root, take, decoders);
}

/** What a decoder may leave out at an end: less than an utterance. */
const shortMsMax = 100;

async function openStream(
  root: string,
  take: TakeFacts,
  decoders: Pick<Decoders, 'open'>,
): Promise<CallerTrack> {
  const {
    rateHz,
    durationMs: knownMs,
    chunks,
  } = await openCallerAudio({ root, take, decoders }).catch((cause: unknown) => {
    throw unplayable(take, messageOf(cause), cause);
  });
  if (!knownMs) throw unplayable(take, 'nothing of the caller is in it');
  const durationMs = knownMs;
  const source = chunks[Symbol.asyncIterator]();
  // Whoever asks for it is to know before it begins that there is no sound in it.
  const first = await source.next().catch((cause: unknown) => {
    throw unplayable(take, messageOf(cause), cause);
  });
  if (first.done) throw unplayable(take, 'there is no sound in its files');
  let state: 'open' | 'closed' = 'open';
  async function* read(): AsyncGenerator<Int16Array> {
    let samples = 0;
    for (let next = first; !next.done && state === 'open'; next = await following()) {
      samples += next.value.length;
      yield next.value;
    }
    const heardMs = (samples * 1000) / rateHz;
    if (state === 'open' && heardMs < durationMs - shortMsMax)
      throw unplayable(take, `it is cut: ${Math.round(heardMs)} of ${Math.round(durationMs)} ms are there`);
  }
  const following = (): Promise<IteratorResult<Int16Array, undefined>> =>
    source.next().catch((cause: unknown) => {
      if (state === 'closed') return { done: true, value: undefined };
      throw unplayable(take, messageOf(cause), cause);
    });
  return {
    ...{ rateHz, durationMs, chunks: read() },
    async close() {
      if (state === 'closed') return;
      state = 'closed';
      await source.return?.();
    },
  };
}
