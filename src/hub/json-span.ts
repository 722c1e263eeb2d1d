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

/** A byte of a key can be written as `\u0061`. */
const escapedMax = 6;
const shownMax = 80;

export function membersOf<Name extends string>(bytes: Buffer, names: readonly Name[]): Members<Name> {
  // Without a prototype: `__proto__` is a name like any other.
  const members: Partial<Record<Name, Span>> = Object.create(null);
  const nameMax = Math.max(...names.map(({ length }) => length)) * escapedMax;
  let other: string | undefined;
  const scanned = scanJson(bytes, (start, end, keyStart, keyEnd) => {
    // An element: an array has no names.
    if (keyEnd === 0) return;
    const key = keyEnd - keyStart > nameMax ? undefined : keyIn(bytes, keyStart, keyEnd);
    const name = names.find((each) => each === key);
    if (name !== undefined) members[name] = { start, end };
    else other ??= key ?? bytes.toString('utf8', keyStart, Math.min(keyEnd, keyStart + shownMax));
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

function keyIn(bytes: Buffer, start: number, end: number): string {
  const text = bytes.toString('utf8', start, end);
  return text.includes('\\') ? (JSON.parse(`"${text}"`) as string) : text;
}
