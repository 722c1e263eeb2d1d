// Much base64, as the bytes of its text, in the pieces that it came in: decoded piece by piece. Nothing to close.

const pad = 61;

export class Base64Text {
  /** Of its characters. */
  readonly length: number;
  /** `malformed`: it cannot be decoded. */
  readonly state: 'sound' | 'malformed';
  /** What is decoded of it. */
  readonly bytes: number;
  readonly #pieces: readonly Buffer[];

  /** @param pieces of the alphabet of base64, and `=`; short ones */
  constructor(pieces: readonly Buffer[], state: 'sound' | 'malformed' = 'sound') {
    this.#pieces = pieces;
    this.length = pieces.reduce((sum, { length }) => sum + length, 0);
    const padding = paddingOf(pieces);
    this.state = padding === undefined ? 'malformed' : state;
    this.bytes = Math.floor((this.length * 3) / 4) - (padding ?? 0);
  }

  /** Each decodes by itself. */
  *texts(): Generator<string> {
    let rest = '';
    for (const piece of this.#pieces) {
      const text = rest + piece.toString('latin1');
      const whole = text.length - (text.length % 4);
      if (whole > 0) yield text.slice(0, whole);
      rest = text.slice(whole);
    }
    if (rest !== '') yield rest;
  }

  /** All of it: that takes a while. */
  toString(): string {
    return this.#pieces.map((piece) => piece.toString('latin1')).join('');
  }
}

/** At its end, two at most; undefined: there is some elsewhere. */
function paddingOf(pieces: readonly Buffer[]): number | undefined {
  const first = pieces.findIndex((piece) => piece.includes(pad));
  if (first === -1) return 0;
  const end = Buffer.concat(pieces.slice(first).map((piece) => piece.subarray(-3)));
  const last = pieces.slice(first).reduce((sum, { length }) => sum + length, 0);
  const padding = last - (pieces[first]?.indexOf(pad) ?? 0);
  if (padding > 2) return undefined;
  return end.subarray(-padding).every((byte) => byte === pad) ? padding : undefined;
}
