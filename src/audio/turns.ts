// Decides where a caller's turns begin and end, from the speech probability of each frame of audio (server VAD).
// Pure: the state is a value, time is the position in the audio stream, and there is nothing to close.
//
//   quiet -> rising -> speaking <-> trailing -> quiet
//   rising -> quiet when the sound was too short to be speech

export interface TurnOptions {
  /** Probability from which a frame counts as speech. */
  readonly threshold: number;
  /** Audio before the first speech that belongs to the turn as well. */
  readonly prefixPaddingMs: number;
  /** Silence that ends a turn. */
  readonly silenceDurationMs: number;
  /** Speech that it takes to start a turn, so that a click is none. */
  readonly minSpeechMs: number;
}

export interface SpeechFrame {
  /** Probability of speech, 0 to 1. */
  readonly speech: number;
  readonly frameMs: number;
}

/** `atMs` is a position in the audio stream: where the turn's audio starts (padding included), and where it ends. */
export type TurnEvent =
  | { readonly type: 'speech_started'; readonly atMs: number }
  | { readonly type: 'speech_stopped'; readonly atMs: number };

/** `sinceMs` is the position where the present phase began. */
type TurnPhase =
  | { readonly is: 'quiet' | 'speaking' }
  | { readonly is: 'rising'; readonly sinceMs: number }
  | { readonly is: 'trailing'; readonly sinceMs: number };

export interface TurnState {
  readonly options: TurnOptions;
  readonly phase: TurnPhase;
  /** End of the last frame. */
  readonly positionMs: number;
  /** No turn starts before it: the end of the turn before, or the last reset. */
  readonly floorMs: number;
}

export interface TurnStep {
  readonly state: TurnState;
  readonly events: readonly TurnEvent[];
}

const defaults: TurnOptions = {
  threshold: 0.5,
  prefixPaddingMs: 300,
  silenceDurationMs: 500,
  minSpeechMs: 96,
};

/** Speech goes on until the probability is this much lower than it was to begin, so that it does not flicker. */
const hysteresis = 0.15;
const exitThresholdMin = 0.01;

export function initialTurnState(options: Partial<TurnOptions> = {}): TurnState {
  return { options: { ...defaults, ...options }, phase: { is: 'quiet' }, positionMs: 0, floorMs: 0 };
}

/** Takes effect with the next frame; a turn under way goes on. */
export function withTurnOptions(state: TurnState, options: Partial<TurnOptions>): TurnState {
  return { ...state, options: { ...state.options, ...options } };
}

/** Forgets any turn under way, without an event. No later turn reaches back before `positionMs`. */
export function resetTurns(state: TurnState, positionMs: number): TurnState {
  return { ...state, phase: { is: 'quiet' }, positionMs, floorMs: Math.ceil(positionMs) };
}

export function next(state: TurnState, frame: SpeechFrame): TurnStep {
  const { phase, options } = state;
  const now: TurnState = { ...state, positionMs: state.positionMs + frame.frameMs };
  const enters = frame.speech >= options.threshold;
  const leaves = frame.speech < Math.max(options.threshold - hysteresis, exitThresholdMin);
  switch (phase.is) {
    case 'quiet':
      return enters ? rise(now, state.positionMs) : still(now);
    case 'rising':
      // A frame between the thresholds neither proves speech nor ends the attempt.
      if (leaves) return still({ ...now, phase: { is: 'quiet' } });
      return enters ? rise(now, phase.sinceMs) : still(now);
    case 'speaking':
      return leaves ? trail(now, state.positionMs) : still(now);
    case 'trailing':
      return enters ? still({ ...now, phase: { is: 'speaking' } }) : trail(now, phase.sinceMs);
  }
}

function still(state: TurnState): TurnStep {
  return { state, events: [] };
}

function rise(state: TurnState, sinceMs: number): TurnStep {
  const { minSpeechMs, prefixPaddingMs } = state.options;
  if (state.positionMs - sinceMs < minSpeechMs) return still({ ...state, phase: { is: 'rising', sinceMs } });
  const atMs = Math.max(state.floorMs, Math.round(sinceMs - prefixPaddingMs));
  return { state: { ...state, phase: { is: 'speaking' } }, events: [{ type: 'speech_started', atMs }] };
}

/** The silence that proves the end is part of the turn, as in OpenAI's `audio_end_ms`. */
function trail(state: TurnState, sinceMs: number): TurnStep {
  const { silenceDurationMs } = state.options;
  if (state.positionMs - sinceMs < silenceDurationMs)
    return still({ ...state, phase: { is: 'trailing', sinceMs } });
  const atMs = Math.round(sinceMs + silenceDurationMs);
  return {
    state: { ...state, phase: { is: 'quiet' }, floorMs: atMs },
    events: [{ type: 'speech_stopped', atMs }],
  };
}
