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
  readonly security: 'plain' | 'tls';
}

/** What the file says, as far as it is understood here. */
interface FileKeys {
  readonly listen: unknown;
  readonly security: EarlyListen['security'];
}

const nothing: FileKeys = { listen: undefined, security: 'plain' };

/** Never throws: what is wrong is told by `loadConfig`, with its place. */
export function earlyListen(options: EarlyOptions): EarlyListen {
  const settings = orElse([], () => (options.set ?? []).map(splitSetting));
  const file = orElse(nothing, () => fileKeys(options));
  const security = settings.some(({ path }) => path[0] === 'tls') ? 'tls' : file.security;
  const [source, written] = firstWritten(options.listen, settings, file.listen);
  const parsed = parseListen(written);
  if (parsed.ok) return { ...parsed.value, source, security };
  return { ...listenDefault, source: 'default', security };
}

/** An unreadable file, a malformed argument: loadConfig meets it again and says so. */
function orElse<T>(otherwise: T, look: () => T): T {
  try {
    return look();
  } catch (thrown) {
    void messageOf(thrown);
    return otherwise;
  }
}

function firstWritten(
  flag: string | undefined,
  settings: readonly ReturnType<typeof splitSetting>[],
  inFile: unknown,
): [EarlyListen['source'], unknown] {
  if (flag !== undefined) return ['flag', flag];
  const setting = settings.findLast(({ path }) => path.length === 1 && path[0] === 'listen');
  if (setting) return ['set', scalar(setting.text)];
  return inFile === undefined ? ['default', undefined] : ['file', inFile];
}

function fileKeys({ file, cwd }: EarlyOptions): FileKeys {
  const found = findConfigFile(file, cwd);
  if (found === undefined) return nothing;
  // Regular files only: a pipe (`-c <(...)`) can be read once, and loadConfig has to.
  const stats = statSync(found.path);
  if (!stats.isFile() || stats.size > fileBytesMax) return nothing;
  const text = decodeText(readFileSync(found.path)) ?? '';
  return isJsonFile(found.path) ? fromJson(text) : fromYaml(text);
}

function fromJson(text: string): FileKeys {
  const { value } = parseJson(text);
  const keys =
    typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  return { listen: keys['listen'], security: Object.hasOwn(keys, 'tls') ? 'tls' : 'plain' };
}

interface Line {
  readonly indent: number;
  readonly text: string;
}

function fromYaml(text: string): FileKeys {
  const lines = contentLines(text);
  const [first] = lines;
  if (first === undefined) return nothing;
  if (first.text.startsWith('{')) return fromJson(text);
  const isTop = ({ indent }: Line) => indent === first.indent;
  const tls = lines.some((line) => isTop(line) && /^(?:tls|"tls"|'tls')\s*:/.test(line.text));
  return { listen: listenOf(lines, isTop), security: tls ? 'tls' : 'plain' };
}

/** The value of the key `listen` of the top level; undefined when there is none, or it is more than one line. */
function listenOf(lines: readonly Line[], isTop: (line: Line) => boolean): unknown {
  for (const [index, line] of lines.entries()) {
    if (!isTop(line)) continue;
    const [matched, sameLine = ''] = /^(?:listen|"listen"|'listen')\s*:(?:\s+(.*))?$/.exec(line.text) ?? [];
    if (matched === undefined) continue;
    const below = lines.slice(index + 1);
    const end = below.findIndex(({ indent }) => indent <= line.indent);
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
