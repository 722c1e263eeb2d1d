// What may go to a terminal. Text of others (a server, an engine, a file, whoever types) may hold what a terminal obeys
// or what hides how a line really reads; such a character is shown as its escape, `\u001b`. Within a line of JSON that
// is the same text, so that nothing is lost for programs either. Pure.

/** Controls, separators that are no line feed, halves of a character, and what turns the direction of writing. */
const unprintable = /(?![\n\t])\p{Cc}|[\p{Zl}\p{Zp}\p{Cs}\u202a-\u202e\u2066-\u2069]/gu;

/** Line feeds and tabs stay. */
export function printable(text: string): string {
  return text.replaceAll('\r\n', '\n').replace(unprintable, escaped);
}

/** For a place that has room for one line. */
export function oneLine(text: string): string {
  return printable(text.replace(/\s*[\r\n]+\s*|\t+/g, ' '));
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
