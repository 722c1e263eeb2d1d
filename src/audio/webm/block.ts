// A block: its track, and the frames in it (RFC 9559, 10.2 and 10.3). Pure.
import { lengthOf, vint, WebmError } from './ebml.ts';

/** Track number (one byte is not all that it may have), timestamp, flags. */
const headBytesMin = 4;

/** Undefined while it is not there. */
export function trackNumberAt(block: Uint8Array, atByte: number): number | undefined {
  const [first] = block;
  if (first === undefined) return undefined;
  const length = lengthOf(first);
  if (length > 8) throw new WebmError(atByte, 'a block has no track');
  return length > block.length ? undefined : vint(block, 0, length).value;
}

/** Views on it, in their order. */
export function blockFrames(block: Uint8Array, atByte: number): readonly Uint8Array[] {
  const flagsAt = lengthOf(block[0] ?? 0) + 2;
  if (block.length < headBytesMin || flagsAt >= block.length)
    throw new WebmError(atByte, `a block has ${block.length} bytes, too few for its head`);
  const lacing = ((block[flagsAt] ?? 0) >> 1) & 3;
  const at = flagsAt + 1;
  if (lacing === 0) return [block.subarray(at)];
  const frames = (block[at] ?? 0) + 1;
  if (at >= block.length) throw new WebmError(atByte, 'a block does not say how many frames it has');
  if (lacing === 2) return sameLength(block, at + 1, frames, atByte);
  return lacing === 1 ? xiph(block, at + 1, frames, atByte) : ebml(block, at + 1, frames, atByte);
}

function sameLength(block: Uint8Array, at: number, frames: number, atByte: number): readonly Uint8Array[] {
  const length = (block.length - at) / frames;
  if (!Number.isInteger(length))
    throw new WebmError(atByte, `${frames} frames of the same length do not have ${block.length - at} bytes`);
  return cut(block, at, new Array<number>(frames - 1).fill(length), atByte);
}

/** Each is a row of 255 and what is below it. */
function xiph(block: Uint8Array, from: number, frames: number, atByte: number): readonly Uint8Array[] {
  const lengths: number[] = [];
  let at = from;
  while (lengths.length < frames - 1) {
    let length = 0;
    for (;;) {
      const byte = block[at++];
      if (byte === undefined) throw tooLong(atByte);
      length += byte;
      if (byte !== 255) break;
    }
    lengths.push(length);
  }
  return cut(block, at, lengths, atByte);
}

/** The first as it is, the others by how much longer they are than the one before. */
function ebml(block: Uint8Array, from: number, frames: number, atByte: number): readonly Uint8Array[] {
  const lengths: number[] = [];
  let at = from;
  let length = 0;
  while (lengths.length < frames - 1) {
    const bytes = lengthOf(block[at] ?? 0);
    if (at + bytes > block.length) throw tooLong(atByte);
    const { value } = vint(block, at, bytes);
    // Its middle is no difference.
    length = lengths.length === 0 ? value : length + value - (2 ** (7 * bytes - 1) - 1);
    if (length < 0) throw new WebmError(atByte, 'a frame of a block has less than no bytes');
    lengths.push(length);
    at += bytes;
  }
  return cut(block, at, lengths, atByte);
}

/** The last one has what is left. */
function cut(
  block: Uint8Array,
  from: number,
  lengths: readonly number[],
  atByte: number,
): readonly Uint8Array[] {
  const frames: Uint8Array[] = [];
  let at = from;
  for (const length of lengths) {
    if (at + length > block.length) throw tooLong(atByte);
    frames.push(block.subarray(at, at + length));
    at += length;
  }
  return [...frames, block.subarray(at)];
}

const tooLong = (atByte: number) => new WebmError(atByte, 'the frames of a block are longer than it');
