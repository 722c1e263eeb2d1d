// The files a log has had: `greenroom.log` is written, `greenroom.log.1` was before it, up to `.KEEP`. Each step is a
// rename, so that no reader ever sees half of anything; what fails leaves the file that is being written as it is.
import { constants, type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';

/** How much of a log is kept. */
export interface LogLimits {
  /** A file that would be larger is followed by a new one. */
  readonly sizeBytes: number;
  /** Files of before, besides the one that is written. */
  readonly keep: number;
}

const { O_APPEND, O_CREAT, O_NONBLOCK, O_WRONLY } = constants;
const appending = O_APPEND | O_CREAT | O_WRONLY | O_NONBLOCK;

/** For appending, its owner's alone, with the folder it is in. A pipe that nobody reads is refused, not waited for. */
export async function openLogFile(path: string): Promise<FileHandle> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  try {
    const file = await open(path, appending, 0o600);
    if (!(await file.stat()).isFIFO()) return file;
    // It has a reader: what that is too slow for may wait, like for any disk.
    const patient = await open(path, 'a');
    await file.close();
    return patient;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ENXIO') throw thrown;
    throw new Error(`${path} is a pipe that nobody reads, or a socket: move it away`, { cause: thrown });
  }
}

/**
 * Moves the files up by one and begins a new one. The new one is opened first, under another name: a disk that has no
 * place for it changes nothing.
 */
export async function rotate(path: string, keep: number): Promise<FileHandle> {
  const next = `${path}.next`;
  const file = await openLogFile(next);
  try {
    // The oldest first; those that are too many, as after `keep` was made less, go.
    for (const number of await numbersOf(path)) {
      if (number >= keep) await rm(`${path}.${number}`, { force: true });
      else await rename(`${path}.${number}`, `${path}.${number + 1}`);
    }
    if (keep > 0) await renameIfThere(path, `${path}.1`);
    await rename(next, path);
    return file;
  } catch (thrown) {
    await file.close();
    await rm(next, { force: true });
    throw thrown;
  }
}

/** Of the files of before, the greatest first. */
async function numbersOf(path: string): Promise<readonly number[]> {
  const start = `${basename(path)}.`;
  const ends = (await readdir(dirname(path))).filter((name) => name.startsWith(start));
  const numbers = ends.map((name) => name.slice(start.length)).filter((end) => /^[1-9]\d{0,5}$/.test(end));
  return numbers.map(Number).sort((a, b) => b - a);
}

/** The one that was written may have been removed under us. */
async function renameIfThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT') throw thrown;
  }
}
