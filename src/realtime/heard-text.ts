// What of an answer was heard, where its audio was cut: text goes out in pieces, each before its own speech, so that it is
// known where the speech of each begins. Pieces before the cut are whole; of the one that was cut as many words count as
// fit into the share of its speech that was heard. Pure.

export interface SpokenPiece {
  /** Where it begins, in the text and in the audio. */
  readonly fromChar: number;
  readonly fromSample: number;
  /** `filler`: no part of the answer. */
  readonly part?: 'sentence' | 'filler';
}

export interface SpokenAudio {
  /** Of all of it. */
  readonly samples: number;
  readonly heardSamples: number;
  /** `cut`: the speech of the last piece is not all there. Default `whole`. */
  readonly last?: 'whole' | 'cut';
}

/** Of speech at an unhurried pace, 15 characters a second at 24 kHz: for a piece whose own length is not known. */
const samplesPerCharDefault = 1600;
/** A word is not longer. */
const wordCharsMax = 100;

/** Null where not even the first word was heard. */
export function heardText(
  text: string,
  pieces: readonly SpokenPiece[],
  { samples, heardSamples, last = 'whole' }: SpokenAudio,
): string | null {
  if (heardSamples >= samples && last === 'whole') return text;
  const at = pieces.findLastIndex(({ fromSample }) => fromSample <= heardSamples);
  const piece = pieces[at];
  if (!piece) return null;
  const next = pieces[at + 1];
  const said = text.slice(piece.fromChar, next?.fromChar);
  const spokenSamples = next
    ? next.fromSample - piece.fromSample
    : Math.max(
        samples - piece.fromSample,
        last === 'cut' ? said.length * samplesPerChar(pieces.slice(0, -1), piece) : 0,
      );
  const share = spokenSamples > 0 ? (heardSamples - piece.fromSample) / spokenSamples : 0;
  return text.slice(0, piece.fromChar + wholeWords(said, Math.floor(said.length * share))) || null;
}

/** What of it is no part of the answer. */
export function fillerText(text: string, pieces: readonly SpokenPiece[]): string {
  return pieces
    .map(({ fromChar, part }, at) =>
      part === 'filler' ? text.slice(fromChar, pieces[at + 1]?.fromChar) : '',
    )
    .join('');
}

/** Without what is no part of the answer. */
export function answerText(text: string, pieces: readonly SpokenPiece[]): string {
  if (!pieces.some(({ part }) => part === 'filler')) return text;
  return pieces
    .map(({ fromChar, part }, at) =>
      part === 'filler' ? '' : text.slice(fromChar, pieces[at + 1]?.fromChar),
    )
    .join('');
}

/** As the pieces before it were spoken. */
function samplesPerChar(whole: readonly SpokenPiece[], end: SpokenPiece): number {
  return whole.length > 0 && end.fromChar > 0 ? end.fromSample / end.fromChar : samplesPerCharDefault;
}

/** How long the whole words are that end within so many characters; what follows them without a blank is with them. */
function wholeWords(text: string, charsMax: number): number {
  if (charsMax >= text.length) return text.length;
  const from = Math.max(0, charsMax - wordCharsMax);
  // Also of languages that have no blanks.
  const words = new Intl.Segmenter(undefined, { granularity: 'word' });
  let end = from;
  for (const { index, segment, isWordLike } of words.segment(text.slice(from, charsMax + wordCharsMax))) {
    const to = from + index + segment.length;
    if (to > charsMax) break;
    if (isWordLike) end = to;
    // A mark, or a blank: heard with the word before it.
    else if (end === from + index) end = /\S/.test(segment) ? to : end;
  }
  return end;
}
