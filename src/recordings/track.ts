// One side's sound as a WAV of a given length: PCM16 at the session's rate. Pure.
import { wavHeader } from '../audio/wav.ts';
import { sessionRateHz } from '../wire/session-config.ts';
import type { Track } from './facts.ts';
import { fileNames, type Part as TrackName } from './names.ts';

export type { TrackName };

const headBytes = wavHeader(0, sessionRateHz).length;

/** Of a file with so many bytes, the header among them. */
export function head(fileBytes: number): Uint8Array {
  return wavHeader(dataBytes(fileBytes), sessionRateHz);
}

export function trackOf(name: TrackName, fileBytes: number, formats: readonly string[]): Track {
  const samples = dataBytes(fileBytes) / 2;
  const durationMs = Math.round((samples * 1000) / sessionRateHz);
  return { file: fileNames[name], rateHz: sessionRateHz, samples, durationMs, formats };
}

/** Whole samples: the disk may have taken half of one. */
function dataBytes(fileBytes: number): number {
  const bytes = Math.max(0, fileBytes - headBytes);
  return bytes - (bytes % 2);
}
