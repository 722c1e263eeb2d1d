// An answer as it was spoken, and how much of that was heard. The caller may say so (`conversation.item.truncate`); where
// it does not, what was played when it was interrupted is reckoned: nobody plays audio faster than it lasts. What the
// caller says holds, also where it is more. Pure.
import { sessionRateHz } from '../wire/session-config.ts';
import { answerText, heardText, type SpokenPiece } from './heard-text.ts';
import type { Draft } from './state.ts';

export interface SpokenAnswer {
  /** All of it, whatever was heard. */
  readonly text: string;
  readonly pieces: readonly SpokenPiece[];
  /** Of audio that was sent, at the session's rate whatever the format. */
  readonly samples: number;
  /** `cut`: the speech of its last piece is not all there. */
  readonly last: 'whole' | 'cut';
  /** Null: all of it, as far as is known. */
  readonly heard: { readonly samples: number; readonly by: 'client' | 'estimate' } | null;
  /** When it has all been played, if it is played as it comes; ms by the shell's clock. Null: nobody knows. */
  readonly playedAtMs: number | null;
}

const samplesPerMs = sessionRateHz / 1000;

export const nothingSpoken: SpokenAnswer = {
  ...{ text: '', pieces: [], samples: 0, last: 'whole', heard: null, playedAtMs: null },
};

export function spokenPart(given: SpokenAnswer): SpokenAnswer {
  const { text, pieces, samples, last, heard, playedAtMs } = given;
  return { text, pieces, samples, last, heard, playedAtMs };
}

/** With so much more audio. */
export function withAudio<Spoken extends SpokenAnswer>(
  spoken: Spoken,
  samples: number,
  atMs: number | undefined,
): Spoken {
  const { playedAtMs } = spoken;
  const begins = atMs === undefined ? null : Math.max(atMs, playedAtMs ?? atMs);
  return {
    ...spoken,
    samples: spoken.samples + samples,
    playedAtMs: begins === null ? playedAtMs : begins + samples / samplesPerMs,
  };
}

export function samplesHeard({ samples, heard }: SpokenAnswer): number {
  return heard?.samples ?? samples;
}

/** Null where nothing of it was heard. */
export function textHeard(spoken: SpokenAnswer): string | null {
  const { text, pieces, samples, last } = spoken;
  return heardText(text, pieces, { samples, heardSamples: samplesHeard(spoken), last });
}

/** Somebody speaks over it: what was not played by now was not heard, unless the caller has said what was. */
export function spokenOver<Spoken extends SpokenAnswer>(spoken: Spoken, atMs: number | undefined): Spoken {
  const { heard, samples, playedAtMs } = spoken;
  if (heard || playedAtMs === null || atMs === undefined || atMs >= playedAtMs) return spoken;
  const left = Math.ceil((playedAtMs - atMs) * samplesPerMs);
  return { ...spoken, heard: { samples: Math.max(0, samples - left), by: 'estimate' } };
}

/** The caller has heard no more than this. */
export function heardByCaller<Spoken extends SpokenAnswer>(spoken: Spoken, samples: number): Spoken {
  const { heard } = spoken;
  const most = heard?.by === 'client' ? heard.samples : spoken.samples;
  return { ...spoken, heard: { samples: Math.min(samples, most), by: 'client' } };
}

/** Tells how much of it counts as heard. */
export function tellHeard(draft: Draft, itemId: string, spoken: SpokenAnswer): void {
  draft.send({
    type: 'conversation.item.truncated',
    item_id: itemId,
    content_index: 0,
    audio_end_ms: Math.floor(samplesHeard(spoken) / samplesPerMs),
  });
}

/** The items as who thinks is asked about them: without what was said to pass the time. */
export function withoutFillers({ items, spoken }: Draft['state']): Draft['state']['items'] {
  return items.map((item) => {
    const { pieces = [] } = spoken.get(item.id) ?? {};
    const filled = pieces.some(({ part }) => part === 'filler');
    if (!filled || item.type !== 'message') return item;
    const content = item.content.map((part) =>
      part.type === 'output_audio' && part.transcript !== null
        ? { ...part, transcript: answerText(part.transcript, pieces) }
        : part,
    );
    return { ...item, content };
  });
}
