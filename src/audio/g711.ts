// G.711, the telephone's coding: 8 bits a sample, in logarithmic steps. Bit for bit what ITU-T G.711 says and G.191's
// reference does, scaled to 16 bits: decoding gives the quantised values of the standard's tables, encoding goes by
// their decision values, and a sample that lies on one goes to the larger positive or the smaller negative magnitude.
// Pure functions; nothing to close.

/** The tables of the standard have 14 bits for µ-law, and 13 for A-law. */
const ulawShift = 2;
const alawShift = 4;
/** The µ-law curve is a straight line in logarithms once this is added to the magnitude. */
const ulawBias = 33;
const ulawMax = 0x1fff;

/** What travels has every second bit turned over, so that silence is not a row of equal bits. */
const alawToggle = 0x55;
const signBit = 0x80;

const ulawValues = Int16Array.from({ length: 256 }, (_, code) => ulawValue(code));
const alawValues = Int16Array.from({ length: 256 }, (_, code) => alawValue(code));

export function decodeUlaw(codes: Uint8Array): Int16Array {
  return decode(codes, ulawValues);
}

export function decodeAlaw(codes: Uint8Array): Int16Array {
  return decode(codes, alawValues);
}

export function encodeUlaw(pcm: Int16Array): Uint8Array {
  const codes = new Uint8Array(pcm.length);
  for (let index = 0; index < codes.length; index++) codes[index] = ulawCode(pcm[index]!);
  return codes;
}

export function encodeAlaw(pcm: Int16Array): Uint8Array {
  const codes = new Uint8Array(pcm.length);
  for (let index = 0; index < codes.length; index++) codes[index] = alawCode(pcm[index]!);
  return codes;
}

function decode(codes: Uint8Array, values: Int16Array): Int16Array {
  const pcm = new Int16Array(codes.length);
  for (let index = 0; index < pcm.length; index++) pcm[index] = values[codes[index]!]!;
  return pcm;
}

/** Of two numbers as far from zero, one positive and one negative, the complement has the magnitude of the lesser. */
function magnitudeOf(sample: number): number {
  return sample < 0 ? ~sample : sample;
}

function bitsIn(value: number): number {
  return 32 - Math.clz32(value);
}

function ulawCode(sample: number): number {
  const biased = Math.min((magnitudeOf(sample) >> ulawShift) + ulawBias, ulawMax);
  const segment = bitsIn(biased >> 6);
  const step = (biased >> (segment + 1)) & 0xf;
  // All its bits are turned over on the wire.
  return (sample < 0 ? 0 : signBit) | ((7 - segment) << 4) | (0xf - step);
}

function ulawValue(code: number): number {
  const segment = (~code >> 4) & 0x7;
  const step = ~code & 0xf;
  const magnitude = (((2 * step + ulawBias) << segment) - ulawBias) << ulawShift;
  return (code & signBit) === 0 ? 0 - magnitude : magnitude;
}

/** The first two segments have equal steps; from then on each has twice those of the one before. */
function alawCode(sample: number): number {
  const magnitude = magnitudeOf(sample) >> alawShift;
  const segment = bitsIn(magnitude >> 4);
  const code = segment === 0 ? magnitude : (segment << 4) | ((magnitude >> (segment - 1)) & 0xf);
  return ((sample < 0 ? 0 : signBit) | code) ^ alawToggle;
}

function alawValue(code: number): number {
  const plain = code ^ alawToggle;
  const segment = (plain >> 4) & 0x7;
  const step = plain & 0xf;
  // The middle of the step, in halves of one.
  const halves = segment === 0 ? 2 * step + 1 : (2 * step + 33) << (segment - 1);
  const magnitude = halves << (alawShift - 1);
  return (plain & signBit) === 0 ? 0 - magnitude : magnitude;
}
