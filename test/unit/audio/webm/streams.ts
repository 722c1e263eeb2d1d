// WebM made by hand, element by element, for what no recorder would write.
import { PlaceListener, PlaceTeller } from '../../../../src/audio/decoding/place-changes.ts';
import type { StreamPlace, WebmDemuxer } from '../../../../src/audio/webm/demuxer.ts';

export const tonePath = new URL('../../../fixtures/webm/tone.webm', import.meta.url);

/** An element, its id as the specifications write it; `size` in place of the true one. */
export function element(
  id: number,
  body: Uint8Array | readonly Uint8Array[],
  size?: number | 'unknown',
): Uint8Array {
  const bytes = body instanceof Uint8Array ? body : joined(...body);
  return joined(number(id), sizeOf(size ?? bytes.length), bytes);
}

export const joined = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

export const number = (value: number): Uint8Array => {
  const digits = value.toString(16);
  return new Uint8Array(Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex'));
};

function sizeOf(size: number | 'unknown'): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(size === 'unknown' ? 0xff_ffff_ffff_ffffn : BigInt(size));
  bytes[0] = 1;
  return new Uint8Array(bytes);
}

export function opusHeadBytes({
  channels = 1,
  preSkip = 0,
  family = 0,
  version = 1,
  gain = 0,
} = {}): Uint8Array {
  const bytes = Buffer.alloc(19);
  bytes.write('OpusHead', 'latin1');
  bytes.writeUInt8(version, 8);
  bytes.writeUInt8(channels, 9);
  bytes.writeUInt16LE(preSkip, 10);
  bytes.writeUInt32LE(48_000, 12);
  bytes.writeInt16LE(gain, 16);
  bytes.writeUInt8(family, 18);
  return new Uint8Array(bytes);
}

export const ebmlHeader = element(0x1a45dfa3, element(0x4282, new Uint8Array(Buffer.from('webm'))));

export interface TrackGiven {
  readonly number?: number;
  readonly type?: number;
  readonly codec?: string;
  readonly head?: Uint8Array | null;
  readonly more?: readonly Uint8Array[];
}

export function track({
  number: of = 1,
  type = 2,
  codec = 'A_OPUS',
  head = opusHeadBytes(),
  more = [],
}: TrackGiven = {}) {
  return element(0xae, [
    element(0xd7, number(of)),
    element(0x83, number(type)),
    element(0x86, new Uint8Array(Buffer.from(codec))),
    ...(head ? [element(0x63a2, head)] : []),
    ...more,
  ]);
}

export const tracks = (...entries: readonly Uint8Array[]) => element(0x1654ae6b, entries);
/** Of a known size, as files have it, or open. */
export const segment = (body: readonly Uint8Array[], size?: 'unknown') => element(0x18538067, body, size);
export const cluster = (body: readonly Uint8Array[], size?: 'unknown') =>
  element(0x1f43b675, [element(0xe7, Uint8Array.of(0)), ...body], size);

/** Flags: 0x80 key frame; lacing 0x02 Xiph, 0x04 same length, 0x06 EBML. */
export const blockBody = (frames: Uint8Array, { track: of = 1, flags = 0x80 } = {}) =>
  joined(Uint8Array.of(0x80 | of, 0, 0, flags), frames);
export const simpleBlock = (
  frames: Uint8Array,
  given?: { readonly track?: number; readonly flags?: number },
) => element(0xa3, blockBody(frames, given));

/** One frame of 20 ms, CELT, of so many bytes: an Opus packet of code 0. */
export const packet = (bytes = 10, fill = 0): Uint8Array => {
  const all = new Uint8Array(bytes).fill(fill);
  all[0] = 0xf8;
  return all;
};

/** How to go on from here, as the other thread is told it. */
export function placeOf({ stand }: WebmDemuxer): StreamPlace {
  const listener = new PlaceListener();
  const change = new PlaceTeller().change(stand);
  if (change) listener.hear(change);
  if (!listener.place) throw new Error('there is no place');
  return listener.place;
}
