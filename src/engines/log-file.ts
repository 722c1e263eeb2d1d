// The file that keeps what one run of an engine writes. Bounded; written by the thread pool, never on the loop; what
// the disk is too slow for is left out, and the file says so. A file that cannot be written is told of once, and the
// engine goes on without it.
import { close, createWriteStream, mkdir, open, type WriteStream, write, writev } from 'node:fs';
import { dirname } from 'node:path';

export interface LogFileOptions {
  readonly path: string;
  readonly onTrouble: (message: string) => void;
  readonly bytesMax?: number;
  /** What may wait for the disk. */
  readonly pendingBytesMax?: number;
}

const mebibyte = 1024 * 1024;

export class LogFile {
  readonly #stream: WriteStream;
  readonly #closed: Promise<void>;
  readonly #bytesMax: number;
  readonly #pendingBytesMax: number;
  #bytes = 0;
  #leftOutBytes = 0;
  #state: 'open' | 'ended' = 'open';

  constructor(options: LogFileOptions) {
    const { path, onTrouble } = options;
    this.#bytesMax = options.bytesMax ?? 64 * mebibyte;
    this.#pendingBytesMax = options.pendingBytesMax ?? 4 * mebibyte;
    this.#stream = createWriteStream(path, {
      flags: 'a',
      mode: 0o600,
      fs: { open: openInFolder, write, writev, close },
    });
    this.#stream.on('error', (error) => {
      this.#state = 'ended';
      onTrouble(`log file ${path}: ${error.message}`);
    });
    this.#closed = new Promise((resolve) => {
      this.#stream.once('close', resolve);
    });
  }

  /** @param text whole lines */
  append(text: string): void {
    if (this.#state !== 'open' || text === '') return;
    const bytes = Buffer.byteLength(text);
    if (this.#stream.writableLength + bytes > this.#pendingBytesMax) {
      this.#leftOutBytes += bytes;
      return;
    }
    this.#bytes += bytes;
    if (this.#bytes > this.#bytesMax)
      return this.#end(`(over ${this.#bytesMax} bytes: the rest is not kept)\n`);
    this.#stream.write(this.#gap() + text);
  }

  /** Resolves when what was appended is in the file. Idempotent. */
  close(): Promise<void> {
    this.#end('');
    return this.#closed;
  }

  #end(last: string): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#stream.end(this.#gap() + last);
  }

  #gap(): string {
    const left = this.#leftOutBytes;
    this.#leftOutBytes = 0;
    return left === 0 ? '' : `(${left} bytes are missing here: the disk was too slow)\n`;
  }
}

type OpenDone = (error: NodeJS.ErrnoException | null, fd: number) => void;

/** Makes the folder first; the stream keeps what is written meanwhile. */
const openInFolder = ((path: string, flags: string, mode: number, done: OpenDone) => {
  mkdir(dirname(path), { recursive: true, mode: 0o700 }, (error) => {
    if (error) done(error, 0);
    else open(path, flags, mode, done);
  });
}) as unknown as typeof open;
