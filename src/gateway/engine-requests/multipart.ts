// `multipart/form-data` (RFC 7578) as it comes, wherever it was cut: parts, their content in pieces, and where in the
// bytes of the body each stands. Keeps no content. Pure.
import { GreenroomError } from '../../lifecycle/errors.ts';

export type FormPiece =
  | {
      readonly type: 'part';
      readonly name: string;
      /** Undefined: a field. */
      readonly filename: string | undefined;
      /** Of its content: bytes from the beginning of the body. */
      readonly start: number;
    }
  | { readonly type: 'content'; readonly bytes: Buffer }
  | { readonly type: 'part_end'; readonly end: number }
  | { readonly type: 'end' };

const headBytesMax = 16 * 1024;
/** RFC 2046, 5.1.1. */
const boundaryCharsMax = 70;

/** Throws `invalid_request` for what is no form with a boundary. */
export function boundaryIn(contentType: string | undefined): string {
  const [, quoted, plain] = /^multipart\/form-data\s*;.*?\bboundary=(?:"([^"]+)"|([^\s;"]+))/i.exec(
    contentType ?? '',
  ) ?? [undefined];
  const boundary = quoted ?? plain ?? '';
  if (boundary !== '' && boundary.length <= boundaryCharsMax) return boundary;
  const given = contentType === undefined ? 'no content-type' : JSON.stringify(contentType.slice(0, 200));
  throw invalid(`expected multipart/form-data with a boundary, got ${given}`);
}

export class MultipartReader {
  readonly #delimiter: Buffer;
  #state: 'preamble' | 'after_delimiter' | 'head' | 'content' | 'over' = 'preamble';
  /** Came, and is not judged yet. The first delimiter has no line end before it: one is put there. */
  #rest: Buffer = Buffer.from('\r\n');
  /** Of `#rest`, in the body. */
  #at = -2;

  constructor(boundary: string) {
    this.#delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1');
  }

  get state(): 'reading' | 'over' {
    return this.#state === 'over' ? 'over' : 'reading';
  }

  /** Throws `invalid_request`. */
  push(bytes: Buffer): readonly FormPiece[] {
    if (this.#state === 'over') return [];
    const pieces: FormPiece[] = [];
    this.#rest = this.#rest.length > 0 ? Buffer.concat([this.#rest, bytes]) : bytes;
    while (this.#step(pieces));
    return pieces;
  }

  /** The body has ended. Throws `invalid_request` when the form has not. */
  end(): void {
    if (this.#state !== 'over') throw invalid('the form ends before its last boundary');
  }

  /** Whether there may be more to do. */
  #step(pieces: FormPiece[]): boolean {
    switch (this.#state) {
      case 'preamble':
        return this.#toDelimiter(pieces, 'preamble');
      case 'after_delimiter':
        return this.#afterDelimiter(pieces);
      case 'head':
        return this.#head(pieces);
      case 'content':
        return this.#toDelimiter(pieces, 'content');
      case 'over':
        return false;
    }
  }

  #toDelimiter(pieces: FormPiece[], state: 'preamble' | 'content'): boolean {
    const found = this.#rest.indexOf(this.#delimiter);
    // The beginning of a delimiter may be what came last.
    const certain = found === -1 ? Math.max(0, this.#rest.length - this.#delimiter.length + 1) : found;
    if (state === 'content' && certain > 0)
      pieces.push({ type: 'content', bytes: this.#rest.subarray(0, certain) });
    this.#drop(certain);
    if (found === -1) return false;
    if (state === 'content') pieces.push({ type: 'part_end', end: this.#at });
    this.#drop(this.#delimiter.length);
    this.#state = 'after_delimiter';
    return true;
  }

  #afterDelimiter(pieces: FormPiece[]): boolean {
    const lineEnd = this.#rest.indexOf('\r\n');
    if (this.#rest.length >= 2 && this.#rest.toString('latin1', 0, 2) === '--') {
      this.#state = 'over';
      this.#rest = Buffer.alloc(0);
      pieces.push({ type: 'end' });
      return false;
    }
    if (lineEnd === -1) return this.#wait();
    if (this.#rest.toString('latin1', 0, lineEnd).trim() !== '')
      throw invalid('something stands after a boundary of the form');
    // The head begins with this line end: an empty head is one, too.
    this.#drop(lineEnd);
    this.#state = 'head';
    return true;
  }

  #head(pieces: FormPiece[]): boolean {
    const end = this.#rest.indexOf('\r\n\r\n');
    if (end === -1) return this.#wait();
    const head = this.#rest.toString('utf8', 2, end);
    this.#drop(end + 4);
    const disposition = /^content-disposition:(.*)$/im.exec(head)?.[1];
    const name = disposition && parameter(disposition, 'name');
    if (!disposition || name === undefined)
      throw invalid('a part of the form has no Content-Disposition with a name');
    pieces.push({ type: 'part', name, filename: parameter(disposition, 'filename'), start: this.#at });
    this.#state = 'content';
    return true;
  }

  #wait(): false {
    if (this.#rest.length > headBytesMax)
      throw invalid(`the head of a part of the form is over ${headBytesMax} bytes`);
    return false;
  }

  #drop(bytes: number): void {
    this.#rest = this.#rest.subarray(bytes);
    this.#at += bytes;
  }
}

/** Browsers write `"` as `%22`, others as `\"`. */
function parameter(disposition: string, name: string): string | undefined {
  const [, quoted, plain] =
    new RegExp(`;\\s*${name}=(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s;]+))`, 'i').exec(disposition) ?? [];
  return quoted?.replace(/\\(.)/g, '$1').replace(/%22/g, '"') ?? plain;
}

const invalid = (message: string) => new GreenroomError('invalid_request', message);
