// What is wrong in a YAML file, in words for whoever wrote it: the parser speaks of implicit keys and flow collections,
// a person has indented a line too far. Nothing of the text is quoted, it may be a secret. Pure.
import type { YAMLError } from 'yaml';
import type { Position } from './problems.ts';
import type { SyntaxProblem } from './source.ts';

/** `lines`: of the whole text, to look at their indentation. */
export function syntaxProblem(
  { code, message }: Pick<YAMLError, 'code' | 'message'>,
  position: Position,
  lines: readonly string[],
): SyntaxProblem {
  const here = (sentence: string): SyntaxProblem => ({ position, message: sentence });
  const startsLine = position.column <= indentOf(lines[position.line - 1] ?? '') + 1;
  switch (code) {
    case 'TAB_AS_INDENT':
      return here('a tab cannot indent; use spaces');
    case 'MULTIPLE_DOCS':
      return here('a second document begins here; a configuration is one');
    case 'RESOURCE_EXHAUSTION':
      return here('nested too deep');
    case 'BAD_ALIAS':
      return here('an alias cannot stand here');
    case 'TAG_RESOLVE_FAILED':
      return here(message.replace('Unresolved tag: ', 'unknown tag '));
    case 'BAD_SCALAR_START':
      return here(`${lowered(message)}; put it in quotes`);
    case 'BLOCK_IN_FLOW':
      return here('a comma is missing between two keys, or a `}` or `]`');
    case 'BAD_INDENT': {
      const bracket = unclosed(message);
      return bracket === undefined ? misplaced(position, lines) : here(bracket);
    }
    case 'BLOCK_AS_IMPLICIT_KEY':
      return startsLine ? misplaced(position, lines) : secondValue(position, lines);
    case 'MULTILINE_IMPLICIT_KEY':
      return here('a key needs a colon and a space behind it, as in `key: value`');
    case 'UNEXPECTED_TOKEN': {
      if (!message.startsWith('Unexpected scalar')) break;
      if (startsLine) return misplaced(position, lines);
      return here('unexpected text after a value; quotes go around all of it');
    }
    case 'MISSING_CHAR':
      if (message.startsWith('Missing closing')) return here(`a quote (${message.at(16)}) is not closed`);
      if (message.startsWith('Sequence item')) return misplaced(position, lines);
      if (message.startsWith('Implicit'))
        return here('a key needs a colon and a space behind it, as in `key: value`');
  }
  return here(lowered(message));
}

/** A bracket that was opened above. */
function unclosed(message: string): string | undefined {
  const closing = /^Flow .* end with a ([\]}])/.exec(message)?.[1];
  return (
    closing &&
    `a \`${closing === ']' ? '[' : '{'}\` above is not closed: its \`${closing}\` is missing before this line`
  );
}

/** Two colons in a line; or the value stands there, and what follows is indented as if it belonged to it. */
function secondValue(position: Position, lines: readonly string[]): SyntaxProblem {
  const own = lines[position.line - 1] ?? '';
  const below = { line: position.line + 1, column: 1 };
  const deeper = indentOf(lines[lineWithText(below, lines) - 1] ?? '') > indentOf(own);
  if (deeper && !/:\s/.test(own.slice(position.column - 1))) return misplaced(below, lines);
  const message =
    'a second `: ` in one line; text that holds it needs quotes, a section braces: `{ key: value }`';
  return { position, message };
}

/** The line, or the next one that has text, is indented as none of those above it that it could belong to. */
function misplaced(position: Position, lines: readonly string[]): SyntaxProblem {
  const line = lineWithText(position, lines);
  const indent = indentOf(lines[line - 1] ?? '');
  const possible: number[] = [];
  for (const above of lines
    .slice(0, line - 1)
    .filter(hasText)
    .reverse()) {
    // A key that stands behind the dash of a list is one to stand below as well.
    const behindDash = /^(\s*-\s+)\S.*:(?:\s|$)/.exec(above)?.[1]?.length;
    for (const own of [behindDash, indentOf(above)])
      if (own !== undefined && own < (possible[0] ?? Number.POSITIVE_INFINITY)) possible.unshift(own);
  }
  const told = (how: string) => ({
    position: { line, column: indent + 1 },
    message: `this line is indented ${how}`,
  });
  if (indent > (possible.at(-1) ?? 0)) return told('deeper than the key above, which has a value already');
  const by = `by ${indent} ${indent === 1 ? 'space' : 'spaces'}`;
  if (possible.includes(indent)) return told(`${by}, which does not fit the lines above`);
  const verb = possible.length === 1 ? 'is' : 'are';
  const which = `${possible.join(' or ')} ${verb} possible`;
  return told(`${by}, where ${which}: what belongs to one section stands in one column`);
}

function lineWithText({ line }: Position, lines: readonly string[]): number {
  const found = lines.findIndex((text, index) => index >= line - 1 && hasText(text));
  return found === -1 ? line : found + 1;
}

const indentOf = (line: string): number => line.length - line.trimStart().length;
const hasText = (line: string): boolean => /^\s*[^\s#]/.test(line);
const lowered = (message: string): string => message.charAt(0).toLowerCase() + message.slice(1);
