// How wide text is on a terminal, and how it is made to fit. Pure. Where terminals differ the wider answer is given: a
// line that is a little short does no harm, one that wraps cannot be drawn anew. What is cut is cut between what a
// person sees as characters.
import { stripVTControlCharacters } from 'node:util';

const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{17000}-\u{18cff}\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;
const widthless = /[\p{Mn}\p{Me}\p{Cf}]/u;
const plainAscii = /^[\x20-\x7e]*$/;
/** It asks for the picture of what may be a letter as well. */
const asPicture = '\ufe0f';
let segmenter: Intl.Segmenter | undefined;
/** Of a text that is cut, so much is looked at for each column: accents upon accents have an end. */
const unitsPerColumn = 16;

/** Columns: East Asian letters and emoji take two, accents and colours none. */
export function widthOf(text: string): number {
  if (plainAscii.test(text)) return text.length;
  let width = 0;
  let before = 0;
  for (const character of stripVTControlCharacters(text)) {
    const own = character === asPicture ? Number(before === 1) : columnsOf(character);
    width += own;
    before = own;
  }
  return width;
}

/** The end of a text, as much as fits. */
export function cutStart(text: string, width: number): string {
  const near = text.slice(-Math.max(1, width * unitsPerColumn));
  if (near === text && widthOf(text) <= width) return text;
  const kept: string[] = [];
  let left = width - 1;
  for (const character of charactersOf(near).reverse()) {
    left -= widthOf(character);
    if (left < 0) break;
    kept.unshift(character);
  }
  return width < 1 ? '' : `…${kept.join('')}`;
}

/** Its beginning; without colours when it has to be cut. */
export function cutEnd(text: string, width: number): string {
  const plain = stripVTControlCharacters(text);
  const near = plain.slice(0, Math.max(1, width * unitsPerColumn));
  if (near === plain && widthOf(plain) <= width) return text;
  return width < 1 ? '' : `${head(charactersOf(near), width - 1)}…`;
}

/** Broken between words where there are any, and where it has line feeds: lines of at most `width` columns. */
export function wrapped(text: string, width: number): readonly string[] {
  return text.split('\n').flatMap((line) => wrappedLine(line, width));
}

function wrappedLine(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  let taken = 0;
  for (const word of text.split(' ')) {
    const wordWidth = widthOf(word);
    if (line !== '' && taken + 1 + wordWidth <= width) {
      line += ` ${word}`;
      taken += 1 + wordWidth;
      continue;
    }
    if (line !== '') lines.push(line);
    const pieces = wordWidth <= width ? [word] : broken(word, width);
    lines.push(...pieces.slice(0, -1));
    line = pieces.at(-1) ?? '';
    taken = widthOf(line);
  }
  return [...lines, line];
}

/** A word that is longer than a line, as in languages that put no space between words. */
function broken(word: string, width: number): readonly string[] {
  const pieces: string[] = [];
  let piece = '';
  let taken = 0;
  for (const character of charactersOf(word)) {
    const own = widthOf(character);
    if (piece !== '' && taken + own > width) {
      pieces.push(piece);
      piece = '';
      taken = 0;
    }
    piece += character;
    taken += own;
  }
  return [...pieces, piece];
}

function head(characters: readonly string[], width: number): string {
  let kept = '';
  let left = width;
  for (const character of characters) {
    left -= widthOf(character);
    if (left < 0) break;
    kept += character;
  }
  return kept;
}

function columnsOf(character: string): number {
  if (widthless.test(character)) return 0;
  return wide.test(character) ? 2 : 1;
}

/** As a person sees them. */
function charactersOf(text: string): string[] {
  segmenter ??= new Intl.Segmenter();
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
}
