// The structured log: one JSON object a line, written by the thread pool, never on the loop. What people read on the
// terminal is the command line's own matter.
import pino from 'pino';
import { GreenroomError, messageOf } from '../lifecycle/errors.ts';
import { LineFile } from './line-file.ts';
import type { LogLimits } from './rotation.ts';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

export interface Log {
  debug(facts: object, message: string): void;
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

export interface FileLog extends Log {
  /** May be changed while it is written. */
  level: LogLevel;
  /** Resolves when everything said is in the file, as far as the disk takes it. Idempotent; later lines are not kept. */
  close(): Promise<void>;
}

/** Says nothing: for tests and for code that runs before there is a log. */
export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

export interface FileLogOptions {
  readonly path: string;
  readonly level: LogLevel;
  readonly limits: LogLimits;
  /** Applied to every line, so that no secret gets into the file. */
  readonly mask: (line: string) => string;
}

/** What may wait for the disk. */
const waitingBytesMax = 16 * 1024 * 1024;
/** Errors are looked for so deep in the facts. */
const depthMax = 5;

/**
 * Opens a log file and the folder it is in. The caller closes it.
 *
 * @throws GreenroomError `data_directory_unusable`
 */
export async function openFileLog({ path, level, limits, mask }: FileLogOptions): Promise<FileLog> {
  const file = new LineFile({
    path,
    limits,
    waitingBytesMax,
    onGap: ({ lines }) =>
      logger.warn({ lines }, `${lines} lines are missing here: the disk was full or too slow`),
    onTrouble(what, error) {
      // What cannot be written cannot be told here either.
      if (what === 'rotate') logger.warn({ error }, `the log goes on beyond its size: ${error.message}`);
    },
    onAgain: () =>
      logger.warn({}, `the log ${path} was removed or moved away while it was written: it begins again here`),
  });
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { log: (facts) => plain(facts, 0) as Record<string, unknown> },
    },
    { write: (line) => file.write(mask(line)) },
  );
  await openOrTell(file, path);
  let closing: Promise<void> | undefined;
  const say = (as: keyof Log) => (facts: object, message: string) => {
    if (!closing) logger[as](facts, message);
  };
  return {
    get level() {
      return logger.level as LogLevel;
    },
    set level(to) {
      logger.level = to;
    },
    debug: say('debug'),
    info: say('info'),
    warn: say('warn'),
    error: say('error'),
    close() {
      closing ??= file.close();
      return closing;
    },
  };
}

async function openOrTell(file: LineFile, path: string): Promise<void> {
  try {
    await file.open();
  } catch (cause) {
    const message = `the log ${path} cannot be opened: ${messageOf(cause)}`;
    throw new GreenroomError('data_directory_unusable', message, { details: { path }, cause });
  }
}

/** JSON forgets what makes an error an error: wherever one stands in the facts, its message and stack are kept. */
function plain(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null || depth > depthMax) return value;
  const inside = (part: object) =>
    Object.fromEntries(Object.entries(part).map(([key, each]) => [key, plain(each, depth + 1)]));
  if (value instanceof Error) {
    const cause = value.cause === undefined ? {} : { cause: plain(value.cause, depth + 1) };
    return { name: value.name, message: value.message, stack: value.stack, ...inside(value), ...cause };
  }
  if (Array.isArray(value)) return value.map((each) => plain(each, depth + 1));
  return Object.getPrototypeOf(value) === Object.prototype ? inside(value) : value;
}
