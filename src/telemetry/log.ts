// The structured log: one JSON object a line, written by the thread pool, never on the loop. What people read on the
// terminal is the command line's own matter.
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import pino from 'pino';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

export interface Log {
  debug(facts: object, message: string): void;
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

export interface FileLog extends Log {
  /** Resolves when everything said is in the file. Idempotent. */
  close(): Promise<void>;
}

/** Says nothing: for tests and for code that runs before there is a log. */
export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** What may wait for the disk; beyond that lines are dropped rather than kept without bound. */
const pendingBytesMax = 16 * 1024 * 1024;

/** @param mask applied to every line, so that no secret gets into the file */
export async function openFileLog(
  path: string,
  level: LogLevel,
  mask: (line: string) => string,
): Promise<FileLog> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const destination = pino.destination({ dest: path, sync: false, mode: 0o600, maxLength: pendingBytesMax });
  await new Promise<void>((resolve, reject) => {
    destination.once('ready', resolve);
    destination.once('error', reject);
  });
  // A disk that is full must not end the gateway; the log goes on when there is room again.
  destination.on('error', () => undefined);
  const logger = pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, hooks: { streamWrite: mask } },
    destination,
  );
  let closing: Promise<void> | undefined;
  return {
    debug: (facts, message) => logger.debug(facts, message),
    info: (facts, message) => logger.info(facts, message),
    warn: (facts, message) => logger.warn(facts, message),
    error: (facts, message) => logger.error(facts, message),
    close() {
      closing ??= new Promise((resolve) => {
        destination.once('close', resolve);
        destination.end();
      });
      return closing;
    },
  };
}
