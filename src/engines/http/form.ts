// A form with a file (multipart/form-data, RFC 7578), as one body. Pure.
import { randomUUID } from 'node:crypto';

export interface FormFile {
  readonly name: string;
  readonly filename: string;
  readonly type: string;
  readonly bytes: Uint8Array;
}

/** The file comes last: who reads as it comes knows everything else by then. Names are ours; no value can hold the boundary. */
export function formOf(
  fields: Readonly<Record<string, string>>,
  file: FormFile,
): { readonly type: string; readonly body: Buffer } {
  const boundary = `greenroom-${randomUUID()}`;
  const parts = Object.entries(fields).map(([name, value]) =>
    [`--${boundary}`, `content-disposition: form-data; name="${name}"`, '', value, ''].join('\r\n'),
  );
  const head = [
    `--${boundary}`,
    `content-disposition: form-data; name="${file.name}"; filename="${file.filename}"`,
    `content-type: ${file.type}`,
    '',
    '',
  ].join('\r\n');
  return {
    type: `multipart/form-data; boundary=${boundary}`,
    body: Buffer.concat([
      Buffer.from(parts.join('') + head),
      file.bytes,
      Buffer.from(`\r\n--${boundary}--\r\n`),
    ]),
  };
}
