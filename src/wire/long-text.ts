// A text of a caller's that is too long to be handled in one go: never made a text of, but looked at and passed on as the
// bytes that came, piece by piece.

/** Texts up to here are short work: a millisecond or two. */
export const longBytesMin = 1024 * 1024;

const partBytes = 64 * 1024;

export class LongText {
  /** One after the other they are the text. Whoever sends it may change them: it is sent once. */
  readonly parts: readonly Buffer[];
  /** In bytes. */
  readonly length: number;

  /** @param parts short ones, as they were read; a long one is cut */
  constructor(parts: readonly Buffer[]) {
    this.parts = parts.flatMap(cut);
    this.length = parts.reduce((sum, { length }) => sum + length, 0);
  }

  toString(): string {
    return Buffer.concat(this.parts).toString();
  }
}

function cut(part: Buffer): readonly Buffer[] {
  if (part.length <= partBytes) return [part];
  const count = Math.ceil(part.length / partBytes);
  return Array.from({ length: count }, (_, index) =>
    part.subarray(index * partBytes, (index + 1) * partBytes),
  );
}
