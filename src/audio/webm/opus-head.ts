// What a WebM says of its Opus: the identification header (RFC 7845, 5.1), which is the CodecPrivate of its track. Pure.
import { ascii, WebmError } from './ebml.ts';

export interface OpusHead {
  readonly channels: number;
  /** To be left out at the beginning, in samples at 48 kHz. */
  readonly preSkip: number;
  /** To be multiplied with. */
  readonly gain: number;
  /** Of the recording, before it was coded; 0: not said. Nothing depends on it. */
  readonly inputRateHz: number;
  /** How its streams make its channels. */
  readonly streams: number;
  readonly coupled: number;
  readonly mapping: readonly number[];
}

/** Whatever was recorded, Opus counts at this rate. */
export const opusRateHz = 48_000;

const headBytes = 19;
const mappingAt = 21;

export function opusHead(bytes: Uint8Array, atByte: number): OpusHead {
  if (bytes.length < headBytes || ascii(bytes.subarray(0, 8)) !== 'OpusHead')
    throw new WebmError(
      atByte,
      `an OpusHead of at least ${headBytes} bytes expected, found ${bytes.length} others`,
    );
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint8(8);
  if (version > 15) throw new WebmError(atByte, `OpusHead has version ${version}, up to 15 expected`);
  const channels = view.getUint8(9);
  const family = view.getUint8(18);
  const facts = {
    channels,
    preSkip: view.getUint16(10, true),
    inputRateHz: view.getUint32(12, true),
    gain: 10 ** (view.getInt16(16, true) / 256 / 20),
  };
  if (family === 0) {
    if (channels !== 1 && channels !== 2)
      throw new WebmError(atByte, `OpusHead has ${channels} channels, 1 or 2 expected of mapping family 0`);
    return { ...facts, streams: 1, coupled: channels - 1, mapping: channels === 2 ? [0, 1] : [0] };
  }
  if (family !== 1) throw new WebmError(atByte, `OpusHead has mapping family ${family}, 0 or 1 expected`);
  if (channels < 1 || channels > 8 || bytes.length < mappingAt + channels)
    throw new WebmError(
      atByte,
      `OpusHead has ${channels} channels in ${bytes.length} bytes, 1 to 8 with a table expected`,
    );
  const [streams = 0, coupled = 0] = bytes.subarray(headBytes, mappingAt);
  const mapping = [...bytes.subarray(mappingAt, mappingAt + channels)];
  const sound =
    streams >= 1 && coupled <= streams && mapping.every((from) => from < streams + coupled || from === 255);
  if (!sound)
    throw new WebmError(
      atByte,
      `OpusHead maps ${channels} channels onto ${streams} streams, ${coupled} of them of two, as cannot be`,
    );
  return { ...facts, streams, coupled, mapping };
}
