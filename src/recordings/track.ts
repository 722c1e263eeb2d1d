// One piece of a side's sound as it lies in a file: a WAV of a given length (PCM16 at the session's rate), or WebM/Opus as
// it came. Pure.
import { wavHeader } from '../audio/wav.ts';
import { opusRateHz } from '../audio/webm/opus-head.ts';
import { sessionRateHz } from '../wire/session-config.ts';
import type { Track } from './facts.ts';
import { fileNames, type Part as TrackName } from './names.ts';

export type { TrackName };

const headBytes = wavHeader(0, sessionRateHz).length;

/** Of a file with so many bytes, the header among them. */
export function head(fileBytes: number): Uint8Array {
  return wavHeader(dataBytes(fileBytes), sessionRateHz);
}

export function wavTrack(file: string, fileBytes: number, formats: readonly string[]): Track {
  const samples = dataBytes(fileBytes) / 2;
  const durationMs = Math.round((samples * 1000) / sessionRateHz);
  return { file, container: 'wav', codec: 'pcm', rateHz: sessionRateHz, samples, durationMs, formats };
}

export function trackOf(name: TrackName, fileBytes: number, formats: readonly string[]): Track {
  return wavTrack(fileNames[name], fileBytes, formats);
}

/** `samples`: at 48 kHz, as Opus counts. */
export function webmTrack(file: string, samples: number): Track {
  const durationMs = Math.round((samples * 1000) / opusRateHz);
  return {
    file,
    container: 'webm',
    codec: 'opus',
    rateHz: opusRateHz,
    samples,
    durationMs,
    formats: ['audio/webm'],
  };
}

/** Whole samples: the disk may have taken half of one. */
function dataBytes(fileBytes: number): number {
  const bytes = Math.max(0, fileBytes - headBytes);
  return bytes - (bytes % 2);
}
