// A session with everything that is kept of it, to be taken elsewhere: as data, as a text to read, as subtitles. In pieces
// of a size that nobody notices. Pure.
import type { ExportFormat, SessionWhole } from '../archive.ts';
import type { ItemRow } from '../store.ts';
import { jsonParts } from './as-json.ts';
import { textParts } from './as-text.ts';
import { vttParts } from './as-vtt.ts';

export interface KeptSession extends SessionWhole {
  /** In the order of the conversation. */
  readonly items: readonly ItemRow[];
}

const pieceChars = 32 * 1024;

/** @param take a recording from whose beginning times count. @returns nothing when there is no such recording */
export function exported(kept: KeptSession, format: ExportFormat, take: number | null): readonly string[] {
  const recording = kept.recordings.find((one) => one.take === take);
  if (take !== null && !recording) return [];
  const zeroMs = recording?.startedAtMs ?? kept.session.openedAtMs;
  return [...inPieces(partsOf(kept, format, zeroMs))];
}

function partsOf(kept: KeptSession, format: ExportFormat, zeroMs: number): Iterable<string> {
  switch (format) {
    case 'json':
      return jsonParts(kept);
    case 'text':
      return textParts(kept, zeroMs);
    case 'vtt':
      return vttParts(kept, zeroMs);
  }
}

function* inPieces(parts: Iterable<string>): Generator<string> {
  let piece = '';
  for (const part of parts) {
    piece += part;
    if (piece.length < pieceChars) continue;
    yield piece;
    piece = '';
  }
  if (piece !== '') yield piece;
}
