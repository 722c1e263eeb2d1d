// A form that has come as a whole: its fields as texts, its files as views on its bytes. Pure.
import { MultipartReader } from './multipart.ts';

interface FormFile {
  readonly filename: string;
  readonly bytes: Buffer;
}

export interface Form {
  /** The first of each name. */
  readonly fields: ReadonlyMap<string, string>;
  readonly files: ReadonlyMap<string, FormFile>;
}

/** Throws `invalid_request`. */
export function readForm(body: Buffer, boundary: string): Form {
  const reader = new MultipartReader(boundary);
  const fields = new Map<string, string>();
  const files = new Map<string, FormFile>();
  let part:
    | { readonly name: string; readonly filename: string | undefined; readonly start: number }
    | undefined;
  for (const piece of reader.push(body)) {
    if (piece.type === 'part') part = piece;
    if (piece.type !== 'part_end' || !part) continue;
    const { name, filename, start } = part;
    const bytes = body.subarray(start, piece.end);
    if (filename === undefined && !fields.has(name)) fields.set(name, bytes.toString('utf8'));
    if (filename !== undefined && !files.has(name)) files.set(name, { filename, bytes });
  }
  reader.end();
  return { fields, files };
}
