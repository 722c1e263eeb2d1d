// A file that lines are appended to, in order, by the thread pool; followed by a new one when it is full (rotation.ts).
// What the disk does not take at once waits, up to a limit; beyond that lines are dropped and counted. Whoever makes it
// closes it; at a forced exit it writes what still waits, unless the disk refuses.
import { writeSync } from 'node:fs';
import { type FileHandle, stat } from 'node:fs/promises';
import { type LogLimits, openLogFile, rotate } from './rotation.ts';

export interface LineFileOptions {
  readonly path: string;
  readonly limits: LogLimits;
  /** What may wait for the disk. */
  readonly waitingBytesMax: number;
  /** As soon as there is room again after lines were dropped, to write that down in their place. */
  readonly onGap: (dropped: { readonly lines: number; readonly bytes: number }) => void;
  /** What the disk refuses: the file, what is written to it, or a new one. Told once, until it takes that again. */
  readonly onTrouble?: (what: Trouble, error: Error) => void;
  /** It was removed or moved away while it was written, and begins again at its path. */
  readonly onAgain?: () => void;
}

type Trouble = 'open' | 'write' | 'rotate' | 'again';

/** So often it is looked whether the path still leads to the file that is written. */
const lookEveryMs = 1000;

const lineEnd = 0x0a;

export class LineFile {
  readonly #options: LineFileOptions;
  #file: FileHandle | undefined;
  #opening: Promise<void> | undefined;
  /** Of the file that is written. */
  #fileBytes = 0;
  /** Above it, a new file is begun. What is no file (a pipe, a device) has none. */
  #fullBytes = Number.POSITIVE_INFINITY;
  #lines: string[] = [];
  /** Taken from the lines: being written, or refused by the disk and tried again with the next line. */
  #rest: Buffer = Buffer.alloc(0);
  /** Of the rest: what the thread pool has. */
  #flyingBytes = 0;
  #lastByte = lineEnd;
  #lookedMs = 0;
  #waitingBytes = 0;
  #dropped = { lines: 0, bytes: 0 };
  #writing: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  readonly #troubles = new Set<Trouble>();
  #gap: 'none' | 'telling' = 'none';
  #state: 'open' | 'closed' = 'open';

  constructor(options: LineFileOptions) {
    this.#options = options;
    if (openFiles.size === 0) process.on('exit', writeAtExit);
    openFiles.add(this);
  }

  /** Rejects when it cannot be opened; then it is closed. Lines may be written before. Idempotent. */
  open(): Promise<void> {
    this.#opening ??= this.#open();
    return this.#opening;
  }

  /** No effect once it is closed. @param line with its newline; or several */
  write(line: string): void {
    if (this.#state === 'closed') return;
    const bytes = Buffer.byteLength(line);
    // What tells of a gap is short, and must not become a part of it.
    if (this.#waitingBytes + bytes > this.#options.waitingBytesMax && this.#gap === 'none') {
      this.#dropped = { lines: this.#dropped.lines + 1, bytes: this.#dropped.bytes + bytes };
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

  /** Blocks until what waits is in the file, or refused. */
  writeNow(): void {
    // What the thread pool has is being written by it.
    this.#rest = this.#rest.subarray(this.#flyingBytes);
    this.#flyingBytes = 0;
    try {
      while (this.#file && this.#take()) this.#wrote(writeSync(this.#file.fd, this.#rest));
    } catch {
      // Nothing is left that could be done, and the exit must not wait for a disk.
    }
  }

  async #open(): Promise<void> {
    try {
      await this.#adopt(await openLogFile(this.#options.path));
    } catch (thrown) {
      this.#leave();
      this.#tellTrouble('open', thrown);
      throw thrown;
    }
  }

  async #adopt(file: FileHandle): Promise<void> {
    const stats = await file.stat();
    this.#file = file;
    this.#lookedMs = performance.now();
    this.#fileBytes = stats.isFile() ? stats.size : 0;
    this.#fullBytes = stats.isFile() ? this.#options.limits.sizeBytes : Number.POSITIVE_INFINITY;
  }

  async #close(): Promise<void> {
    await this.#opening?.catch(() => undefined);
    await this.#writing;
    // What was refused before is tried once more; it must not hold up the end.
    this.#writing = this.#writeAll();
    await this.#writing;
    this.#leave();
    await this.#file?.close();
  }

  #leave(): void {
    this.#state = 'closed';
    openFiles.delete(this);
    if (openFiles.size === 0) process.off('exit', writeAtExit);
  }

  /** Never rejects: a disk that is full must not end the gateway. */
  async #writeAll(): Promise<void> {
    try {
      // Lines of the same turn go in one write.
      await this.open();
      while (this.#file && this.#take()) {
        await this.#follow(this.#file);
        if (this.#full()) await this.#begin(this.#file);
        this.#wrote(await this.#write(this.#file, this.#portion()));
      }
    } catch (thrown) {
      // If it lasts so long that lines are lost, `onGap` tells that in their place.
      if (this.#file) this.#tellTrouble('write', thrown);
    } finally {
      this.#writing = undefined;
    }
  }

  async #write(file: FileHandle, bytes: Buffer): Promise<number> {
    this.#flyingBytes = bytes.length;
    try {
      return (await file.write(bytes)).bytesWritten;
    } finally {
      this.#flyingBytes = 0;
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

  /** Whether the next line goes into a new file. One that has begun here ends here. */
  #full(): boolean {
    if (this.#fileBytes === 0 || this.#lastByte !== lineEnd) return false;
    return this.#fileBytes + this.#firstLineBytes() > this.#fullBytes;
  }

  /** As many whole lines of the rest as there is room for, and one at least. */
  #portion(): Buffer {
    const room = this.#fullBytes - this.#fileBytes;
    if (this.#rest.length <= room) return this.#rest;
    const end = room > 0 ? this.#rest.lastIndexOf(lineEnd, room - 1) + 1 : 0;
    return this.#rest.subarray(0, end || this.#firstLineBytes());
  }

  #firstLineBytes(): number {
    return this.#rest.indexOf(lineEnd) + 1 || this.#rest.length;
  }

  /** What goes into a file that was removed nobody will ever read. */
  async #follow(file: FileHandle): Promise<void> {
    const { path, onAgain } = this.#options;
    const nowMs = performance.now();
    const isDue = nowMs - this.#lookedMs >= lookEveryMs && this.#lastByte === lineEnd;
    if (!isDue || this.#fullBytes === Number.POSITIVE_INFINITY) return;
    this.#lookedMs = nowMs;
    try {
      if (await isAt(path, file)) return;
      await this.#adopt(await openLogFile(path));
      this.#troubles.delete('again');
    } catch (thrown) {
      return this.#tellTrouble('again', thrown);
    }
    await file.close();
    onAgain?.();
  }

  async #begin(before: FileHandle): Promise<void> {
    const { path, limits } = this.#options;
    try {
      this.#file = await rotate(path, limits.keep);
      this.#fileBytes = 0;
      this.#fullBytes = limits.sizeBytes;
      this.#troubles.delete('rotate');
    } catch (thrown) {
      // It goes on where it is, a log that is too long is better than none, and asks again after as much.
      this.#fullBytes = this.#fileBytes + limits.sizeBytes;
      return this.#tellTrouble('rotate', thrown);
    }
    await before.close();
  }

  #wrote(bytes: number): void {
    this.#lastByte = this.#rest[bytes - 1] ?? this.#lastByte;
    this.#rest = this.#rest.subarray(bytes);
    this.#fileBytes += bytes;
    this.#waitingBytes -= bytes;
    this.#troubles.delete('write');
  }

  #tellGap(): void {
    if (this.#dropped.lines === 0) return;
    const dropped = this.#dropped;
    this.#dropped = { lines: 0, bytes: 0 };
    this.#gap = 'telling';
    this.#options.onGap(dropped);
    this.#gap = 'none';
  }

  #tellTrouble(what: Trouble, thrown: unknown): void {
    if (this.#troubles.has(what)) return;
    this.#troubles.add(what);
    this.#options.onTrouble?.(what, thrown instanceof Error ? thrown : new Error(String(thrown)));
  }
}

async function isAt(path: string, file: FileHandle): Promise<boolean> {
  const [open, there] = await Promise.all([
    file.stat(),
    stat(path).catch((thrown: NodeJS.ErrnoException) => {
      if (thrown.code === 'ENOENT' || thrown.code === 'ENOTDIR') return undefined;
      throw thrown;
    }),
  ]);
  return there?.ino === open.ino && there.dev === open.dev;
}

/** One listener for all of them. */
const openFiles = new Set<LineFile>();

const writeAtExit = (): void => {
  for (const file of openFiles) file.writeNow();
};
