// What the gateway sends on the Realtime wire. Every event also carries an `event_id`, added when it is sent.
import type { Item } from './items.ts';
import type { KeepaliveNotice, LobbyNotice, Notice, PlaybackNotice, TaskNotice } from './notices.ts';
import type { AudioFormat, Modality, SessionConfig } from './session-config.ts';
import type { LegacyTranscriptionSession, TranscriptionSession } from './transcription-session.ts';

/** `error.event_id` is the client's own event id, or null where no event of the client's is to blame. */
export interface WireError {
  readonly type: 'invalid_request_error' | 'server_error';
  readonly code: string;
  readonly message: string;
  readonly param: string | null;
  readonly event_id: string | null;
}

export interface ResponseObject {
  readonly object: 'realtime.response';
  readonly id: string;
  /** Null of one outside the conversation. */
  readonly conversation_id: string | null;
  readonly status: 'in_progress' | 'completed' | 'cancelled' | 'failed' | 'incomplete';
  readonly status_details: {
    readonly type: 'cancelled' | 'failed' | 'incomplete';
    readonly reason?: 'turn_detected' | 'client_cancelled' | 'max_output_tokens' | 'content_filter';
    readonly error?: { readonly type: string; readonly code: string; readonly message: string };
  } | null;
  readonly output: readonly Item[];
  readonly output_modalities: readonly Modality[];
  readonly max_output_tokens: number | 'inf';
  readonly audio: { readonly output: { readonly format: AudioFormat; readonly voice: string } };
  readonly metadata: Readonly<Record<string, string>> | null;
  readonly usage: Usage | null;
}

/** Tokens, where an engine counts them. */
export interface Usage {
  readonly total_tokens: number;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly input_token_details: Readonly<Record<string, number>>;
  readonly output_token_details: Readonly<Record<string, number>>;
}

/** Of an item's content, outside of any response. */
interface ContentAddress {
  readonly item_id: string;
  readonly content_index: number;
}

interface PartAddress {
  readonly response_id: string;
  readonly item_id: string;
  readonly output_index: number;
  readonly content_index: number;
}

interface CallAddress {
  readonly response_id: string;
  readonly item_id: string;
  readonly output_index: number;
  readonly call_id: string;
}

interface ItemAddress {
  readonly response_id: string;
  readonly output_index: number;
}

/** Unlike the item's content, a part says `text` or `audio`. */
export type ResponsePart =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'audio'; readonly transcript: string };

export type ServerEvent =
  | {
      readonly type: 'session.created' | 'session.updated';
      readonly session: SessionConfig | TranscriptionSession;
    }
  | { readonly type: 'transcription_session.updated'; readonly session: LegacyTranscriptionSession }
  | {
      readonly type: 'conversation.created';
      readonly conversation: { readonly id: string; readonly object: 'realtime.conversation' };
    }
  | {
      readonly type: 'conversation.item.added' | 'conversation.item.done';
      readonly previous_item_id: string | null;
      readonly item: Item;
    }
  | { readonly type: 'conversation.item.retrieved'; readonly item: Item }
  | { readonly type: 'conversation.item.deleted'; readonly item_id: string }
  | {
      readonly type: 'conversation.item.truncated';
      readonly item_id: string;
      readonly content_index: number;
      readonly audio_end_ms: number;
    }
  | {
      readonly type: 'input_audio_buffer.committed';
      readonly item_id: string;
      readonly previous_item_id: string | null;
    }
  | { readonly type: 'input_audio_buffer.cleared' }
  | {
      readonly type: 'input_audio_buffer.speech_started';
      readonly item_id: string;
      readonly audio_start_ms: number;
    }
  | {
      readonly type: 'input_audio_buffer.speech_stopped';
      readonly item_id: string;
      readonly audio_end_ms: number;
    }
  | {
      readonly type: 'input_audio_buffer.timeout_triggered';
      readonly item_id: string;
      readonly audio_start_ms: number;
      readonly audio_end_ms: number;
    }
  | ({
      readonly type: 'conversation.item.input_audio_transcription.delta';
      readonly delta: string;
    } & ContentAddress)
  | ({
      readonly type: 'conversation.item.input_audio_transcription.completed';
      readonly transcript: string;
      readonly usage: { readonly type: 'duration'; readonly seconds: number };
    } & ContentAddress)
  | ({
      readonly type: 'conversation.item.input_audio_transcription.failed';
      /** Not with a `param` of null: strict clients die of it. */
      readonly error: Pick<WireError, 'type' | 'code' | 'message'>;
    } & ContentAddress)
  | { readonly type: 'response.created' | 'response.done'; readonly response: ResponseObject }
  | ({
      readonly type: 'response.output_item.added' | 'response.output_item.done';
      readonly item: Item;
    } & ItemAddress)
  | ({
      readonly type: 'response.content_part.added' | 'response.content_part.done';
      readonly part: ResponsePart;
    } & PartAddress)
  | ({
      readonly type:
        | 'response.output_audio.delta'
        | 'response.output_audio_transcript.delta'
        | 'response.output_text.delta';
      readonly delta: string;
    } & PartAddress)
  | ({ readonly type: 'response.output_audio.done' } & PartAddress)
  | ({ readonly type: 'response.output_audio_transcript.done'; readonly transcript: string } & PartAddress)
  | ({ readonly type: 'response.output_text.done'; readonly text: string } & PartAddress)
  | ({
      readonly type: 'response.function_call_arguments.delta';
      readonly delta: string;
    } & CallAddress)
  | ({
      readonly type: 'response.function_call_arguments.done';
      readonly name: string;
      readonly arguments: string;
    } & CallAddress)
  | { readonly type: 'error'; readonly error: WireError }
  | LobbyNotice
  | Notice
  | TaskNotice
  | PlaybackNotice
  | KeepaliveNotice;
