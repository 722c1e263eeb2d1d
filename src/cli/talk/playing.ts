// What is to be played, when, and how much of it was heard. Pure: the time is given. Pieces are handed over a moment
// before they are due and no earlier, so that what is stopped was not played, and is known to the millisecond.
import { sessionRateHz } from '../../wire/session-config.ts';

/** One answer, as far as it has come. */
interface Track {
  /** Null: of a session that is over, which cannot be told how much was heard. */
  readonly itemId: string | null;
  readonly contentIndex: number;
  readonly pieces: readonly Int16Array[];
  /** All of it has come. */
  readonly whole: 'yes' | 'no';
  readonly fedSamples: number;
  /** When its first sample was due; null: not begun. Later when the audio did not come in time. */
  readonly startMs: number | null;
}

export interface Heard {
  readonly itemId: string;
  readonly contentIndex: number;
  readonly ms: number;
}

export type Tracks = readonly Track[];

export type Due =
  | { readonly state: 'piece'; readonly tracks: Tracks; readonly pcm: Int16Array }
  | { readonly state: 'later'; readonly tracks: Tracks; readonly inMs: number }
  /** More has to come first. */
  | { readonly state: 'starved'; readonly tracks: Tracks }
  | { readonly state: 'done'; readonly tracks: Tracks };

/** So much is with the player ahead of time: enough for a busy machine, little enough to stop at. */
const leadMs = 250;
const pieceSamples = sessionRateHz / 25;

const toMs = (samples: number) => (samples * 1000) / sessionRateHz;

export function addAudio(tracks: Tracks, itemId: string, contentIndex: number, pcm: Int16Array): Tracks {
  const pieces: Int16Array[] = [];
  for (let at = 0; at < pcm.length; at += pieceSamples) pieces.push(pcm.subarray(at, at + pieceSamples));
  const track = tracks.find((other) => other.itemId === itemId && other.contentIndex === contentIndex);
  if (track) return replaced(tracks, track, { ...track, pieces: [...track.pieces, ...pieces] });
  return [...tracks, { itemId, contentIndex, pieces, whole: 'no', fedSamples: 0, startMs: null }];
}

/** Nothing more comes for any of them. */
export function allWhole(tracks: Tracks): Tracks {
  return tracks.map((track) => ({ ...track, whole: 'yes' }));
}

/** Their session is over: they are played to their end, and nobody can be told. */
export function orphaned(tracks: Tracks): Tracks {
  return tracks.map((track) => ({ ...track, itemId: null, whole: 'yes' }));
}

export function due(tracks: Tracks, nowMs: number): Due {
  const [track] = tracks;
  if (!track) return { state: 'done', tracks };
  const [pcm, ...pieces] = track.pieces;
  const fedMs = toMs(track.fedSamples);
  const startMs = track.startMs ?? nowMs;
  if (!pcm) {
    if (track.whole === 'no') return { state: 'starved', tracks };
    // What the player still has is played before the next one begins.
    const leftMs = startMs + fedMs - nowMs;
    return leftMs > 0 ? { state: 'later', tracks, inMs: leftMs } : due(tracks.slice(1), nowMs);
  }
  const aheadMs = startMs + fedMs - nowMs;
  if (aheadMs > leadMs) return { state: 'later', tracks, inMs: aheadMs - leadMs };
  const fed = {
    ...track,
    pieces,
    fedSamples: track.fedSamples + pcm.length,
    // There was a gap: everything after it is heard later.
    startMs: aheadMs < 0 ? startMs - aheadMs : startMs,
  };
  return { state: 'piece', tracks: replaced(tracks, track, fed), pcm };
}

/** How much of each was heard by now. */
export function heard(tracks: Tracks, nowMs: number): readonly Heard[] {
  return tracks.flatMap(({ itemId, contentIndex, fedSamples, startMs }) => {
    if (itemId === null) return [];
    const ms = startMs === null ? 0 : Math.min(toMs(fedSamples), nowMs - startMs);
    return [{ itemId, contentIndex, ms: Math.max(0, Math.floor(ms)) }];
  });
}

function replaced(tracks: Tracks, old: Track, track: Track): Tracks {
  return tracks.map((other) => (other === old ? track : other));
}
