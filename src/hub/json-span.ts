// Where the parts of JSON stand in its bytes, so that they go on as they came: JSON.parse spoils large integers, and
// what is written anew has lost its escapes and its spaces. Pure.
import { type JsonKind, scanJson } from './json-scan.ts';

export interface Span {
  readonly start: number;
  readonly end: number;
}

export type Members<Name extends string> =
  | {
      readonly state: 'json';
      readonly kind: JsonKind;
      /** The value, without the space around it. */
      readonly value: Span;
      /** Of an object: the values of the names that were asked for. Of two of one name the last one, as JSON.parse has it. */
      readonly members: Readonly<Partial<Record<Name, Span>>>;
      /** The first name that was not asked for. */
      readonly other: string | undefined;
    }
  | { readonly state: 'bad'; readonly at: number };

const backslash = 0x5c;
/** No name that anybody asks for is as long, however it is written. */
const escapedBytesMax = 1024;
const shownMax = 80;

/** Names to ask for, again and again. */
export interface Names<Name extends string> {
  readonly names: readonly Name[];
  readonly spellings: readonly Buffer[];
}

export function namesOf<Name extends string>(...names: Name[]): Names<Name> {
  return { names, spellings: names.map((name) => Buffer.from(name)) };
}

export function membersOf<Name extends string>(
  bytes: Buffer,
  { names, spellings }: Names<Name>,
): Members<Name> {
  // Without a prototype: `__proto__` is a name like any other.
  const members: Partial<Record<Name, Span>> = Object.create(null);
  let other: string | undefined;
  const scanned = scanJson(bytes, (start, end, keyStart, keyEnd) => {
    // An element: an array has no names.
    if (keyEnd === 0) return;
    const name = names[indexOfName(bytes, keyStart, keyEnd, spellings)];
    if (name !== undefined) members[name] = { start, end };
    else other ??= shownKey(bytes, keyStart, keyEnd);
  });
  if (scanned.state === 'bad') return scanned;
  const { kind, start, end } = scanned;
  return { state: 'json', kind, value: { start, end }, members, other };
}

/** Of an array. Undefined when it is none. */
export function elementsOf(bytes: Uint8Array): readonly Span[] | undefined {
  const elements: Span[] = [];
  const scanned = scanJson(bytes, (start, end) => elements.push({ start, end }));
  return scanned.state === 'json' && scanned.kind === 'array' ? elements : undefined;
}

/** -1: none. A text is made only of a key with escapes. */
function indexOfName(bytes: Buffer, start: number, end: number, names: readonly Buffer[]): number {
  for (let index = 0; index < names.length; index += 1)
    if (isSame(bytes, start, end, names[index] as Buffer)) return index;
  let at = start;
  while (at < end && bytes[at] !== backslash) at += 1;
  if (at === end || end - start > escapedBytesMax) return -1;
  const key = Buffer.from(JSON.parse(`"${bytes.toString('utf8', start, end)}"`) as string);
  return names.findIndex((name) => name.equals(key));
}

function isSame(bytes: Buffer, start: number, end: number, name: Buffer): boolean {
  if (end - start !== name.length) return false;
  for (let at = 0; at < name.length; at += 1) if (bytes[start + at] !== name[at]) return false;
  return true;
}

function shownKey(bytes: Buffer, start: number, end: number): string {
  const key = bytes.toString('utf8', start, Math.min(end, start + shownMax));
  return end - start <= shownMax && key.includes('\\') ? (JSON.parse(`"${key}"`) as string) : key;
}
