// What of an answer was said to its end, where its audio was cut: text goes out in pieces, each before its own speech, so
// that it is known where the speech of each begins. A piece that was cut counts as not heard: nobody knows how far.

export interface SpokenPiece {
  /** Where it begins, in the text and in the audio. */
  readonly fromChar: number;
  readonly fromSample: number;
}

/** Null where not even the first piece was heard to its end. */
export function heardText(
  text: string,
  pieces: readonly SpokenPiece[],
  { samples, heardSamples }: { readonly samples: number; readonly heardSamples: number },
): string | null {
  if (heardSamples >= samples) return text;
  const cut = pieces.findLast(({ fromSample }) => fromSample <= heardSamples);
  return text.slice(0, cut?.fromChar ?? 0) || null;
}
