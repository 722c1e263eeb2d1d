// Prepares text for the built-in voice: plain ASCII without the marks it would read out by name, in pieces of a
// sentence or less, so that the first one is heard early and none takes long. Pure functions.

/** About ten seconds of speech; synthesis time grows faster than the text does. */
const pieceCharactersMax = 160;

/** The pieces in order; none for text without anything to say. */
export function speakablePieces(text: string): string[] {
  const plain = plainEnglish(text);
  const pieces = plain.split('\n').flatMap(sentences).flatMap(bounded).filter(saysSomething);
  if (pieces.length === 0 && /[\p{L}\p{N}]/u.test(text)) {
    throw new Error(
      `this voice speaks English only: nothing speakable is left of ${JSON.stringify(text.trim().slice(0, 40))}`,
    );
  }
  return pieces;
}

function saysSomething(piece: string): boolean {
  return /[A-Za-z0-9]/.test(piece);
}

const replacements: readonly (readonly [RegExp, string])[] = [
  [/\r\n?|[\u2028\u2029]/g, '\n'],
  // Before the rest, so that no pattern below has a long run of blanks to go over again and again.
  [/[^\S\n]+/g, ' '],
  [/[‘’‚‛′`´]/g, "'"],
  [/[“”„‟″«»]/g, '"'],
  [/(\d) ?– ?(\d)/g, '$1 to $2'],
  [/ ?[–—―] ?/g, ', '],
  [/[‐‑−]/g, '-'],
  [/€ ?(\d[\d.,]*\d|\d)/g, '$1 euros'],
  [/£ ?(\d[\d.,]*\d|\d)/g, '$1 pounds'],
  [/€/g, ' euros '],
  [/£/g, ' pounds '],
  [/°/g, ' degrees '],
  [/[¼½¾⅐-⅞]/g, ' $& '],
  [/…/g, '... '],
  [/×/g, ' times '],
  [/ß/g, 'ss'],
  [/[æÆ]/g, 'ae'],
  [/[œŒ]/g, 'oe'],
  [/[øØ]/g, 'o'],
  [/[łŁ]/g, 'l'],
  [/[đĐðÐ]/g, 'd'],
  [/[þÞ]/g, 'th'],
  [/ı/g, 'i'],
];

function plainEnglish(text: string): string {
  let plain = text;
  for (const [pattern, replacement] of replacements) plain = plain.replace(pattern, replacement);
  return (
    plain
      .normalize('NFKD')
      .replace(/\p{M}/gu, '')
      .replace(/\u2044/g, '/')
      // Markdown's marks would be read out: "asterisk asterisk".
      .replace(/[*#_~|^\\{}[\]]/g, ' ')
      .replace(/[^\n\x20-\x7e]/g, ' ')
      .replace(/ +/g, ' ')
  );
}

const abbreviation = /\b(?:Mr|Mrs|Ms|Dr|Prof|St|Sr|Jr|vs|No|e\.g|i\.e|etc|approx|[A-Z])\.$/;

function sentences(line: string): string[] {
  const found: string[] = [];
  let start = 0;
  for (const { index, 0: ending } of line.matchAll(/[.!?]["')]* +/g)) {
    const end = index + ending.length;
    if (abbreviation.test(line.slice(Math.max(start, end - 12), end).trimEnd())) continue;
    found.push(line.slice(start, end));
    start = end;
  }
  return [...found, line.slice(start)];
}

/** Cuts what is too long at a comma or the like, else between words, else anywhere. */
function bounded(sentence: string): string[] {
  const pieces: string[] = [];
  let rest = sentence.trim();
  while (rest.length > pieceCharactersMax) {
    const head = rest.slice(0, pieceCharactersMax);
    const clause = Math.max(...[', ', '; ', ': ', ' - '].map((mark) => head.lastIndexOf(mark))) + 1;
    const cut = clause > pieceCharactersMax / 3 ? clause : head.lastIndexOf(' ');
    const end = cut > 0 ? cut : pieceCharactersMax;
    pieces.push(rest.slice(0, end).trim());
    rest = rest.slice(end).trim();
  }
  return [...pieces, rest];
}
