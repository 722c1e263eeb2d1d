// Lines out of bytes that come in pieces: what has a newline in the same piece is not copied, half a line is kept, up
// to its limit, and whatever is over it is skipped without being kept. Each byte is looked at and copied once at most,
// however small the pieces are. Whoever feeds it takes the lines before the next piece.

export type Line =
  /** From 1. The bytes are good until the next line is asked for. */
  | { readonly state: 'whole'; readonly number: number; readonly bytes: Buffer }
  /** Told as soon as it is seen; the rest of it is skipped. */
  | { readonly state: 'too_long'; readonly number: number };

const newline = 0x0a;
const carriageReturn = 0x0d;
/** What a new half line gets; it is doubled as it grows. */
const roomMin = 1024;
const nothing = Buffer.alloc(0);

export class Lines {
  /** Of a line, without what ends it. */
  readonly #bytesMax: number;
  #piece: Buffer = nothing;
  #at = 0;
  /** The line at hand. */
  #number = 1;
  #line: 'kept' | 'skipped' = 'kept';
  #state: 'coming' | 'ending' | 'ended' = 'coming';
  #half: Buffer = nothing;
  #halfBytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** The number of a line that has begun and not ended, and was not told; undefined when there is none. */
  get half(): number | undefined {
    return this.#halfBytes > 0 ? this.#number : undefined;
  }

  /** Only when `next` has nothing more. The piece is not kept for longer than that. */
  push(piece: Buffer): void {
    this.#piece = piece;
    this.#at = 0;
  }

  /** Only when `next` has nothing more, and nothing more comes: what has no newline is a line as well. */
  end(): void {
    if (this.#state === 'coming') this.#state = 'ending';
  }

  /** Undefined: more has to come. Empty lines are counted and left out. */
  next(): Line | undefined {
    while (this.#at < this.#piece.length) {
      const found = this.#piece.indexOf(newline, this.#at);
      const line = found === -1 ? this.#keep() : this.#whole(found);
      if (line) return line;
    }
    this.#piece = nothing;
    this.#at = 0;
    if (this.#state !== 'ending') return undefined;
    this.#state = 'ended';
    return this.#whole(0);
  }

  /** The line that ends here. */
  #whole(end: number): Line | undefined {
    const rest = this.#piece.subarray(this.#at, end);
    this.#at = end + 1;
    const number = this.#number;
    this.#number += 1;
    const skipped = this.#line === 'skipped';
    this.#line = 'kept';
    if (skipped) return undefined;
    if (this.#halfBytes + rest.length > this.#roomMax) {
      this.#letGo();
      return { state: 'too_long', number };
    }
    const bytes = trimmed(this.#halfBytes === 0 ? rest : this.#joined(rest), number);
    if (bytes.length > this.#bytesMax) return { state: 'too_long', number };
    return isBlank(bytes) ? undefined : { state: 'whole', number, bytes };
  }

  /** The rest of the piece, which has no newline. */
  #keep(): Line | undefined {
    const rest = this.#piece.subarray(this.#at);
    this.#at = this.#piece.length;
    if (this.#line === 'skipped') return undefined;
    if (this.#halfBytes + rest.length <= this.#roomMax) {
      this.#copy(rest);
      if (trimmed(this.#half.subarray(0, this.#halfBytes), this.#number).length <= this.#bytesMax)
        return undefined;
    }
    this.#letGo();
    this.#line = 'skipped';
    return { state: 'too_long', number: this.#number };
  }

  #joined(rest: Buffer): Buffer {
    this.#copy(rest);
    const line = this.#half.subarray(0, this.#halfBytes);
    this.#letGo();
    return line;
  }

  #copy(rest: Buffer): void {
    const needed = this.#halfBytes + rest.length;
    if (needed > this.#half.length) {
      const half = Buffer.allocUnsafeSlow(
        Math.max(roomMin, needed, Math.min(this.#half.length * 2, this.#roomMax)),
      );
      this.#half.copy(half, 0, 0, this.#halfBytes);
      this.#half = half;
    }
    rest.copy(this.#half, this.#halfBytes);
    this.#halfBytes = needed;
  }

  /** Who is idle keeps no room. */
  #letGo(): void {
    this.#halfBytes = 0;
    this.#half = nothing;
  }

  /** With a byte order mark and a carriage return, neither of which counts. */
  get #roomMax(): number {
    return this.#bytesMax + 4;
  }
}

/** Without the byte order mark at the very beginning, and without the half of a `\r\n`. */
function trimmed(line: Buffer, number: number): Buffer {
  const marked = number === 1 && line[0] === 0xef && line[1] === 0xbb && line[2] === 0xbf;
  const end = line.length - (line.at(-1) === carriageReturn ? 1 : 0);
  return line.subarray(marked ? 3 : 0, end);
}

/** Spaces and tabs are no event. */
function isBlank(line: Buffer): boolean {
  for (const byte of line) if (byte !== 0x20 && byte !== 0x09 && byte !== carriageReturn) return false;
  return true;
}
