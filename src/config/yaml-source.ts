// Reads a YAML configuration with the place of every key and value. `yaml` is imported only here, by load.ts, and
// only when there is YAML to read.
import {
  isAlias,
  isCollection,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Pair,
  parseDocument,
  visit,
} from 'yaml';
import { messageOf } from '../lifecycle/errors.ts';
import type { Path, Position } from './problems.ts';
import type { ParsedSource, SyntaxProblem } from './source.ts';
import { syntaxProblem } from './yaml-sentences.ts';

/** Aliases may multiply a file by this; more is an attack on memory, not a configuration. */
const maxAliasCount = 100;

/** Deeper brackets overflow the parser anyway, and a file of nothing else would keep it busy for seconds. */
const bracketDepthMax = 500;

/** Of a file that is wrong all over: more are counted, and not shown. */
const explainedMax = 200;

/** Pretty errors quote the text, which may hold a secret; unique keys are checked here in linear time. */
const parseOptions = { prettyErrors: false, uniqueKeys: false } as const;

type Document = ReturnType<typeof parseDocument>;

export function parseYaml(text: string): ParsedSource {
  const tooDeep = deepBracket(text);
  if (tooDeep !== undefined) return { problems: [{ position: tooDeep, message: 'nested too deep' }] };
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, ...parseOptions, merge: true });
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const errors = [...document.errors, ...document.warnings];
  if (errors.length > 0) {
    const found = oncePerLine(errors.map((error) => ({ error, position: at(error.pos[0]) })));
    const textLines = text.split('\n');
    return {
      problems: found.map(({ error, position }, index) =>
        index < explainedMax ? explained(error, position, textLines) : { position, message: '' },
      ),
    };
  }
  const { contents } = document;
  if (isScalar(contents) && typeof contents.value === 'string') {
    const message = 'expected `key: value`, such as `listen: 127.0.0.1:7460`, with a space behind the colon';
    return { problems: [{ position: at(offsetOf(contents) ?? 0), message }] };
  }
  const problems = structureProblems(document, at);
  if (problems.length > 0) return { problems: oncePerLine(problems) };
  try {
    const value: unknown = document.toJS({ maxAliasCount });
    return { value, locate: (path, target) => locate(document, path, target, at) };
  } catch (thrown) {
    // The only thing left that can fail is the limit on aliases.
    const excessive = /alias/i.test(messageOf(thrown));
    const message = excessive ? 'aliases (*name) multiply the file too much' : messageOf(thrown);
    return { problems: [{ position: { line: 1, column: 1 }, message }] };
  }
}

/** One value as it stands behind `--set a.b=`; undefined with a sentence where it is no YAML. */
export function parseYamlValue(text: string): { readonly value: unknown } | { readonly problem: string } {
  const document = parseDocument(text, parseOptions);
  const [error] = [...document.errors, ...document.warnings];
  if (error) return { problem: explained(error, { line: 1, column: error.pos[0] + 1 }, [text]).message };
  const found = structureProblems(document, () => ({ line: 1, column: 1 }))[0];
  return found ? { problem: found.message } : { value: document.toJS({ maxAliasCount }) };
}

/** What YAML allows and a configuration cannot mean. */
function structureProblems(document: Document, at: (offset: number) => Position): SyntaxProblem[] {
  const problems: SyntaxProblem[] = [];
  visit(document, {
    Alias(_key, alias, ancestors) {
      const position = at(alias.range?.[0] ?? 0);
      const target = alias.resolve(document);
      if (target === undefined)
        problems.push({ position, message: `no anchor &${alias.source} stands before this` });
      else if (ancestors.includes(target))
        problems.push({ position, message: `*${alias.source} contains itself` });
    },
    Map(_key, map) {
      const seen = new Set<string>();
      for (const { key, value } of map.items) {
        const name = isScalar(key) ? String(key.value ?? '') : undefined;
        if (name !== undefined && value === null && /^[\w$-]+:\S/.test(name))
          problems.push({ position: at(offsetOf(key) ?? 0), message: 'a space is missing behind the colon' });
        const message = name === undefined ? 'a key is text' : 'this key stands twice';
        if (name === undefined || seen.has(name))
          problems.push({ position: at(offsetOf(key) ?? 0), message });
        else seen.add(name);
      }
    },
  });
  return problems;
}

function locate(
  document: Document,
  path: Path,
  target: 'key' | 'value',
  at: (offset: number) => Position,
): Position | undefined {
  let node: unknown = document.contents;
  let key: unknown;
  let found = 0;
  for (const part of path) {
    const holder: unknown = isAlias(node) ? node.resolve(document) : node;
    const pair = isMap(holder) ? holder.items.find((item) => keyIs(item, part)) : undefined;
    if (pair) {
      key = pair.key;
      node = pair.value;
    } else if (isSeq(holder) && typeof part === 'number' && part < holder.items.length) {
      node = holder.items[part];
      key = node;
    } else {
      break;
    }
    found += 1;
  }
  // What is missing is told at the key of the section that lacks it.
  const wanted = found < path.length || target === 'key' ? (key ?? node) : (node ?? key);
  return at(offsetOf(wanted) ?? offsetOf(key) ?? 0);
}

function keyIs(pair: Pair, part: string | number): boolean {
  return isScalar(pair.key) && String(pair.key.value ?? '') === String(part);
}

function offsetOf(node: unknown): number | undefined {
  return isScalar(node) || isCollection(node) || isAlias(node) ? node.range?.[0] : undefined;
}

/** An error early in a line makes nonsense of its rest: one per line, from the top. */
function oncePerLine<P extends { readonly position: Position }>(problems: readonly P[]): P[] {
  const byLine = new Map<number, P>();
  for (const problem of problems) {
    const { line, column } = problem.position;
    const other = byLine.get(line);
    if (other === undefined || column < other.position.column) byLine.set(line, problem);
  }
  return [...byLine.values()].sort((a, b) => a.position.line - b.position.line);
}

/** Where brackets nest too deep; those in texts and comments count as well, which no real file notices. */
function deepBracket(text: string): Position | undefined {
  let depth = 0;
  let line = 1;
  let lineStart = 0;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at];
    if (char === '\n') {
      line += 1;
      lineStart = at + 1;
    } else if (char === '[' || char === '{') {
      depth += 1;
      if (depth > bracketDepthMax) return { line, column: at - lineStart + 1 };
    } else if ((char === ']' || char === '}') && depth > 0) {
      depth -= 1;
    }
  }
  return undefined;
}

/** `listen: [::1]:7460` looks right and is a list. */
function quoteHint(line = ''): string {
  const address = /\[[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\]:\d+/.exec(line)?.[0];
  return address === undefined ? '' : `; an IPv6 address needs quotes: "${address}"`;
}

function explained(
  error: Document['errors'][0] | Document['warnings'][0],
  position: Position,
  lines: readonly string[],
): SyntaxProblem {
  const { position: place, message } = syntaxProblem(error, position, lines);
  return { position: place, message: message + quoteHint(lines[position.line - 1]) };
}
