// What of a text is shown of where a search has found something: the first of the words, and some around it. Pure.

const aroundChars = 70;
const wholeChars = 200;

/** One word as the index has them: marks on letters do not count. */
const folded = (word: string): string => word.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();

/** `words`: each begins one of the text. `…` stands where there is more. */
export function excerptOf(text: string, words: readonly string[]): string {
  const line = text.replace(/\s+/g, ' ').trim();
  if (line.length <= wholeChars) return line;
  const at = firstOf(line, words.map(folded));
  const from = at <= aroundChars ? 0 : wordStart(line, at - aroundChars, at);
  const to = Math.min(line.length, from + wholeChars);
  const shown = line.slice(from, to).replace(to < line.length ? /\s+\S{0,30}$/ : /$^/, '');
  // Not through the middle of a pair.
  return `${from > 0 ? '…' : ''}${shown.replace(/[\uD800-\uDBFF]$/, '').replace(/^[\uDC00-\uDFFF]/, '')}${to < line.length ? '…' : ''}`;
}

/** 0 where none is found: the index may know better what is the same. */
function firstOf(line: string, words: readonly string[]): number {
  for (const { 0: token, index } of line.matchAll(/[\p{L}\p{N}\p{Co}][\p{L}\p{N}\p{Co}\p{Mn}\p{Mc}]*/gu)) {
    const plain = folded(token);
    if (words.some((word) => plain.startsWith(word))) return index;
  }
  return 0;
}

/** After a space, if one is near. */
function wordStart(line: string, from: number, before: number): number {
  const space = line.indexOf(' ', from);
  return space === -1 || space >= before ? from : space + 1;
}
