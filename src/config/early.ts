// The address of the door before anything heavy is imported: a guess, made in a few milliseconds, that is right for
// every file people write. `loadConfig` has the last word; where they differ, the caller listens again.
import { readFileSync, statSync } from 'node:fs';
import { messageOf } from '../lifecycle/errors.ts';
import { decodeText, fileBytesMax, findConfigFile, isJsonFile } from './find.ts';
import { parseJson } from './json-source.ts';
import { type ListenAddress, listenDefault, parseListen } from './listen.ts';
import { splitSetting } from './settings.ts';

export interface EarlyOptions {
  readonly file?: string;
  readonly set?: readonly string[];
  readonly listen?: string;
  readonly cwd: string;
}

export interface EarlyListen extends ListenAddress {
  /** Where the address was found; `default` as well when the file or an argument could not be understood. */
  readonly source: 'flag' | 'set' | 'file' | 'default';
}

/** Never throws: what is wrong is told by `loadConfig`, with its place. */
export function earlyListen(options: EarlyOptions): EarlyListen {
  try {
    const [source, written] = firstWritten(options);
    const parsed = parseListen(written);
    if (parsed.ok) return { ...parsed.value, source };
  } catch (thrown) {
    // An unreadable file, a malformed argument: loadConfig meets it again and says so.
    void messageOf(thrown);
  }
  return { ...listenDefault, source: 'default' };
}

function firstWritten({ file, set = [], listen, cwd }: EarlyOptions): [EarlyListen['source'], unknown] {
  if (listen !== undefined) return ['flag', listen];
  const setting = set.map(splitSetting).findLast(({ path }) => path.length === 1 && path[0] === 'listen');
  if (setting) return ['set', scalar(setting.text)];
  const found = findConfigFile(file, cwd);
  if (found === undefined) return ['default', undefined];
  // Regular files only: a pipe (`-c <(...)`) can be read once, and loadConfig has to.
  const stats = statSync(found.path);
  if (!stats.isFile() || stats.size > fileBytesMax) return ['default', undefined];
  const text = decodeText(readFileSync(found.path)) ?? '';
  return ['file', isJsonFile(found.path) ? fromJson(text) : fromYaml(text)];
}

function fromJson(text: string): unknown {
  const { value } = parseJson(text);
  return typeof value === 'object' && value !== null && 'listen' in value ? value.listen : undefined;
}

interface Line {
  readonly indent: number;
  readonly text: string;
}

/** The value of the key `listen` of the top level; undefined when there is none, or it is more than one line. */
function fromYaml(text: string): unknown {
  const lines = contentLines(text);
  const [first] = lines;
  if (first === undefined) return undefined;
  if (first.text.startsWith('{')) return fromJson(text);
  for (const [index, line] of lines.entries()) {
    if (line.indent !== first.indent) continue;
    const [matched, sameLine = ''] = /^(?:listen|"listen"|'listen')\s*:(?:\s+(.*))?$/.exec(line.text) ?? [];
    if (matched === undefined) continue;
    const below = lines.slice(index + 1);
    const end = below.findIndex(({ indent }) => indent <= first.indent);
    const inner = end === -1 ? below : below.slice(0, end);
    const values = [...(isBlank(sameLine) ? [] : [sameLine]), ...inner.map((next) => next.text)];
    return values.length === 1 ? scalar(values[0] ?? '') : undefined;
  }
  return undefined;
}

/** Lines that are neither blank nor a comment, a directive or the mark of a document. */
function contentLines(text: string): Line[] {
  return text
    .split(/\r?\n/)
    .map((line) => ({ indent: line.search(/[^ ]/), text: line.trim() }))
    .filter((line) => !isBlank(line.text) && !(line.indent === 0 && /^(?:%|---$|--- *#)/.test(line.text)));
}

const isBlank = (text: string): boolean => text === '' || text.startsWith('#');

/** A quoted or plain scalar on one line, with a comment behind it; undefined for whatever may mean more. */
function scalar(written: string): string | undefined {
  const text = written.trim();
  const [, double, single, plain] =
    /^(?:"([^"\\]*)"|'([^']*)'|([^\s"'#&*!|>@`%{}[\],?-][^\s#]*))(?:\s+#.*)?$/.exec(text) ?? [];
  return double ?? single ?? plain;
}
