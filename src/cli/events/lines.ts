// Lines out of bytes, each with its number, as they came: what is published is not read as text. A line that is longer
// than any event is not kept. Pure.

export interface Line {
  /** From 1. */
  readonly number: number;
  /** Without its line feed; empty when it was too long. */
  readonly bytes: Buffer;
  /** Of the line as it was. */
  readonly length: number;
}

const lineFeed = 0x0a;

export class LineSplitter {
  readonly #bytesMax: number;
  #parts: Buffer[] = [];
  #length = 0;
  #number = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Those that have ended; blank ones are counted and left out. */
  push(chunk: Buffer): readonly Line[] {
    const lines: Line[] = [];
    let from = 0;
    for (let at = chunk.indexOf(lineFeed); at >= 0; at = chunk.indexOf(lineFeed, from)) {
      this.#keep(chunk.subarray(from, at));
      this.#end(lines);
      from = at + 1;
    }
    this.#keep(chunk.subarray(from));
    return lines;
  }

  /** The last one, which nobody has ended. */
  end(): readonly Line[] {
    const lines: Line[] = [];
    this.#end(lines);
    return lines;
  }

  #keep(part: Buffer): void {
    this.#length += part.length;
    if (this.#length > this.#bytesMax) this.#parts = [];
    else if (part.length > 0) this.#parts.push(part);
  }

  #end(lines: Line[]): void {
    this.#number += 1;
    const bytes = Buffer.concat(this.#parts);
    const length = this.#length;
    this.#parts = [];
    this.#length = 0;
    if (length > this.#bytesMax || /\S/.test(bytes.toString('latin1')))
      lines.push({ number: this.#number, bytes, length });
  }
}
