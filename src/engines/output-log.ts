// What an engine writes: every line into a file of its own run, and the last ones kept for error messages. Bounded in
// lines and bytes; the file is written by the stream's thread pool, never on the loop.
import { createWriteStream, type WriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

const tailLines = 20;
const lineCharsMax = 2000;
const fileBytesMax = 64 * 1024 * 1024;
/** What may wait for the disk before further lines go to the tail only. */
const pendingBytesMax = 4 * 1024 * 1024;

export class OutputLog {
  readonly path: string | null;
  /** Told of every line, without terminal colours. */
  onLine: (line: string) => void = () => undefined;
  readonly #tail: string[] = [];
  readonly #partial = { stdout: '', stderr: '' };
  #file: WriteStream | undefined;
  #bytes = 0;
  #state: 'opening' | 'open' | 'full' | 'closed';
  #early: string[] = [];

  /** @param path null keeps only the tail */
  constructor(path: string | null, onTrouble: (message: string) => void) {
    this.path = path;
    this.#state = path ? 'opening' : 'full';
    if (path) void this.#open(path, onTrouble);
  }

  /** The last lines, without terminal colours. */
  get tail(): readonly string[] {
    return [...this.#tail];
  }

  write(source: 'stdout' | 'stderr', chunk: Buffer | string): void {
    const text = this.#partial[source] + chunk.toString();
    const lines = text.split(/\r?\n|\r(?=.)/);
    // A line without end is cut, so that a flood of one endless line stays bounded.
    const rest = lines.pop() ?? '';
    this.#partial[source] = rest.length > lineCharsMax ? '' : rest;
    if (rest.length > lineCharsMax) lines.push(rest);
    for (const line of lines) this.#line(line);
  }

  /** Ends the file once what was written is in it. */
  close(): void {
    for (const source of ['stdout', 'stderr'] as const) {
      if (this.#partial[source]) this.#line(this.#partial[source]);
      this.#partial[source] = '';
    }
    if (this.#state === 'opening') return;
    this.#state = 'closed';
    this.#file?.end();
  }

  #line(line: string): void {
    const plain = stripVTControlCharacters(line).slice(0, lineCharsMax);
    if (plain.trim()) this.#tail.push(plain);
    if (this.#tail.length > tailLines) this.#tail.shift();
    this.onLine(plain);
    if (this.#state === 'opening') this.#early.push(plain);
    else this.#toFile(plain);
  }

  #toFile(line: string): void {
    if (this.#state !== 'open' || !this.#file || this.#file.writableLength > pendingBytesMax) return;
    this.#bytes += line.length + 1;
    if (this.#bytes > fileBytesMax) {
      this.#state = 'full';
      this.#file.end(`(log over ${fileBytesMax} bytes: the rest is not kept)\n`);
      return;
    }
    this.#file.write(`${line}\n`);
  }

  async #open(path: string, onTrouble: (message: string) => void): Promise<void> {
    try {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    } catch (error) {
      this.#state = 'full';
      return onTrouble(`no log file ${path}: ${(error as Error).message}`);
    }
    this.#file = createWriteStream(path, { mode: 0o600 });
    this.#file.on('error', (error) => {
      this.#state = 'full';
      onTrouble(`log file ${path}: ${error.message}`);
    });
    this.#state = 'open';
    for (const line of this.#early) this.#toFile(line);
    this.#early = [];
  }
}
