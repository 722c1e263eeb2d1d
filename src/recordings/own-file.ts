// A file that is made here and nowhere else, and appended to. Blocks, and is for the recordings' thread alone.
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readSync,
  writeSync,
} from 'node:fs';
import { basename } from 'node:path';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDWR } = constants;

export class OwnFile {
  readonly path: string;
  readonly #fd: number;
  readonly #identity: { readonly dev: number; readonly ino: number };
  #bytes: number;

  /** Throws when there is anything of this name already. */
  static make(path: string): OwnFile {
    return new OwnFile(path, openSync(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600));
  }

  /** Throws when it is not there, a link, or no file. */
  static open(path: string): OwnFile {
    const file = new OwnFile(path, openSync(path, O_RDWR | O_NOFOLLOW));
    if (fstatSync(file.#fd).isFile()) return file;
    file.close();
    throw new Error(`${basename(path)} is no file`);
  }

  private constructor(path: string, fd: number) {
    this.path = path;
    this.#fd = fd;
    const { dev, ino, size } = fstatSync(fd);
    this.#identity = { dev, ino };
    this.#bytes = size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  append(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const written = writeSync(this.#fd, bytes, at, bytes.length - at, this.#bytes);
      at += written;
      this.#bytes += written;
    }
  }

  /** Over what is there: takes no more room. */
  patch(bytes: Uint8Array, at: number): void {
    writeSync(this.#fd, bytes, 0, bytes.length, at);
    this.#bytes = Math.max(this.#bytes, at + bytes.length);
  }

  cut(bytes: number): void {
    ftruncateSync(this.#fd, bytes);
    this.#bytes = bytes;
  }

  read(from: number, bytes: number): Buffer {
    const into = Buffer.alloc(bytes);
    return into.subarray(0, readSync(this.#fd, into, 0, bytes, from));
  }

  /** On the disk, whatever becomes of the machine. */
  sync(): void {
    fsyncSync(this.#fd);
  }

  /** Throws when its name leads elsewhere by now: who looks for it there would not find what is written. */
  check(): void {
    const stats = lstatSync(this.path, { throwIfNoEntry: false });
    const name = basename(this.path);
    if (!stats) throw new Error(`${name} was removed while it was written`);
    const same = stats.isFile() && stats.dev === this.#identity.dev && stats.ino === this.#identity.ino;
    if (!same) throw new Error(`${name} was replaced by ${kindOf(stats)} while it was written`);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

function kindOf(stats: { isSymbolicLink(): boolean; isDirectory(): boolean; isFile(): boolean }): string {
  if (stats.isSymbolicLink()) return 'a link';
  if (stats.isDirectory()) return 'a folder';
  return stats.isFile() ? 'another file' : 'something that is no file';
}
