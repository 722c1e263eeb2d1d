// The life of one playback, pure: which word it stands at, what its session is told, and when. The first end wins,
// whoever comes second: a stop that meets the end of the recording, a session that leaves while it is stopped.
//
//     checking ──everything is there──▶ playing ──through──▶ finished
//         └──────────── stop, the session ends ──┴──────────▶ stopped;   it cannot go on: failed
import type { ErrorCode } from '../lifecycle/codes.ts';

type PlaybackWord = 'checking' | 'playing' | 'finished' | 'stopped' | 'failed';

export interface PlaybackState {
  readonly word: PlaybackWord;
  /** In the recording. */
  readonly positionMs: number;
  readonly durationMs: number;
  readonly message: string;
  readonly error: { readonly code: ErrorCode; readonly message: string } | null;
  /** When the session was told last. */
  readonly toldMs: number;
}

export type PlaybackEvent =
  | { readonly type: 'checked'; readonly durationMs: number; readonly nowMs: number }
  | { readonly type: 'at'; readonly positionMs: number; readonly nowMs: number }
  | { readonly type: 'through' }
  | { readonly type: 'stop'; readonly why: string }
  | { readonly type: 'fail'; readonly code: ErrorCode; readonly message: string };

/** `release`: everything that it holds is closed. Comes once, with the end. Nobody is told of what never began. */
type PlaybackEffect = 'tell' | 'release';

export interface PlaybackStep {
  readonly state: PlaybackState;
  readonly effects: readonly PlaybackEffect[];
}

const tellEveryMs = 1000;

export const initialPlayback: PlaybackState = {
  ...{ word: 'checking', positionMs: 0, durationMs: 0, message: 'being checked', error: null, toldMs: 0 },
};

export function next(state: PlaybackState, event: PlaybackEvent): PlaybackStep {
  const { word } = state;
  if (word !== 'checking' && word !== 'playing') return { state, effects: [] };
  switch (event.type) {
    case 'checked':
      return checked(state, event);
    case 'at':
      return word === 'playing' ? moved(state, event) : { state, effects: [] };
    case 'through':
      if (word === 'checking') return { state, effects: [] };
      return ended(word, {
        ...state,
        word: 'finished',
        positionMs: state.durationMs,
        message: 'played to its end',
      });
    case 'stop':
      return ended(word, { ...state, word: 'stopped', message: event.why });
    case 'fail': {
      const { code, message } = event;
      return ended(word, { ...state, word: 'failed', message, error: { code, message } });
    }
  }
}

function checked(
  state: PlaybackState,
  { durationMs, nowMs }: { readonly durationMs: number; readonly nowMs: number },
): PlaybackStep {
  if (state.word !== 'checking') return { state, effects: [] };
  const playing = { ...state, word: 'playing', durationMs, toldMs: nowMs, message: 'it begins' } as const;
  return { state: playing, effects: ['tell'] };
}

function moved(
  state: PlaybackState,
  { positionMs: given, nowMs }: { readonly positionMs: number; readonly nowMs: number },
): PlaybackStep {
  const positionMs = Math.min(Math.max(given, state.positionMs), state.durationMs);
  const at = { ...state, positionMs, message: 'under way' };
  if (nowMs - state.toldMs < tellEveryMs) return { state: at, effects: [] };
  return { state: { ...at, toldMs: nowMs }, effects: ['tell'] };
}

const ended = (before: PlaybackWord, state: PlaybackState): PlaybackStep => ({
  state,
  effects: before === 'playing' ? ['tell', 'release'] : ['release'],
});
