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

async function openStream(
  root: string,
  take: TakeFacts,
  decoders: Pick<Decoders, 'open'>,
): Promise<CallerTrack> {
  const { rateHz, durationMs, chunks } = await openCallerAudio({ root, take, decoders }).catch(
    (cause: unknown) => {
      throw unplayable(take, messageOf(cause), cause);
    },
  );
  if (!durationMs) throw unplayable(take, 'nothing of the caller is in it');
  const source = chunks[Symbol.asyncIterator]();
  let state: 'open' | 'closed' = 'open';
  async function* read(): AsyncGenerator<Int16Array> {
    while (state === 'open') {
      const next = await source.next().catch((cause: unknown) => {
        if (state === 'closed') return undefined;
        throw unplayable(take, messageOf(cause), cause);
      });
      if (!next || next.done || state !== 'open') return;
      yield next.value;
    }
  }
  return {
    ...{ rateHz, durationMs, chunks: read() },
    async close() {
      if (state === 'closed') return;
      state = 'closed';
      await source.return?.();
    },
  };
}
