// Reads the configuration file: from a path to its value with the place of everything in it. Every way a file can
// be no configuration is an error that says so.
import { constants, type FileHandle, open } from 'node:fs/promises';
import { delay, systemClock } from '../lifecycle/clock.ts';
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

export async function readSource(file: ConfigFile, signal?: AbortSignal): Promise<Source> {
  const bytes = await readBytes(file, signal);
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

/** How long a pipe may give nothing. */
const silentMs = 5000;
const lookEveryMs = 20;

/** A pipe that nobody writes to would hold whoever opens it for ever, in a thread that nothing ends. */
const opening = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

async function readBytes({ path, shown }: ConfigFile, signal?: AbortSignal): Promise<Uint8Array> {
  let handle: FileHandle;
  try {
    handle = await open(path, opening);
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
    let heardMs = systemClock.now();
    // Not by the size in `stats`: `-c <(...)` is a pipe, which has none.
    while (filled < buffer.length) {
      const bytesRead = await readSome(opened, buffer.subarray(filled));
      // Of a pipe that nobody has opened yet an end is read as well.
      if (bytesRead === 0 && (filled > 0 || !stats.isFIFO())) break;
      filled += bytesRead ?? 0;
      if (bytesRead) heardMs = systemClock.now();
      else if (systemClock.now() - heardMs >= silentMs) throw new Error(`nothing came for ${silentMs} ms`);
      else if ((await delay(systemClock, lookEveryMs, signal)) === 'aborted')
        throw new GreenroomError('cancelled', `${shown} was not read: it gave nothing`);
    }
  } catch (thrown) {
    if (thrown instanceof GreenroomError) throw thrown;
    throw unreadable(shown, thrown);
  }
  if (filled <= fileBytesMax) return buffer.subarray(0, filled);
  const message = `the file is larger than ${formatSize(fileBytesMax)}`;
  throw problemsError([{ file: shown, line: 1, column: 1, path: '', message }]);
}

/** Undefined: nothing yet. */
async function readSome(handle: FileHandle, into: Uint8Array): Promise<number | undefined> {
  try {
    return (await handle.read(into, 0, into.length)).bytesRead;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'EAGAIN') return undefined;
    throw thrown;
  }
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
