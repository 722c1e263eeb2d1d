// WAV files: reads what recorders, editors and streaming programs write (8 to 32 bit integers, 32-bit float,
// extensible headers, several channels, sizes never filled in, files cut short) as 16-bit mono, and writes the
// plain kind. Pure functions over bytes; nothing to close.
import { bytesToPcm, pcmToBytes, toSample } from './pcm.ts';

/** Not a WAV that we can read; the message says which chunk, where, and what was expected. */
export class WavError extends Error {
  override readonly name = 'WavError';
}

export interface WavAudio {
  /** Mono; several channels are averaged. May be a view on the file's bytes. */
  readonly pcm: Int16Array;
  readonly rateHz: number;
}

interface Format {
  readonly kind: 'integer' | 'float';
  readonly channels: number;
  readonly rateHz: number;
  readonly bits: number;
}

const riffHeaderBytes = 12;
const chunkHeaderBytes = 8;
const fmtBytesMin = 16;
const extensibleBytesMin = 40;
const headerBytes = 44;
const formatCodes = { integer: 1, float: 3, extensible: 0xfffe } as const;
/** What writers that cannot seek back leave as a size. */
const sizeUnknown = 0xffffffff;

export function parseWav(file: Uint8Array): WavAudio {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  checkRiff(view);
  let format: Format | undefined;
  let at = riffHeaderBytes;
  while (at + chunkHeaderBytes <= view.byteLength) {
    const name = fourCharacters(view, at);
    const sizeBytes = view.getUint32(at + 4, true);
    const bodyAt = at + chunkHeaderBytes;
    if (name === 'fmt ') format = readFormat(view, bodyAt, sizeBytes);
    if (name === 'data') {
      if (!format) throw new WavError(`"data" chunk at offset ${at} comes before any "fmt " chunk`);
      return {
        pcm: readSamples(file, bodyAt, dataEnd(view, bodyAt, sizeBytes), format),
        rateHz: format.rateHz,
      };
    }
    // Chunks start at even offsets, whatever their size says.
    at = bodyAt + sizeBytes + (sizeBytes % 2);
  }
  const missing = format ? '"data"' : '"fmt "';
  throw new WavError(
    `no ${missing} chunk: the file ends at offset ${view.byteLength}, next chunk expected at ${at}`,
  );
}

/** What stands before the samples of a WAV that is still coming. */
export interface WavHead {
  readonly rateHz: number;
  /** Where the samples begin. */
  readonly dataAt: number;
  /** Of the samples; Infinity when the writer did not know. */
  readonly dataBytes: number;
  /** One sample of every channel. */
  readonly frameBytes: number;
}

/** Undefined while `start` does not reach to the samples. */
export function readWavHead(start: Uint8Array): WavHead | undefined {
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  if (view.byteLength < riffHeaderBytes) return undefined;
  checkRiff(view);
  let format: Format | undefined;
  for (let at = riffHeaderBytes; at + chunkHeaderBytes <= view.byteLength; ) {
    const name = fourCharacters(view, at);
    const sizeBytes = view.getUint32(at + 4, true);
    const dataAt = at + chunkHeaderBytes;
    if (name === 'data') {
      if (!format) throw new WavError(`"data" chunk at offset ${at} comes before any "fmt " chunk`);
      const { rateHz, channels, bits } = format;
      // Who writes a stream cannot go back to fill it in.
      const unknown = sizeBytes === sizeUnknown || sizeBytes === 0;
      const dataBytes = unknown ? Number.POSITIVE_INFINITY : sizeBytes;
      return { rateHz, dataAt, dataBytes, frameBytes: (channels * bits) / 8 };
    }
    at = dataAt + sizeBytes + (sizeBytes % 2);
    if (at > view.byteLength) return undefined;
    if (name === 'fmt ') format = readFormat(view, dataAt, sizeBytes);
  }
  return undefined;
}

export function writeWav(pcm: Int16Array, rateHz: number): Uint8Array {
  const file = new Uint8Array(headerBytes + pcm.byteLength);
  file.set(wavHeader(pcm.byteLength, rateHz));
  file.set(pcmToBytes(pcm), headerBytes);
  return file;
}

/** The 44 bytes before `dataBytes` of 16-bit mono samples; a recorder writes it anew when it knows the size. */
export function wavHeader(dataBytes: number, rateHz: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(headerBytes));
  writeCharacters(view, 0, 'RIFF');
  view.setUint32(4, headerBytes - chunkHeaderBytes + dataBytes, true);
  writeCharacters(view, 8, 'WAVEfmt ');
  view.setUint32(16, fmtBytesMin, true);
  view.setUint16(20, formatCodes.integer, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rateHz, true);
  view.setUint32(28, rateHz * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  writeCharacters(view, 36, 'data');
  view.setUint32(40, dataBytes, true);
  return new Uint8Array(view.buffer);
}

function checkRiff(view: DataView): void {
  if (view.byteLength < riffHeaderBytes) {
    throw new WavError(
      `${view.byteLength} bytes are too few for a WAV: the RIFF header alone has ${riffHeaderBytes}`,
    );
  }
  const [magic, kind] = [fourCharacters(view, 0), fourCharacters(view, 8)];
  if (magic !== 'RIFF') throw new WavError(`"RIFF" expected at offset 0, found ${JSON.stringify(magic)}`);
  if (kind !== 'WAVE') throw new WavError(`"WAVE" expected at offset 8, found ${JSON.stringify(kind)}`);
}

function readFormat(view: DataView, at: number, sizeBytes: number): Format {
  const presentBytes = Math.min(sizeBytes, view.byteLength - at);
  if (presentBytes < fmtBytesMin) {
    throw new WavError(
      `"fmt " chunk at offset ${at - 8} has ${presentBytes} bytes, at least ${fmtBytesMin} expected`,
    );
  }
  let code = view.getUint16(at, true);
  if (code === formatCodes.extensible) {
    if (presentBytes < extensibleBytesMin) {
      throw new WavError(
        `extensible "fmt " chunk at offset ${at - 8} has ${presentBytes} bytes, at least ${extensibleBytesMin} expected`,
      );
    }
    // The first two bytes of the sub-format's GUID are the plain format code.
    code = view.getUint16(at + 24, true);
  }
  const channels = view.getUint16(at + 2, true);
  const rateHz = view.getUint32(at + 4, true);
  const frameBytes = view.getUint16(at + 12, true);
  const bits = view.getUint16(at + 14, true);
  if (channels === 0) throw new WavError(`"fmt " chunk at offset ${at - 8}: 0 channels`);
  if (rateHz === 0) throw new WavError(`"fmt " chunk at offset ${at - 8}: a rate of 0 Hz`);
  const kind = sampleKind(code, bits, at);
  if (frameBytes !== (channels * bits) / 8) {
    throw new WavError(
      `"fmt " chunk at offset ${at - 8}: ${frameBytes} bytes a frame, ${(channels * bits) / 8} expected ` +
        `for ${channels} channels of ${bits} bits`,
    );
  }
  return { kind, channels, rateHz, bits };
}

function sampleKind(code: number, bits: number, at: number): Format['kind'] {
  if (code === formatCodes.integer && [8, 16, 24, 32].includes(bits)) return 'integer';
  if (code === formatCodes.float && bits === 32) return 'float';
  throw new WavError(
    `"fmt " chunk at offset ${at - 8}: format ${code} with ${bits} bits is not supported; ` +
      'expected 1 (integer) with 8, 16, 24 or 32 bits, or 3 (float) with 32',
  );
}

/** A file cut short ends where it ends; a size never filled in means the rest of the file. */
function dataEnd(view: DataView, at: number, sizeBytes: number): number {
  // A data size of 0 may be true; it is not when the outer size does not know of the bytes that follow either.
  const outerBytes = view.getUint32(4, true) + chunkHeaderBytes;
  const unknown = sizeBytes === sizeUnknown || (sizeBytes === 0 && outerBytes !== view.byteLength);
  return unknown ? view.byteLength : Math.min(view.byteLength, at + sizeBytes);
}

function readSamples(file: Uint8Array, at: number, end: number, format: Format): Int16Array {
  const { kind, channels, bits } = format;
  if (kind === 'integer' && bits === 16 && channels === 1) return bytesToPcm(file.subarray(at, end));
  const sampleBytes = bits / 8;
  const frames = Math.floor((end - at) / (sampleBytes * channels));
  const read = sampleReader(new DataView(file.buffer, file.byteOffset, file.byteLength), format);
  const pcm = new Int16Array(frames);
  for (let frame = 0; frame < frames; frame++) {
    let sum = 0;
    for (let channel = 0; channel < channels; channel++)
      sum += read(at + (frame * channels + channel) * sampleBytes);
    pcm[frame] = toSample(sum / channels);
  }
  return pcm;
}

/** Every format as a number on the scale of 16 bits, so that averaging and rounding happen once. */
function sampleReader(view: DataView, { kind, bits }: Format): (at: number) => number {
  if (kind === 'float') return (at) => view.getFloat32(at, true) * 32768;
  if (bits === 8) return (at) => (view.getUint8(at) - 128) * 256;
  if (bits === 16) return (at) => view.getInt16(at, true);
  if (bits === 24) return (at) => view.getInt16(at + 1, true) + view.getUint8(at) / 256;
  return (at) => view.getInt32(at, true) / 65536;
}

function fourCharacters(view: DataView, at: number): string {
  return String.fromCharCode(...[0, 1, 2, 3].map((offset) => view.getUint8(at + offset)));
}

function writeCharacters(view: DataView, at: number, text: string): void {
  for (let index = 0; index < text.length; index++) view.setUint8(at + index, text.charCodeAt(index));
}
