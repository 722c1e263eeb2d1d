// The session object of the Realtime API, GA shape (https://platform.openai.com/docs/api-reference/realtime), as far
// as greenroom has it in effect. What a client is shown is always what is in force, every default spelled out.

/** Of all audio inside the gateway, and of the wire unless the caller says otherwise. */
export const sessionRateHz = 24000;

/** OpenAI's own wire has 24000 alone; the others are those of sound cards, models and telephones. */
export const pcmRatesHz = [8000, 16_000, 22_050, sessionRateHz, 32_000, 44_100, 48_000] as const;

/** PCM16: signed, mono, little endian. */
export interface PcmFormat {
  readonly type: 'audio/pcm';
  /** Hz. */
  readonly rate: (typeof pcmRatesHz)[number];
}

/** G.711, µ-law (`pcmu`) or A-law (`pcma`): one byte a sample. */
export interface G711Format {
  readonly type: 'audio/pcmu' | 'audio/pcma';
}

export const g711RateHz = 8000;

/** A caller may speak in one and listen in another. */
export type AudioFormat = PcmFormat | G711Format;

/** Ours, for input alone: a stream of WebM/Opus, as a browser's MediaRecorder gives it piece by piece. */
export interface WebmFormat {
  readonly type: 'audio/webm';
}

export type InputFormat = AudioFormat | WebmFormat;

export interface ServerVad {
  readonly type: 'server_vad';
  /** Probability from which on it is speech, 0 to 1. */
  readonly threshold: number;
  readonly prefix_padding_ms: number;
  readonly silence_duration_ms: number;
  /** A caller who says nothing for so long after an answer has been played is spoken to; null: never. */
  readonly idle_timeout_ms: number | null;
  readonly create_response: boolean;
  readonly interrupt_response: boolean;
}

/** Taken as server VAD with a longer or shorter silence: low 1200 ms, medium and auto 700 ms, high 400 ms. */
export interface SemanticVad {
  readonly type: 'semantic_vad';
  readonly eagerness: 'low' | 'medium' | 'high' | 'auto';
  readonly create_response: boolean;
  readonly interrupt_response: boolean;
}

export type TurnDetection = ServerVad | SemanticVad;

export type Modality = 'text' | 'audio';

export interface Transcription {
  /** The engine that hears. */
  readonly model: string;
  /** ISO 639-1; left out where the engine has to find out. */
  readonly language?: string;
}

/** What a pipeline can do for its sessions, whatever they ask for. */
export interface Abilities {
  /** `nothing`: audio is refused. `sound`: it is taken as it is. `words`: an answer waits until it is written down. */
  readonly hears: 'nothing' | 'sound' | 'words';
  /** `text`: every answer is text alone. */
  readonly answers: 'text' | 'speech';
  /** Names that a session may choose one of; `any`: who speaks judges. Default: none, its voice stays. */
  readonly voices?: readonly string[] | 'any';
  /** Names of functions that the gateway adds itself. Default: none. */
  readonly ownTools?: readonly string[];
  /** `any`: it speaks faster or slower when it is asked to. Default `own`. */
  readonly pace?: 'any' | 'own';
}

export const everyAbility: Abilities = { hears: 'sound', answers: 'speech' };

/** What a model is asked with of a long conversation. Tokens are estimated. */
export type Truncation =
  | 'auto'
  | 'disabled'
  | {
      readonly type: 'retention_ratio';
      /** 0 to 1, of the limit. */
      readonly retention_ratio: number;
      readonly token_limits?: { readonly post_instructions?: number | null | undefined } | null | undefined;
    };

export interface SessionConfig {
  /** Of type `transcription` nothing is answered; what a client sees of it: `transcription-session.ts`. */
  readonly type: 'realtime' | 'transcription';
  readonly object: 'realtime.session';
  readonly id: string;
  readonly model: string;
  /** Seconds since the epoch. */
  readonly expires_at: number;
  readonly output_modalities: readonly [Modality];
  readonly instructions: string;
  readonly tools: readonly Readonly<Record<string, unknown>>[];
  readonly tool_choice: string | Readonly<Record<string, unknown>>;
  readonly parallel_tool_calls: boolean;
  readonly max_output_tokens: number | 'inf';
  readonly truncation: Truncation;
  /** Nothing is traced here; nor are there prompt templates, or more fields to include. */
  readonly tracing: null;
  readonly prompt: null;
  readonly include: null;
  /** Only where its caller may come back to it after a lost connection. */
  readonly resumption?: { readonly enabled: true };
  readonly audio: {
    readonly input: {
      readonly format: InputFormat;
      /** Null where nothing writes down what the caller says. */
      readonly transcription: Transcription | null;
      /** Nothing reduces noise yet. */
      readonly noise_reduction: null;
      readonly turn_detection: TurnDetection | null;
    };
    readonly output: { readonly format: AudioFormat; readonly voice: string; readonly speed: number };
  };
}

export const serverVadDefault: ServerVad = {
  type: 'server_vad',
  threshold: 0.5,
  prefix_padding_ms: 300,
  silence_duration_ms: 500,
  idle_timeout_ms: null,
  create_response: true,
  interrupt_response: true,
};

/** What a session begins with. */
export function initialSession(given: {
  readonly id: string;
  readonly model: string;
  readonly voice: string;
  readonly instructions: string;
  readonly expiresAt: number;
  readonly abilities?: Abilities;
  readonly transcription?: Transcription | null;
}): SessionConfig {
  const { abilities = everyAbility, transcription = null } = given;
  return {
    type: 'realtime',
    object: 'realtime.session',
    id: given.id,
    model: given.model,
    expires_at: given.expiresAt,
    output_modalities: [abilities.answers === 'text' ? 'text' : 'audio'],
    instructions: given.instructions,
    tools: [],
    tool_choice: 'auto',
    parallel_tool_calls: true,
    max_output_tokens: 'inf',
    truncation: 'auto',
    tracing: null,
    prompt: null,
    include: null,
    audio: {
      input: {
        format: formatDefault,
        transcription,
        noise_reduction: null,
        turn_detection: abilities.hears === 'nothing' ? null : serverVadDefault,
      },
      output: { format: formatDefault, voice: given.voice, speed: 1 },
    },
  };
}

const formatDefault: PcmFormat = { type: 'audio/pcm', rate: sessionRateHz };

/** As a client may say it. */
type FormatGiven =
  | { readonly type: PcmFormat['type']; readonly rate?: PcmFormat['rate'] | null | undefined }
  | { readonly type: G711Format['type'] };
type InputFormatGiven = FormatGiven | WebmFormat;

/** A format is given whole: what is left out is the default, not what was in effect; and so is `null`. */
export function effectiveFormat(given: FormatGiven | null): AudioFormat;
export function effectiveFormat(given: InputFormatGiven | null): InputFormat;
export function effectiveFormat(given: InputFormatGiven | null): InputFormat {
  if (given === null) return formatDefault;
  if (given.type === 'audio/pcm') return { type: given.type, rate: given.rate ?? sessionRateHz };
  return { type: given.type };
}

export function isSameFormat(one: InputFormat, other: InputFormat): boolean {
  if (one.type === 'audio/pcm') return other.type === 'audio/pcm' && one.rate === other.rate;
  return one.type === other.type;
}
