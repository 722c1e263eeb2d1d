// How long an Opus packet is, and whether it is one: its table of contents and the lengths of its frames (RFC 6716, 3).
// What passes is what libopus takes; it costs a few bytes to look at, and no decoding. Pure.

export type OpusPacket =
  /** Samples at 48 kHz. */
  { readonly state: 'sound'; readonly samples: number } | { readonly state: 'broken'; readonly why: string };

/** 120 ms. */
const samplesMax = 5760;
const frameBytesMax = 1275;

/** @param streams packets of several streams lie one after the other, all but the last with their lengths: only the first is looked into */
export function opusPacket(bytes: Uint8Array, streams = 1): OpusPacket {
  const toc = bytes[0];
  if (toc === undefined) return broken('a packet has no bytes');
  const frame = frameSamples(toc >> 3);
  const code = toc & 3;
  const frames = code === 0 ? 1 : code === 3 ? (bytes[1] ?? 0) & 0x3f : 2;
  const samples = frame * frames;
  if (frames === 0) return broken('a packet has no frames');
  if (samples > samplesMax) return broken(`a packet has ${frames} frames of ${frame / 48} ms, over 120 ms`);
  // Their lengths are told otherwise there; libopus finds out.
  if (streams > 1) return { state: 'sound', samples };
  const why = lengths(bytes, code, frames);
  return why === null ? { state: 'sound', samples } : broken(why);
}

const broken = (why: string): OpusPacket => ({ state: 'broken', why });

/** By the number of its configuration, at 48 kHz. */
function frameSamples(config: number): number {
  if (config < 12) return [480, 960, 1920, 2880][config & 3] ?? 0;
  if (config < 16) return [480, 960][config & 1] ?? 0;
  return [120, 240, 480, 960][config & 3] ?? 0;
}

/** Null when they fit. The letters are those of RFC 6716, 3.4. */
function lengths(bytes: Uint8Array, code: number, frames: number): string | null {
  const tooLong = (length: number) =>
    length > frameBytesMax ? `a frame has ${length} bytes, over ${frameBytesMax}` : null;
  if (code === 0) return tooLong(bytes.length - 1);
  if (code === 1) {
    // R3
    if (bytes.length % 2 === 0) return `two frames of the same length do not have ${bytes.length - 1} bytes`;
    return tooLong((bytes.length - 1) / 2);
  }
  if (code === 2) {
    // R4
    const first = frameLength(bytes, 1);
    if (!first || first.at + first.length > bytes.length)
      return 'the first of two frames is longer than its packet';
    return tooLong(bytes.length - first.at - first.length);
  }
  return manyLengths(bytes, frames);
}

function manyLengths(bytes: Uint8Array, frames: number): string | null {
  const counts = bytes[1] ?? 0;
  let at = 2;
  let padding = 0;
  if ((counts & 0x40) !== 0) {
    for (;;) {
      const more = bytes[at++];
      if (more === undefined) return 'the padding of a packet has no end';
      padding += more === 255 ? 254 : more;
      if (more !== 255) break;
    }
  }
  const end = bytes.length - padding;
  // R6, R7
  if (end < at) return 'the padding of a packet is longer than it';
  if ((counts & 0x80) === 0) {
    const each = (end - at) / frames;
    if (!Number.isInteger(each)) return `${frames} frames of the same length do not have ${end - at} bytes`;
    return each > frameBytesMax ? `a frame has ${each} bytes, over ${frameBytesMax}` : null;
  }
  let told = 0;
  for (let frame = 0; frame < frames - 1; frame += 1) {
    const length = frameLength(bytes, at);
    if (!length) return 'the lengths of its frames are longer than a packet';
    at = length.at;
    told += length.length;
  }
  const last = end - at - told;
  if (last < 0) return 'the frames of a packet are longer than it';
  return last > frameBytesMax ? `a frame has ${last} bytes, over ${frameBytesMax}` : null;
}

/** One or two bytes (RFC 6716, 3.2.1); `at`: after them. */
function frameLength(
  bytes: Uint8Array,
  at: number,
): { readonly length: number; readonly at: number } | undefined {
  const first = bytes[at];
  if (first === undefined) return undefined;
  if (first < 252) return { length: first, at: at + 1 };
  const second = bytes[at + 1];
  return second === undefined ? undefined : { length: second * 4 + first, at: at + 2 };
}
