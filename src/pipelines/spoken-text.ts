// What of a written answer is said aloud: the words, without Markdown's marks and without emoji, which a voice would read
// out by name ("asterisk asterisk") or stumble over. Numbers, addresses and code are left as they are. Pure; piece by
// piece, as an answer is cut into them, so that a mark may have its partner in another piece.

/** Between the fences of a block of code nothing is a mark. */
export type Within = 'prose' | 'code';

export interface Spoken {
  /** Empty where nothing of the piece is to be said. */
  readonly text: string;
  readonly within: Within;
}

const fence = /^[ \t]*(?:```|~~~)/;
const rule = /^[ \t]*(?:[-*_][ \t]*){3,}$/;
const tableRule = /^[ \t]*\|?[ \t]*:?-{2,}:?[ \t]*(?:\|[ \t]*:?-{2,}:?[ \t]*)*\|?[ \t]*$/;
const tableRow = /^[ \t]*\|(.*)\|[ \t]*$/;

export function spokenText(piece: string, within: Within): Spoken {
  let at = within;
  const lines: string[] = [];
  for (const line of piece.split(/(?<=\n)/)) {
    if (fence.test(line)) at = at === 'code' ? 'prose' : 'code';
    else lines.push(at === 'code' ? line : spokenLine(line));
  }
  const text = lines.join('');
  return { text: text.trim() === '' ? '' : text, within: at };
}

function spokenLine(line: string): string {
  const [body, end] = line.endsWith('\n') ? [line.slice(0, -1), '\n'] : [line, ''];
  if (rule.test(body) || (body.includes('|') && tableRule.test(body))) return '';
  const [, row] = tableRow.exec(body) ?? [];
  const cells = row?.split('|').map((cell) => cell.trim());
  return withoutEmoji(withoutMarks(withoutLead(cells?.join(', ') ?? body))) + end;
}

/** Of headings, quotes and lists; a list's numbers are said. */
function withoutLead(line: string): string {
  return line.replace(/^[ \t]*(?:>[ \t]*)*(?:#{1,6}[ \t]+|[-*+•][ \t]+(?:\[[ xX]\][ \t]+)?)?/, '');
}

const inline: readonly (readonly [RegExp, string])[] = [
  // Pictures and links: their text. The second half of one that was cut in two.
  [/!?\[([^\][\n]*)\]\([^()\s]*(?:[ \t]+"[^"\n]*")?\)/g, '$1'],
  [/\]\((?:https?:\/\/|mailto:|[/#.])[^()\s]*\)/g, ''],
  [/<((?:https?:\/\/|mailto:)[^<>\s]+)>/g, '$1'],
  [/\\([\\`*_{}[\]()#+\-.!~|>])/g, '$1'],
  [/`+/g, ''],
  [/~~/g, ''],
  // Stars and strokes that stand between blanks, or within a word or a sum, are no marks: `2 * 3`, `snake_case`.
  [/(?<![\p{L}\p{N}*])\*{1,3}(?=[^\s*])|(?<=[^\s*])\*{1,3}(?![\p{L}\p{N}*])/gu, ''],
  [/(?<=\p{L})\*{1,3}(?=\p{L})|(?<=[^\s*])\*{2,3}(?=\p{L})|(?<=\p{L})\*{2,3}(?=[^\s*])/gu, ''],
  [/(?<![\p{L}\p{N}_])_{1,3}(?=[^\s_])|(?<=[^\s_])_{1,3}(?![\p{L}\p{N}_])/gu, ''],
];

/** An address has marks of its own. */
const address = /(?:https?:\/\/|www\.)[^\s<>()[\]]+/g;

function withoutMarks(line: string): string {
  let text = line;
  for (const [mark, plain] of inline.slice(0, 3)) text = text.replace(mark, plain);
  let plain = '';
  let from = 0;
  for (const { index, 0: found } of text.matchAll(address)) {
    // A mark behind it is not of it.
    const kept = found.replace(/[*_`~]+$/, '');
    plain += unmarked(text.slice(from, index)) + kept;
    from = index + kept.length;
  }
  return plain + unmarked(text.slice(from));
}

function unmarked(text: string): string {
  let plain = text;
  for (const [mark, instead] of inline.slice(3)) plain = plain.replace(mark, instead);
  return plain;
}

/** Those that are signs of writing stay: ©, ®, ™, ‼, ⁉ and arrows. */
const emoji =
  /[ \t]*(?:(?:(?![©®™‼⁉\u2190-\u21ff])\p{Extended_Pictographic}|\p{Regional_Indicator}{2}|[\u2190-\u21ff]\ufe0f)[\ufe0e\ufe0f\u20e3\u{1f3fb}-\u{1f3ff}\u{e0020}-\u{e007f}]*(?:\u200d\p{Extended_Pictographic}[\ufe0e\ufe0f\u{1f3fb}-\u{1f3ff}]*)*)+/gu;

function withoutEmoji(line: string): string {
  const text = line.replace(/([0-9#*])\ufe0f?\u20e3/g, '$1').replace(emoji, '');
  return text === line ? line : text.replace(/^[ \t]+/, '');
}
