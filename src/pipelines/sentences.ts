// Cuts a text that is still being made into pieces that can be spoken one after the other: sentences where it has them.
// Pure. The pieces together are the text, and are the same however it came.

export interface SentenceState {
  /** Not cut yet. */
  readonly rest: string;
  /** The first piece may end with a clause: somebody waits to hear anything at all. */
  readonly at: 'first' | 'later';
}

export const noSentences: SentenceState = { rest: '', at: 'first' };

/** Without a mark for so long, it is cut where a voice may take breath. */
const charsMax = 240;
/**
 * A first clause that is shorter is not worth a breath of its own: a second and a half of speech, in which the rest of the
 * sentence can be made. Measured with flite: it is heard 100 ms sooner than with 32.
 */
const clauseCharsMin = 24;
const denseClauseCharsMin = 10;
/** Marks and quotes after the end of a sentence that still belong to it. */
const closersMax = 6;

const enders = /[.!?…]/;
/** Nothing has to follow these. */
const denseEnders = /[。！？｡]/;
const closers = /["'”’»)\]*_」』）】〉》.!?…。！？]/;
const clauseEnds = /[,;:–—]/;
const denseClauseEnds = /[、，；：]/;
const blank = /\s/;

/** In small letters, without the last dot; those of single letters are known by their form. */
const abbreviations = new Set(
  [
    'mr mrs ms dr prof st sr jr rev gen col sgt capt lt hon gov sen rep mt vs etc eds',
    'approx dept est inc ltd co corp bros ave blvd rd al cf ca jan feb mar apr jun jul aug sept oct nov dec',
    'bzw usw ggf vgl evtl inkl str hr fr sra srta ud uds av mme mlle',
  ].flatMap((line) => line.split(' ')),
);

/** Words like others, unless a number follows. */
const numbered = new Set(['no', 'nos', 'nr', 'vol', 'fig', 'figs', 'ch', 'p', 'pp', 'op', 'art']);

export interface Cut {
  readonly state: SentenceState;
  readonly sentences: readonly string[];
}

/** With more of the text. */
export function moreText(state: SentenceState, text: string): Cut {
  const sentences: string[] = [];
  let { rest, at } = { ...state, rest: state.rest + text };
  for (let end = endIn(rest, at); end > 0; end = endIn(rest, at)) {
    sentences.push(rest.slice(0, end));
    rest = rest.slice(end);
    at = 'later';
  }
  return { state: { rest, at }, sentences };
}

/** The text is complete: what is left of it. A last sentence that nothing followed is one. */
export function endOfText(state: SentenceState): readonly string[] {
  // As if a blank came next: what waited for it is decided.
  const { sentences, state: last } = moreText(state, ' ');
  const pieces = [...sentences, last.rest];
  const final = pieces.pop() ?? '';
  const before = pieces.pop() ?? '';
  // The blank is not of the text.
  const [kept, tail] = final === '' ? [before.slice(0, -1), ''] : [before, final.slice(0, -1)];
  return [...pieces, kept, tail].filter((piece) => piece !== '');
}

/** Where the first piece ends; 0 where that is not known yet. */
function endIn(rest: string, at: SentenceState['at']): number {
  let said: 'nothing' | 'something' = 'nothing';
  const length = Math.min(rest.length, charsMax);
  for (let index = 0; index < length; index += 1) {
    const mark = rest[index] ?? '';
    if (said === 'nothing') {
      if (/[\p{L}\p{N}\p{Cs}]/u.test(mark)) said = 'something';
      continue;
    }
    if (mark === '\n') return index + 1;
    const end = sentenceEnd(rest, index, mark) || (at === 'first' ? clauseEnd(rest, index, mark) : 0);
    if (end > 0) return end;
  }
  return rest.length >= charsMax + closersMax ? breath(rest) : 0;
}

function sentenceEnd(rest: string, index: number, mark: string): number {
  const dense = denseEnders.test(mark);
  if (!dense && !enders.test(mark)) return 0;
  let end = index + 1;
  while (end < rest.length && end - index < closersMax && closers.test(rest[end] ?? '')) end += 1;
  const next = rest[end];
  if (next === undefined) return 0;
  if (dense) return end;
  if (!blank.test(next)) return 0;
  if (mark !== '.' || end > index + 1) return end + 1;
  const before = rest.slice(0, index);
  if (isNoEnd(before)) return 0;
  return isNumbered(before) && !/^\D/u.test(rest.slice(end + 1)) ? 0 : end + 1;
}

/** `No`, before a number. Decided when that, or something else, has come. */
function isNumbered(before: string): boolean {
  const [word = ''] = /\p{L}+$/u.exec(before) ?? [];
  return numbered.has(word.toLowerCase());
}

/** `Dr`, `e.g`, `J`, and the number of a list: a dot after these ends no sentence. */
function isNoEnd(before: string): boolean {
  const [word = ''] = /[\p{L}\p{N}.]+$/u.exec(before) ?? [];
  if (/^\d{1,3}$/.test(word)) return before.trim() === word;
  if (/^(?:\p{L}\.)*\p{L}$/u.test(word)) return word !== 'I';
  return abbreviations.has(word.toLowerCase());
}

function clauseEnd(rest: string, index: number, mark: string): number {
  if (denseClauseEnds.test(mark)) return index + 1 >= denseClauseCharsMin ? index + 1 : 0;
  if (index + 1 < clauseCharsMin || !clauseEnds.test(mark)) return 0;
  return blank.test(rest[index + 1] ?? '') ? index + 2 : 0;
}

/** The last place to take breath, of a text without an end. */
function breath(rest: string): number {
  const clauses = [...rest.slice(0, charsMax).matchAll(/[,;:–—]\s|[、，；：]/g)].at(-1);
  if (clauses && clauses.index > charsMax / 3) return clauses.index + clauses[0].length;
  const space = rest.slice(0, charsMax).search(/\s\S*$/);
  if (space > 0) return space + 1;
  // No half of a character.
  return /[\uD800-\uDBFF]/.test(rest[charsMax - 1] ?? '') ? charsMax - 1 : charsMax;
}
