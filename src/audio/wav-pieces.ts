// A WAV in pieces: whatever its format, no more of it is converted at a time than a moment takes. Pure.
import { parseWav, readWavHead, WavError } from './wav.ts';

export interface WavPieces {
  readonly rateHz: number;
  readonly seconds: number;
  /** 16-bit mono, a second each. */
  pieces(): Generator<Int16Array>;
}

/** Throws WavError for what is no WAV that we can read. */
export function wavPieces(file: Uint8Array): WavPieces {
  const head = readWavHead(file);
  if (!head) throw new WavError(`no "data" chunk in its ${file.length} bytes`);
  const { rateHz, dataAt, dataBytes, frameBytes } = head;
  const end = Math.min(file.length, dataAt + dataBytes);
  const frames = Math.floor((end - dataAt) / frameBytes);
  const stepBytes = rateHz * frameBytes;
  return {
    rateHz,
    seconds: frames / rateHz,
    *pieces() {
      for (let at = dataAt; at + frameBytes <= end; at += stepBytes) {
        // With the head before it, each is a file of its own.
        const bytes = file.subarray(at, Math.min(end, at + stepBytes));
        const piece = new Uint8Array(dataAt + bytes.length);
        piece.set(file.subarray(0, dataAt));
        piece.set(bytes, dataAt);
        yield parseWav(piece).pcm;
      }
    },
  };
}
