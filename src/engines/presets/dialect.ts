// How a preset's calls differ from what OpenAI's API says. Most do not.
import type { TranscriptionPlace } from '../http/transcription.ts';

export interface CallDialect {
  /** OpenAI's own models take no other than `max_completion_tokens`; other servers know `max_tokens`. */
  readonly tokenLimitName: 'max_tokens' | 'max_completion_tokens';
  readonly transcription: TranscriptionPlace;
}

const asOpenAi: TranscriptionPlace = {
  path: '/v1/audio/transcriptions',
  rateHz: undefined,
  anyLanguage: undefined,
};

/** @param whose `ours`: started by greenroom, which may have told it to answer elsewhere */
export function dialectOf(preset: string | undefined, whose: 'ours' | 'theirs'): CallDialect {
  const tokenLimitName = preset === 'openai' ? 'max_completion_tokens' : 'max_tokens';
  if (preset !== 'whisper-server') return { tokenLimitName, transcription: asOpenAi };
  return {
    tokenLimitName,
    transcription: {
      path: whose === 'ours' ? asOpenAi.path : '/inference',
      // It takes others only when it has been built with a converter.
      rateHz: 16_000,
      // It takes what is not told for English.
      anyLanguage: 'auto',
    },
  };
}
