// How wide text is on a terminal, and how it is made to fit. Pure.
import { stripVTControlCharacters } from 'node:util';

const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;

/** Columns: East Asian letters and emoji take two, accents and colours none. */
export function widthOf(text: string): number {
  let width = 0;
  for (const character of stripVTControlCharacters(text)) {
    if (/\p{Mn}|\u200d|\ufe0f/u.test(character)) continue;
    width += wide.test(character) ? 2 : 1;
  }
  return width;
}

/** The end of a text, as much as fits. */
export function cutStart(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let kept = [...text];
  while (kept.length > 0 && widthOf(kept.join('')) > width - 1) kept = kept.slice(1);
  return `…${kept.join('')}`;
}

/** Its beginning; without colours when it has to be cut. */
export function cutEnd(text: string, width: number): string {
  const plain = stripVTControlCharacters(text);
  if (widthOf(plain) <= width) return text;
  let kept = [...plain];
  while (kept.length > 0 && widthOf(kept.join('')) > width - 1) kept = kept.slice(0, -1);
  return `${kept.join('')}…`;
}

/** Broken between words where there are any, every line but the first indented. */
export function wrapped(text: string, columns: number, indent: number): string {
  const width = Math.max(10, columns - indent - 1);
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (widthOf(longer) <= width) line = longer;
    else {
      if (line !== '') lines.push(line);
      line = word;
    }
    while (widthOf(line) > width) {
      const [head, rest] = splitAt(line, width);
      lines.push(head);
      line = rest;
    }
  }
  return [...lines, line].join(`\n${' '.repeat(indent)}`);
}

/** A word that is longer than a line, as in languages that put no space between words. */
function splitAt(word: string, width: number): readonly [string, string] {
  const characters = [...word];
  let at = 1;
  while (at < characters.length && widthOf(characters.slice(0, at + 1).join('')) <= width) at += 1;
  return [characters.slice(0, at).join(''), characters.slice(at).join('')];
}
