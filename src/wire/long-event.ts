// An event in a long text: what is long in it can only be base64, which is taken out and leaves a short text that is
// parsed like every other one. Looks at each byte once, in slices: the reading of 20 MiB takes tens of ms, and other callers
// have their turn in between. Pure, but for the marks, which nobody can know before.
import { randomBytes } from 'node:crypto';
import { Base64Text } from './base64-text.ts';
import { isObject, type JsonObject } from './json.ts';
import { LongText } from './long-text.ts';

export interface LongEvent {
  /** The event, with a mark for each of what was taken out. */
  readonly text: string;
  /** By their marks. A mark is base64 if that was, and not a multiple of four long if that was not. */
  readonly bulks: ReadonlyMap<string, Bulk>;
}

interface Bulk {
  readonly base64: Base64Text;
  /** As it came. */
  readonly raw: readonly Buffer[];
}

/** A string from this length on may be bulk, if it is nothing but base64. */
const bulkCharsMin = 64 * 1024;
/** Of everything else, in bytes: a character has at most four. What is allowed is said in characters. */
const restBytesMax = 4 * 1024 * 1024;
/** What a look for a quote counts, in bytes; they are told some at a time. */
const lookBytes = 64;
const looksMax = 1024;
const quote = 34;
const backslash = 92;
/** The longest escape is `\u002B`. */
const escapeChars = 6;

const plain = 1;
const escaping = 2;
const other = 4;
const kinds = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte === backslash ? escaping : /[A-Za-z0-9+/=]/.test(String.fromCharCode(byte)) ? plain : other,
);
const pairKinds = Uint8Array.from(
  { length: 65_536 },
  (_, pair) => (kinds[pair & 0xff] ?? 0) | (kinds[pair >> 8] ?? 0),
);

/** Steps of the reading say how many bytes were looked at. Undefined: there is too much beside base64. */
export function* readLong({ parts }: LongText): Generator<number, LongEvent | undefined> {
  const nonce = randomBytes(6).toString('base64');
  const bulks = new Map<string, Bulk>();
  const rest: Buffer[] = [];
  let restBytes = 0;
  /** What came since the last quote, in the parts before; and whether that quote was one of the text's own. */
  let stretch: Buffer[] = [];
  let opened: 'plainly' | 'oddly' = 'oddly';
  let looks = 0;
  for (const part of parts) {
    let restFrom = 0;
    let at = 0;
    for (let end = part.indexOf(quote); end !== -1; end = part.indexOf(quote, at)) {
      looks += 1;
      if (looks % looksMax === 0) yield looksMax * lookBytes;
      const length = end - at + lengthOf(stretch);
      const last = end > at ? part[end - 1] : stretch.findLast((piece) => piece.length > 0)?.at(-1);
      const whole = length >= bulkCharsMin && opened === 'plainly' && last !== backslash;
      const pieces = whole ? [...stretch, part.subarray(at, end)] : [];
      const base64 = whole ? yield* bulkOf(pieces) : undefined;
      if (base64) {
        const mark = markOf(base64, `${nonce}${String(bulks.size).padStart(8, '0')}`);
        bulks.set(mark, { base64, raw: pieces });
        rest.push(part.subarray(restFrom, at), Buffer.from(mark));
        restFrom = end;
      } else {
        rest.push(...stretch);
        restBytes += length + 1;
        if (restBytes > restBytesMax) return undefined;
      }
      stretch = [];
      opened = last === backslash ? 'oddly' : 'plainly';
      at = end + 1;
    }
    rest.push(part.subarray(restFrom, at));
    if (at < part.length) stretch.push(part.subarray(at));
    yield part.length;
  }
  if (restBytes + lengthOf(stretch) > restBytesMax) return undefined;
  return { text: Buffer.concat([...rest, ...stretch]).toString(), bulks };
}

/** With the texts in it that were taken out. The audio of an append and of an item stays a mark: it is handled as bytes. */
export function withTexts(value: JsonObject, bulks: LongEvent['bulks']): JsonObject {
  const { type } = value;
  const audio =
    type === 'input_audio_buffer.append' || type === 'conversation.item.create' ? 'marks' : 'texts';
  return restored(value, bulks, audio) as JsonObject;
}

/** A text that holds marks, with what they stand for. */
export function filled(text: string, bulks: LongEvent['bulks']): string | LongText {
  const parts: Buffer[] = [];
  let rest = text;
  for (const [mark, { raw }] of bulks) {
    const at = rest.indexOf(mark);
    if (at === -1) continue;
    parts.push(Buffer.from(rest.slice(0, at)), ...raw);
    rest = rest.slice(at + mark.length);
  }
  return parts.length === 0 ? text : new LongText([...parts, Buffer.from(rest)]);
}

/** What a reader is told in place of what was taken out. */
export function abridged({ text, bulks }: LongEvent): string {
  let short = text;
  for (const [mark, { base64 }] of bulks)
    short = short.replace(mark, `(${base64.length} characters of base64)`);
  return short;
}

function restored(value: unknown, bulks: LongEvent['bulks'], audio: 'marks' | 'texts'): unknown {
  if (typeof value === 'string') return bulks.get(value)?.base64.toString() ?? value;
  if (Array.isArray(value)) return value.map((inner) => restored(inner, bulks, audio));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      audio === 'marks' && key === 'audio' && typeof inner === 'string'
        ? inner
        : restored(inner, bulks, audio),
    ]),
  );
}

function markOf({ state, length }: Base64Text, mark: string): string {
  if (state === 'malformed') return `!${mark.slice(1)}`;
  return length % 4 === 0 ? mark : `${mark}0`;
}

/** Undefined: it is something else. */
function* bulkOf(pieces: readonly Buffer[]): Generator<number, Base64Text | undefined> {
  let seen = 0;
  for (const piece of pieces) {
    seen |= kindsIn(piece);
    if (seen >= other) return undefined;
    yield piece.length;
  }
  return seen === plain ? new Base64Text(pieces) : yield* unescaped(pieces);
}

const lengthOf = (pieces: readonly Buffer[]) => pieces.reduce((sum, { length }) => sum + length, 0);

function kindsIn(bytes: Buffer): number {
  const { byteOffset, buffer, length } = bytes;
  const lead = Math.min(length, byteOffset & 1);
  const pairs = new Uint16Array(buffer, byteOffset + lead, (length - lead) >> 1);
  let seen = lead === 1 ? (kinds[bytes[0] ?? 0] ?? 0) : 0;
  for (let index = 0; index < pairs.length; index += 1) seen |= pairKinds[pairs[index] ?? 0] ?? 0;
  if ((length - lead) % 2 === 1) seen |= kinds[bytes[length - 1] ?? 0] ?? 0;
  return seen;
}

/** Some clients write `\/` for `/`, others `\u002B` for `+`. */
function* unescaped(pieces: readonly Buffer[]): Generator<number, Base64Text> {
  const plainPieces: Buffer[] = [];
  let rest = '';
  for (const [index, piece] of pieces.entries()) {
    const came = rest + piece.toString('latin1');
    // No escape is cut in two.
    const at = came.lastIndexOf('\\');
    const whole = index === pieces.length - 1 || at < came.length - escapeChars ? came.length : at;
    const text = textOf(came.slice(0, whole));
    if (text === undefined) return new Base64Text(pieces, 'malformed');
    plainPieces.push(Buffer.from(text, 'latin1'));
    rest = came.slice(whole);
    yield 2 * piece.length;
  }
  return new Base64Text(plainPieces);
}

function textOf(escaped: string): string | undefined {
  try {
    const text = JSON.parse(`"${escaped}"`) as string;
    return /[^A-Za-z0-9+/=]/.test(text) ? undefined : text;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
