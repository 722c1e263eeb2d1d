// A session that writes down what is said and answers nothing: how it is shown, and how the beta said it.
import type { SessionUpdate, TranscriptionSessionUpdate } from './client-schema.ts';
import type { InputFormat, SessionConfig } from './session-config.ts';

export interface TranscriptionSession {
  readonly type: 'transcription';
  readonly object: 'realtime.transcription_session';
  readonly id: string;
  /** Seconds since the epoch. */
  readonly expires_at: number;
  readonly include: null;
  readonly resumption?: { readonly enabled: true };
  readonly audio: { readonly input: SessionConfig['audio']['input'] };
}

export interface LegacyTranscriptionSession {
  readonly object: 'realtime.transcription_session';
  readonly id: string;
  readonly expires_at: number;
  readonly input_audio_format: 'pcm16' | 'g711_ulaw' | 'g711_alaw' | 'audio/webm';
  readonly input_audio_transcription: SessionConfig['audio']['input']['transcription'];
  readonly input_audio_noise_reduction: null;
  readonly turn_detection: SessionConfig['audio']['input']['turn_detection'];
  readonly include: null;
}

/** What a client is shown of its session. */
export function shownSession(session: SessionConfig): SessionConfig | TranscriptionSession {
  if (session.type === 'realtime') return session;
  const { type, id, expires_at, include, audio, resumption } = session;
  return {
    ...{ type, object: 'realtime.transcription_session', id, expires_at, include },
    ...(resumption && { resumption }),
    audio: { input: audio.input },
  };
}

export function legacySession({ id, expires_at, audio }: SessionConfig): LegacyTranscriptionSession {
  const { format, transcription, noise_reduction, turn_detection } = audio.input;
  return {
    ...{ object: 'realtime.transcription_session', id, expires_at, include: null, turn_detection },
    input_audio_format: nameOf(format),
    input_audio_transcription: transcription,
    input_audio_noise_reduction: noise_reduction,
  };
}

const formats = {
  pcm16: { type: 'audio/pcm', rate: 24_000 },
  g711_ulaw: { type: 'audio/pcmu' },
  g711_alaw: { type: 'audio/pcma' },
} as const;

function nameOf({ type }: InputFormat): LegacyTranscriptionSession['input_audio_format'] {
  // Ours: the beta has no word for it.
  if (type === 'audio/webm') return type;
  if (type === 'audio/pcm') return 'pcm16';
  return type === 'audio/pcmu' ? 'g711_ulaw' : 'g711_alaw';
}

/** The same in the words of today. */
export function sessionUpdateOf(given: TranscriptionSessionUpdate): SessionUpdate {
  const { input_audio_format: format, input_audio_transcription: transcription } = given;
  return {
    type: 'transcription',
    audio: {
      input: {
        ...(format && { format: formats[format] }),
        ...(transcription !== undefined && { transcription }),
        ...(given.turn_detection !== undefined && { turn_detection: given.turn_detection }),
      },
    },
  };
}
