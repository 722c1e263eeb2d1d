// Cuts a text into the tokens that a model says it with. No two are alike, so that each can have its own successor, and
// none is of two characters, so that the tokenizer, which joins characters two by two, makes none of a caller's text.

const shortest = 3;

/**
 * Each piece is as short as can be, at least three characters (code points); a text of fewer is one piece.
 * @param taken what a piece must not be
 */
export function piecesOf(text: string, taken: ReadonlySet<string>): string[] {
  const pieces: string[] = [];
  const used = new Set(taken);
  let piece: string[] = [];
  for (const character of text) {
    piece.push(character);
    const joined = piece.join('');
    if (piece.length < shortest || used.has(joined)) continue;
    used.add(joined);
    pieces.push(joined);
    piece = [];
  }
  // What is left at the end is too short, or there already: it goes to those before it until it is neither.
  let rest = piece.join('');
  while (pieces.length > 0 && rest !== '' && (used.has(rest) || [...rest].length < shortest)) {
    const before = pieces.pop() ?? '';
    used.delete(before);
    rest = before + rest;
  }
  if (taken.has(rest)) throw new Error(`a model cannot say just ${JSON.stringify(rest)}`);
  return rest === '' ? pieces : [...pieces, rest];
}
