// Reads the configuration file: from a path to its value with the place of everything in it. Every way a file can
// be no configuration is an error that says so.
import { type FileHandle, open } from 'node:fs/promises';
import { GreenroomError, messageOf } from '../lifecycle/errors.ts';
import { type ConfigFile, decodeText, fileBytesMax, isJsonFile } from './find.ts';
import { type JsonNode, JsonSyntaxError, parseJson, positionOf } from './json-source.ts';
import { formatPath, type Path, type Position, problemsError } from './problems.ts';
import { formatSize } from './units.ts';

export interface SyntaxProblem {
  readonly position: Position;
  readonly message: string;
  readonly path?: Path;
}

type Locate = (path: Path, target: 'key' | 'value') => Position | undefined;

export type ParsedSource =
  | { readonly value: unknown; readonly locate: Locate }
  | { readonly problems: readonly SyntaxProblem[] };

export interface Source {
  /** undefined when the file is empty, or holds nothing but comments. */
  readonly value: unknown;
  readonly locate: Locate;
}

export async function readSource(file: ConfigFile): Promise<Source> {
  const bytes = await readBytes(file);
  const text = decodeText(bytes);
  if (text === undefined) {
    const problem = { file: file.shown, line: 1, column: 1, path: '', message: 'the file is not UTF-8 text' };
    throw problemsError([problem]);
  }
  const parsed = isJsonFile(file.path)
    ? parseJsonSource(text)
    : (await import('./yaml-source.ts')).parseYaml(text);
  if ('problems' in parsed) {
    const located = parsed.problems.map(({ position, message, path = [] }) => ({
      file: file.shown,
      ...position,
      path: formatPath(path),
      message,
    }));
    throw problemsError(located);
  }
  return { value: parsed.value ?? undefined, locate: parsed.locate };
}

async function readBytes({ path, shown }: ConfigFile): Promise<Uint8Array> {
  let handle: FileHandle;
  try {
    handle = await open(path, 'r');
  } catch (thrown) {
    throw unreadable(shown, thrown);
  }
  await using opened = handle;
  const stats = await opened.stat();
  if (stats.isDirectory())
    throw new GreenroomError('config_not_found', `${shown} is a folder, not a configuration file`);
  const buffer = Buffer.alloc(fileBytesMax + 1);
  let filled = 0;
  try {
    // Not by the size in `stats`: `-c <(...)` is a pipe, which has none.
    for (let bytesRead = -1; bytesRead !== 0 && filled < buffer.length; filled += bytesRead) {
      ({ bytesRead } = await opened.read(buffer, filled, buffer.length - filled));
    }
  } catch (thrown) {
    throw unreadable(shown, thrown);
  }
  if (filled <= fileBytesMax) return buffer.subarray(0, filled);
  const message = `the file is larger than ${formatSize(fileBytesMax)}`;
  throw problemsError([{ file: shown, line: 1, column: 1, path: '', message }]);
}

function unreadable(shown: string, thrown: unknown): GreenroomError {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: `there is no file ${shown}`,
    ENOTDIR: `there is no file ${shown}`,
    EACCES: `${shown} cannot be read: permission denied`,
  };
  const message = reasons[String(code)] ?? `${shown} cannot be read: ${messageOf(thrown)}`;
  return new GreenroomError('config_not_found', message, { cause: thrown });
}

function parseJsonSource(text: string): ParsedSource {
  if (text.trim() === '') return { value: undefined, locate: () => undefined };
  try {
    const root = parseJson(text);
    return { value: root.value, locate: (path, target) => positionOf(text, offsetOf(root, path, target)) };
  } catch (thrown) {
    if (!(thrown instanceof JsonSyntaxError)) throw thrown;
    return {
      problems: [{ position: positionOf(text, thrown.offset), message: thrown.message, path: thrown.path }],
    };
  }
}

function offsetOf(root: JsonNode, path: Path, target: 'key' | 'value'): number {
  let node = root;
  let keyOffset = root.offset;
  for (const part of path) {
    const entry = node.entries?.get(part);
    // What is missing is told at the key of the section that lacks it.
    if (entry === undefined) return keyOffset;
    ({ node, keyOffset } = entry);
  }
  return target === 'key' ? keyOffset : node.offset;
}
