// Whether bytes are JSON, found without making anything of them: a megabyte of `{}` costs JSON.parse tens of ms, and
// what is published goes on as it came. Takes what JSON.parse takes, no more and no less; the bytes are UTF-8. Pure.

export type Scanned =
  /** Where the value stands, without the space around it. */
  | { readonly state: 'json'; readonly kind: JsonKind; readonly start: number; readonly end: number }
  /** `at`: the first byte that cannot follow; the length, where it ends too early. */
  | { readonly state: 'bad'; readonly at: number };

export type JsonKind = 'object' | 'array' | 'string' | 'plain';

/** A member of the outermost object, or an element of the outermost array, where it stands. */
export type OnPart = (start: number, end: number, keyStart: number, keyEnd: number) => void;

const [quote, backslash, comma, colon, minus, plus, dot, zero] = [
  0x22, 0x5c, 0x2c, 0x3a, 0x2d, 0x2b, 0x2e, 0x30,
];
const [openObject, closeObject, openArray, closeArray] = [0x7b, 0x7d, 0x5b, 0x5d];
const words = new Map(['true', 'false', 'null'].map((word) => [word.charCodeAt(0), Buffer.from(word)]));
/** What may follow a backslash, but for `u`. */
const escapes = new Set(Buffer.from('"\\/bfnrt'));
const u = 0x75;

/** `onPart` may have been told of parts when what follows turns out to be bad. A key stands between its quotes. */
export function scanJson(bytes: Uint8Array, onPart?: OnPart): Scanned {
  const { length } = bytes;
  /** What is open, as the byte that closes it. */
  const open: number[] = [];
  const start = skipSpace(bytes, 0);
  let [at, partStart, keyStart, keyEnd] = [start, 0, 0, 0];
  /** Reads `"key" :`, and stands at the value. False: bad, at `at`. */
  const key = (): boolean => {
    if (bytes[at] !== quote) return false;
    const end = stringEnd(bytes, at);
    if (end < 0) {
      at = ~end;
      return false;
    }
    if (open.length === 1) [keyStart, keyEnd] = [at + 1, end - 1];
    at = skipSpace(bytes, end);
    if (bytes[at] !== colon) return false;
    at = skipSpace(bytes, at + 1);
    return true;
  };
  for (;;) {
    const byte = bytes[at];
    if (open.length === 1) partStart = at;
    if (byte === openObject || byte === openArray) {
      const closing = byte === openObject ? closeObject : closeArray;
      at = skipSpace(bytes, at + 1);
      if (bytes[at] === closing) at += 1;
      else {
        open.push(closing);
        if (closing === closeObject && !key()) return { state: 'bad', at };
        continue;
      }
    } else {
      const end = byte === quote ? stringEnd(bytes, at) : plainEnd(bytes, at);
      if (end < 0) return { state: 'bad', at: ~end };
      at = end;
    }
    // A value has ended: what encloses it goes on, or ends as well.
    for (;;) {
      const closing = open.at(-1);
      if (closing === undefined) {
        const end = at;
        at = skipSpace(bytes, at);
        return at === length
          ? { state: 'json', kind: kindOf(bytes[start]), start, end }
          : { state: 'bad', at };
      }
      if (open.length === 1) onPart?.(partStart, at, keyStart, keyEnd);
      at = skipSpace(bytes, at);
      if (bytes[at] === closing) {
        open.pop();
        at += 1;
      } else if (bytes[at] === comma) {
        at = skipSpace(bytes, at + 1);
        if (closing === closeObject && !key()) return { state: 'bad', at };
        break;
      } else return { state: 'bad', at };
    }
  }
}

function kindOf(first: number | undefined): JsonKind {
  if (first === openObject) return 'object';
  if (first === openArray) return 'array';
  return first === quote ? 'string' : 'plain';
}

function skipSpace(bytes: Uint8Array, from: number): number {
  let at = from;
  for (;;) {
    const byte = bytes[at];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return at;
    at += 1;
  }
}

/** From its quote to behind its other one; `~at` where it is bad. */
function stringEnd(bytes: Uint8Array, from: number): number {
  const { length } = bytes;
  for (let at = from + 1; at < length; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte === quote) return at + 1;
    if (byte < 0x20) return ~at;
    if (byte !== backslash) continue;
    at += 1;
    const escaped = bytes[at] ?? 0;
    if (escapes.has(escaped)) continue;
    if (escaped !== u) return ~at;
    for (const last = at + 4; at < last; at += 1) if (!isHex(bytes[at + 1])) return ~(at + 1);
  }
  return ~length;
}

/** A number or a word. */
function plainEnd(bytes: Uint8Array, from: number): number {
  const word = words.get(bytes[from] ?? 0);
  if (!word) return numberEnd(bytes, from);
  for (const [at, byte] of word.entries()) if (bytes[from + at] !== byte) return ~(from + at);
  return from + word.length;
}

function numberEnd(bytes: Uint8Array, from: number): number {
  let at = bytes[from] === minus ? from + 1 : from;
  if (bytes[at] === zero) at += 1;
  else if ((at = digitsEnd(bytes, at)) < 0) return at;
  if (bytes[at] === dot && (at = digitsEnd(bytes, at + 1)) < 0) return at;
  // `e` or `E`.
  if (((bytes[at] ?? 0) | 0x20) !== 0x65) return at;
  at += 1;
  if (bytes[at] === plus || bytes[at] === minus) at += 1;
  return digitsEnd(bytes, at);
}

/** One at least. */
function digitsEnd(bytes: Uint8Array, from: number): number {
  let at = from;
  while (isDigit(bytes[at])) at += 1;
  return at === from ? ~at : at;
}

const isDigit = (byte = 0): boolean => byte >= 0x30 && byte <= 0x39;

const isHex = (byte = 0): boolean => isDigit(byte) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66);
