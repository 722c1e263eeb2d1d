// EBML, the binary tree that WebM is written in (RFC 8794): elements of an id, a size and a body. Pure; nothing to close.

/** Not a stream that we can read; the message says at which byte, and what was expected. */
export class WebmError extends Error {
  override readonly name = 'WebmError';
  /** Of the stream, from 0. */
  readonly atByte: number;

  constructor(atByte: number, why: string) {
    super(`at byte ${atByte}: ${why}`);
    this.atByte = atByte;
  }
}

export interface ElementHead {
  /** With its length marker, as the specifications write it. */
  readonly id: number;
  /** Of the body, in bytes; null: its writer did not know (RFC 8794, 6.2). */
  readonly size: number | null;
  readonly headBytes: number;
}

const idBytesMax = 4;
const sizeBytesMax = 8;

/** Undefined while it is not all there. `atByte`: where `at` is in the stream. */
export function elementHead(bytes: Uint8Array, at: number, atByte: number): ElementHead | undefined {
  const first = bytes[at];
  if (first === undefined) return undefined;
  const idBytes = lengthOf(first);
  if (idBytes > idBytesMax) throw new WebmError(atByte, `an element expected, found 0x${hex(first)}`);
  const sizeAt = at + idBytes;
  const sizeFirst = bytes[sizeAt];
  if (sizeFirst === undefined) return undefined;
  const sizeBytes = lengthOf(sizeFirst);
  if (sizeBytes > sizeBytesMax)
    throw new WebmError(atByte + idBytes, `the size of an element expected, found 0x${hex(sizeFirst)}`);
  if (sizeAt + sizeBytes > bytes.length) return undefined;
  const id = unsigned(bytes, at, idBytes);
  const size = vint(bytes, sizeAt, sizeBytes);
  return { id, size: size.state === 'unknown' ? null : size.value, headBytes: idBytes + sizeBytes };
}

export interface Element {
  readonly id: number;
  readonly body: Uint8Array;
  /** Of its head, in the stream. */
  readonly atByte: number;
}

/** Of a body that is all there. */
export function* elementsIn(body: Uint8Array, bodyAtByte: number): Generator<Element> {
  for (let at = 0; at < body.length; ) {
    const atByte = bodyAtByte + at;
    const head = elementHead(body, at, atByte);
    const end = head?.size === null || !head ? Number.POSITIVE_INFINITY : at + head.headBytes + head.size;
    if (!head || end > body.length)
      throw new WebmError(
        atByte,
        `an element is longer than what it is in, which ends at byte ${bodyAtByte + body.length}`,
      );
    yield { id: head.id, body: body.subarray(at + head.headBytes, end), atByte };
    at = end;
  }
}

/** How many bytes a variable-size integer has, by its first one; 9 for none. */
export function lengthOf(first: number): number {
  return Math.clz32(first) - 23;
}

/** A variable-size integer of so many bytes, without its marker. Inexact beyond 2^53, where nothing is looked for. */
export function vint(
  bytes: Uint8Array,
  at: number,
  length: number,
): { readonly state: 'known' | 'unknown'; readonly value: number } {
  const mask = (1 << (8 - length)) - 1;
  let value = (bytes[at] ?? 0) & mask;
  let ones = value === mask;
  for (let index = 1; index < length; index += 1) {
    const byte = bytes[at + index] ?? 0;
    value = value * 256 + byte;
    ones &&= byte === 0xff;
  }
  return { state: ones ? 'unknown' : 'known', value };
}

const numberBytesMax = 8;

/** The value of an element that is a number (RFC 8794, 7). Longer ones would be Infinity or no number at all. */
export function checkNumber(name: string, bytes: number, atByte: number): void {
  if (bytes > numberBytesMax)
    throw new WebmError(atByte, `${name} is a number of ${bytes} bytes, over ${numberBytesMax}`);
}

/** Big endian. Inexact beyond 2^53. */
export function unsigned(bytes: Uint8Array, at = 0, length = bytes.length - at): number {
  let value = 0;
  for (let index = 0; index < length; index += 1) value = value * 256 + (bytes[at + index] ?? 0);
  return value;
}

/** Of an element at `atByte`. Throws WebmError for more than 8 bytes. */
export function signed(bytes: Uint8Array, atByte: number): number {
  checkNumber('an element', bytes.length, atByte);
  const value = unsigned(bytes);
  return bytes.length > 0 && ((bytes[0] ?? 0) & 0x80) !== 0 ? value - 2 ** (8 * bytes.length) : value;
}

export const ascii = (bytes: Uint8Array): string =>
  String.fromCharCode(...bytes.subarray(0, 64)).replace(/\0+$/, '');

export const hex = (value: number): string => value.toString(16).toUpperCase().padStart(2, '0');
