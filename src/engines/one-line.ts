// What an engine says stands in lines of ours: on a terminal, where a control character would do what it says.
import { stripVTControlCharacters } from 'node:util';

/** Without terminal colours, line ends and other control characters. */
export function oneLine(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim();
}
