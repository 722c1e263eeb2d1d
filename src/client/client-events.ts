// What a client sends: the eleven events of the Realtime API, as types without a schema behind them, so that a page
// needs no validator. A test sends one of each through the gateway's own parser.
import type { ContentPart } from '../wire/items.ts';
import type {
  G711Format,
  Modality,
  PcmFormat,
  SemanticVad,
  ServerVad,
  Truncation,
  WebmFormat,
} from '../wire/session-config.ts';

type Json = Readonly<Record<string, unknown>>;

/** Within one type an update is partial. */
export type TurnDetectionUpdate =
  | (Partial<Omit<ServerVad, 'type'>> & { readonly type: 'server_vad' })
  | (Partial<Omit<SemanticVad, 'type'>> & { readonly type: 'semantic_vad' });

/** Given whole; without a rate PCM is at 24,000 Hz. */
type AudioFormatUpdate = G711Format | (Pick<PcmFormat, 'type'> & Partial<Pick<PcmFormat, 'rate'>>);

/** A partial change: what is left out stays, `null` clears. */
export interface SessionUpdate {
  /** `transcription`: what is said is written down, and nothing is answered. */
  readonly type?: 'realtime' | 'transcription';
  readonly output_modalities?: readonly [Modality];
  readonly instructions?: string | null;
  readonly tools?: readonly Json[] | null;
  readonly tool_choice?: string | Json | null;
  readonly parallel_tool_calls?: boolean | null;
  readonly max_output_tokens?: number | 'inf' | null;
  readonly truncation?: Truncation | null;
  readonly tracing?: unknown;
  readonly include?: readonly string[] | null;
  /** Whether to be able to come back to it after a lost connection; `ConnectOptions.resume` does all of it. */
  readonly resumption?: { readonly enabled?: boolean | null } | null;
  readonly audio?: {
    readonly input?: {
      /** `audio/webm`: pieces of a MediaRecorder, sent as `input_audio_buffer.append`. */
      readonly format?: AudioFormatUpdate | WebmFormat;
      readonly transcription?: Json | null;
      readonly noise_reduction?: Json | null;
      /** `null`: push to talk. */
      readonly turn_detection?: TurnDetectionUpdate | null;
    };
    readonly output?: {
      readonly format?: AudioFormatUpdate;
      readonly voice?: string | Json;
      readonly speed?: number;
    };
  };
}

export type NewItem =
  | {
      readonly id?: string;
      readonly type: 'message';
      readonly role: 'user' | 'assistant' | 'system';
      readonly content: readonly NewContentPart[];
    }
  | {
      readonly id?: string;
      readonly type: 'function_call';
      readonly call_id?: string;
      readonly name: string;
      readonly arguments: string;
    }
  | {
      readonly id?: string;
      readonly type: 'function_call_output';
      readonly call_id: string;
      readonly output: string;
    };

type NewContentPart =
  | Exclude<ContentPart, { type: 'input_audio' | 'output_audio' }>
  | {
      readonly type: 'input_audio' | 'output_audio';
      /** Base64. */
      readonly audio?: string | null;
      readonly transcript?: string | null;
    };

export interface ResponseOptions {
  readonly output_modalities?: readonly [Modality];
  readonly instructions?: string | null;
  /** 16 pairs at most. */
  readonly metadata?: Readonly<Record<string, string>> | null;
  readonly max_output_tokens?: number | 'inf' | null;
  /** `none`: beside the conversation, and no part of it. */
  readonly conversation?: 'auto' | 'none' | null;
  /** What is answered in place of the conversation. */
  readonly input?: readonly (NewItem | { readonly type: 'item_reference'; readonly id: string })[] | null;
  readonly audio?: { readonly output?: { readonly voice?: string | Json } };
  readonly tools?: readonly Json[] | null;
  readonly tool_choice?: string | Json | null;
  readonly parallel_tool_calls?: boolean | null;
}

/** `event_id`, where given, is named by the `error` that the event causes. */
export type ClientEvent = { readonly event_id?: string } & (
  | { readonly type: 'session.update'; readonly session: SessionUpdate }
  /** `audio`: PCM16 at 24 kHz, or what the session's input format says; base64. */
  | { readonly type: 'input_audio_buffer.append'; readonly audio: string }
  | { readonly type: 'input_audio_buffer.commit' | 'input_audio_buffer.clear' | 'output_audio_buffer.clear' }
  | {
      readonly type: 'conversation.item.create';
      /** `root`: at the beginning. */
      readonly previous_item_id?: string | null;
      readonly item: NewItem;
    }
  | { readonly type: 'conversation.item.retrieve' | 'conversation.item.delete'; readonly item_id: string }
  | {
      readonly type: 'conversation.item.truncate';
      readonly item_id: string;
      readonly content_index: number;
      readonly audio_end_ms: number;
    }
  | { readonly type: 'response.create'; readonly response?: ResponseOptions | null }
  | { readonly type: 'response.cancel'; readonly response_id?: string | null }
);
