// Finds the fields `model` and `stream` of a form that is still coming, as JsonPeek does in JSON. Pure.
import type { BodyPeek, FoundModel } from './json-peek.ts';
import { type FormPiece, MultipartReader } from './multipart.ts';

/** A longer one is no name of ours. */
const keptBytesMax = 1024;

export class FormPeek implements BodyPeek {
  readonly #reader: MultipartReader;
  #field: { readonly name: string; readonly start: number; text: string } | undefined;
  model: FoundModel | undefined;
  stream: boolean | undefined;

  constructor(boundary: string) {
    this.#reader = new MultipartReader(boundary);
  }

  get state(): 'reading' | 'over' {
    return this.#reader.state === 'over' || (this.model && this.stream !== undefined) ? 'over' : 'reading';
  }

  /** Throws `invalid_request`. */
  push(bytes: Buffer): void {
    if (this.state === 'over') return;
    for (const piece of this.#reader.push(bytes)) this.#take(piece);
  }

  #take(piece: FormPiece): void {
    if (piece.type === 'part') {
      const { name, filename, start } = piece;
      const wanted = filename === undefined && (name === 'model' || name === 'stream');
      this.#field = wanted ? { name, start, text: '' } : undefined;
    } else if (piece.type === 'content' && this.#field) {
      if (this.#field.text.length <= keptBytesMax) this.#field.text += piece.bytes.toString('utf8');
    } else if (piece.type === 'part_end' && this.#field) this.#ended(this.#field, piece.end);
  }

  #ended({ name, start, text }: { name: string; start: number; text: string }, end: number): void {
    this.#field = undefined;
    if (name === 'stream') this.stream ??= text.trim().toLowerCase() === 'true' || text.trim() === '1';
    else if (text.trim() !== '') this.model ??= { value: text.trim(), start, end };
  }
}
