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

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const openObject = 0x7b;
const closeObject = 0x7d;
const openArray = 0x5b;
const closeArray = 0x5d;
const [trueWord, falseWord, nullWord] = [Buffer.from('true'), Buffer.from('false'), Buffer.from('null')];
/** What may follow a backslash, but for `u`. */
const escapes = new Set(Buffer.from('"\\/bfnrt'));
const u = 0x75;

/**
 * `onPart` may have been told of parts when what follows turns out to be bad. A key stands between its quotes. All of
 * its state is in local variables: in a closure or an object it takes twice as long.
 */
export function scanJson(bytes: Uint8Array, onPart?: OnPart): Scanned {
  /** What encloses what is open, as the bytes that close it. */
  const outer: number[] = [];
  /** Of what is open; 0: nothing is. */
  let closing = 0;
  const start = skipSpace(bytes, 0);
  let at = start;
  let partStart = 0;
  let keyStart = 0;
  let keyEnd = 0;
  for (;;) {
    if (closing === closeObject) {
      if (bytes[at] !== quote) return { state: 'bad', at };
      const end = stringEnd(bytes, at);
      if (end < 0) return { state: 'bad', at: ~end };
      if (outer.length === 1) {
        keyStart = at + 1;
        keyEnd = end - 1;
      }
      at = skipSpace(bytes, end);
      if (bytes[at] !== colon) return { state: 'bad', at };
      at = skipSpace(bytes, at + 1);
    }
    if (outer.length === 1) partStart = at;
    const byte = bytes[at];
    if (byte === openObject || byte === openArray) {
      const ends = byte === openObject ? closeObject : closeArray;
      at = skipSpace(bytes, at + 1);
      if (bytes[at] !== ends) {
        outer.push(closing);
        closing = ends;
        continue;
      }
      at += 1;
    } else {
      const end = byte === quote ? stringEnd(bytes, at) : plainEnd(bytes, at);
      if (end < 0) return { state: 'bad', at: ~end };
      at = end;
    }
    // A value has ended: what encloses it goes on, or ends as well.
    for (;;) {
      if (closing === 0) {
        const end = at;
        at = skipSpace(bytes, at);
        if (at < bytes.length) return { state: 'bad', at };
        return { state: 'json', kind: kindOf(bytes[start]), start, end };
      }
      if (outer.length === 1) onPart?.(partStart, at, keyStart, keyEnd);
      at = skipSpace(bytes, at);
      if (bytes[at] === comma) break;
      if (bytes[at] !== closing) return { state: 'bad', at };
      closing = outer.pop() ?? 0;
      at += 1;
    }
    at = skipSpace(bytes, at + 1);
  }
}

function kindOf(first: number | undefined): JsonKind {
  if (first === openObject) return 'object';
  if (first === openArray) return 'array';
  return first === quote ? 'string' : 'plain';
}

function skipSpace(bytes: Uint8Array, from: number): number {
  for (let at = from; ; at += 1) {
    const byte = bytes[at];
    if (byte === undefined || byte > 0x20) return at;
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return at;
  }
}

/** From its quote to behind its other one; `~at` where it is bad. */
function stringEnd(bytes: Uint8Array, from: number): number {
  const { length } = bytes;
  for (let at = from + 1; at < length; at += 1) {
    const byte = bytes[at] as number;
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
  const byte = bytes[from];
  if (byte === 0x74) return wordEnd(bytes, from, trueWord);
  if (byte === 0x66) return wordEnd(bytes, from, falseWord);
  return byte === 0x6e ? wordEnd(bytes, from, nullWord) : numberEnd(bytes, from);
}

function wordEnd(bytes: Uint8Array, from: number, word: Uint8Array): number {
  for (let at = 1; at < word.length; at += 1) if (bytes[from + at] !== word[at]) return ~(from + at);
  return from + word.length;
}

function numberEnd(bytes: Uint8Array, from: number): number {
  let at = bytes[from] === 0x2d ? from + 1 : from;
  // Nothing follows a leading zero.
  at = bytes[at] === 0x30 ? at + 1 : digitsEnd(bytes, at);
  if (at < 0) return at;
  if (bytes[at] === 0x2e) at = digitsEnd(bytes, at + 1);
  if (at < 0) return at;
  const exponent = bytes[at];
  if (exponent !== 0x65 && exponent !== 0x45) return at;
  const sign = bytes[at + 1];
  return digitsEnd(bytes, sign === 0x2b || sign === 0x2d ? at + 2 : at + 1);
}

/** One at least. */
function digitsEnd(bytes: Uint8Array, from: number): number {
  let at = from;
  while (isDigit(bytes[at])) at += 1;
  return at === from ? ~at : at;
}

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x30 && byte <= 0x39;

const isHex = (byte: number | undefined): boolean =>
  isDigit(byte) || (byte !== undefined && (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66);
