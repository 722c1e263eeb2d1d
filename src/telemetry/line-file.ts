// A file that lines are appended to, in order, by the thread pool. What the disk does not take at once waits, up to a
// limit; beyond that lines are dropped and counted. Whoever opens it closes it; at a forced exit it writes what still
// waits, unless the disk refuses.
import { writeSync } from 'node:fs';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';

/** What may wait for the disk. */
const waitingBytesMax = 16 * 1024 * 1024;

export class LineFile {
  readonly #file: FileHandle;
  readonly #onGap: (lines: number) => void;
  #lines: string[] = [];
  /** Taken from the lines: being written, or refused by the disk and tried again with the next line. */
  #rest: Buffer = Buffer.alloc(0);
  #waitingBytes = 0;
  #dropped = 0;
  #writing: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  private constructor(file: FileHandle, onGap: (lines: number) => void) {
    this.#file = file;
    this.#onGap = onGap;
    process.on('exit', this.#writeAtExit);
  }

  /**
   * Opens the file for its owner alone, and makes the folder it is in.
   *
   * @param onGap told how many lines were dropped as soon as there is room again, to write that down in their place
   */
  static async open(path: string, onGap: (lines: number) => void): Promise<LineFile> {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    return new LineFile(await open(path, 'a', 0o600), onGap);
  }

  /** @param line with its newline */
  write(line: string): void {
    const bytes = Buffer.byteLength(line);
    if (this.#waitingBytes + bytes > waitingBytesMax) {
      this.#dropped += 1;
      return;
    }
    this.#tellGap();
    this.#lines.push(line);
    this.#waitingBytes += bytes;
    this.#writing ??= this.#writeAll();
  }

  /** Resolves when everything is in the file, as far as the disk takes it. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#writing;
    // What was refused before is tried once more; it must not hold up the end.
    this.#writing = this.#writeAll();
    await this.#writing;
    process.off('exit', this.#writeAtExit);
    await this.#file.close();
  }

  /** Never rejects: a disk that is full must not end the gateway. */
  async #writeAll(): Promise<void> {
    // Lines of the same turn go in one write.
    await undefined;
    try {
      while (this.#take()) {
        const { bytesWritten } = await this.#file.write(this.#rest);
        this.#wrote(bytesWritten);
      }
    } catch {
      // Told by `onGap` if it lasts so long that lines are lost.
    } finally {
      this.#writing = undefined;
    }
  }

  /** Whether there is something to write. */
  #take(): boolean {
    if (this.#rest.length > 0) return true;
    if (this.#lines.length === 0) this.#tellGap();
    this.#rest = Buffer.from(this.#lines.join(''));
    this.#lines = [];
    return this.#rest.length > 0;
  }

  #wrote(bytes: number): void {
    this.#rest = this.#rest.subarray(bytes);
    this.#waitingBytes -= bytes;
  }

  #tellGap(): void {
    if (this.#dropped === 0) return;
    const lines = this.#dropped;
    this.#dropped = 0;
    this.#onGap(lines);
  }

  readonly #writeAtExit = (): void => {
    // What the thread pool has is being written by it.
    if (this.#writing) this.#rest = Buffer.alloc(0);
    try {
      while (this.#take()) this.#wrote(writeSync(this.#file.fd, this.#rest));
    } catch {
      // Nothing is left that could be done, and the exit must not wait for a disk.
    }
  };
}
