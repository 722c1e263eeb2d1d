// The file that keeps what one run of an engine writes, by the same means as the gateway's log: bounded in size, with
// the newest kept; what the disk is too slow for is left out, and the file says so. A file that cannot be had is told
// of, and the engine goes on without it. Begins with the removal of what runs long before it have left behind.
import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { LineFile } from '../telemetry/line-file.ts';
import type { LogLimits } from '../telemetry/rotation.ts';

export interface LogFileOptions {
  /** Named by the moment of the start: only files with such names are removed. */
  readonly path: string;
  /** `keep`: as many runs of before, and as many files of each. */
  readonly limits: LogLimits;
  readonly onTrouble: (message: string) => void;
  readonly waitingBytesMax?: number;
}

/** The moment of its start, as far as a file name can have it. */
const ourName = /^\d{4}-\d\d-\d\dT[\d-]+Z\.log(?:\.\d+)?$/;
const waitingBytesMaxDefault = 4 * 1024 * 1024;

export class LogFile {
  readonly #file: LineFile;
  readonly #removing: Promise<void>;

  constructor({ path, limits, onTrouble, waitingBytesMax = waitingBytesMaxDefault }: LogFileOptions) {
    const trouble = (error: Error) => onTrouble(`log file ${path}: ${error.message}`);
    this.#file = new LineFile({
      path,
      limits,
      waitingBytesMax,
      onGap: ({ bytes }) => this.#file.write(`(${bytes} bytes are missing here: the disk was too slow)\n`),
      onTrouble: (_what, error) => trouble(error),
    });
    this.#removing = this.#file.open().then(
      () => removeOldRuns(path, limits.keep).catch(trouble),
      // Told above.
      () => undefined,
    );
  }

  /** @param text whole lines */
  append(text: string): void {
    if (text !== '') this.#file.write(text);
  }

  /** Resolves when what was appended is in the file. Idempotent. */
  async close(): Promise<void> {
    await Promise.all([this.#file.close(), this.#removing]);
  }
}

/** All but the newest `keep` before this one, each with the files it was followed by. */
async function removeOldRuns(path: string, keep: number): Promise<void> {
  const folder = dirname(path);
  const names = (await readdir(folder)).filter((name) => ourName.test(name));
  const runOf = (name: string) => name.replace(/\.\d+$/, '');
  const before = [...new Set(names.map(runOf))].filter((run) => run < basename(path)).sort();
  const old = new Set(before.slice(0, Math.max(0, before.length - keep)));
  await Promise.all(
    names.filter((name) => old.has(runOf(name))).map((name) => rm(join(folder, name), { force: true })),
  );
}
