// The state of one conversation, and what goes into it and comes out of it. Pure data: the shell holds the audio, the
// sockets and the clock, and performs the effects in order.
//
//     phase:     lobby ◀──not_ready── / ──ready──▶ ready          (either) ──engine_failed──▶ failed
//     waiting:   none ──request──▶ one ──start | cancel | fail | timeout──▶ none
//     response:  none ──start──▶ in_progress ──end | cancel | fail──▶ none   (exactly one terminal each)
//     asides:    the same two steps, of a few answers at once that are no part of the conversation
import type { ClientEvent } from '../wire/client-schema.ts';
import type { NewId } from '../wire/ids.ts';
import type { Item } from '../wire/items.ts';
import type { ResponseObject, ServerEvent, WireError } from '../wire/server-events.ts';
import type {
  Abilities,
  AudioFormat,
  InputFormat,
  Modality,
  SessionConfig,
  TurnDetection,
} from '../wire/session-config.ts';
import type { EndingChunk, SentChunk } from './chunks.ts';
import type { SpokenAnswer } from './spoken.ts';

export interface Conversation {
  readonly id: string;
  readonly phase: 'lobby' | 'ready' | 'failed';
  readonly abilities: Abilities;
  readonly session: SessionConfig;
  readonly items: readonly Item[];
  /** Of the text of all items: counted as they change, not anew for each. */
  readonly itemChars: number;
  readonly input: InputBuffer;
  readonly response: ActiveResponse | null;
  /** What the caller said that is not written down yet, or could not be; by item, in the order of the asking. */
  readonly unheard: ReadonlyMap<string, Unheard>;
  /**
   * One answer that waits: for the lobby to end, for what it answers to be written down, or (made by turn detection)
   * for the answer or turn under way.
   */
  readonly waiting: ResponseRequest | null;
  /** What the gateway itself wants said, in this order (internal.ts). */
  readonly internal: readonly InternalRequest[];
  /** Of each finished assistant item that has audio: how it was spoken, and how much was heard. */
  readonly spoken: ReadonlyMap<string, SpokenAnswer>;
  /** Answers outside the conversation, under way beside the one in it; and those that wait. */
  readonly asides: readonly ActiveResponse[];
  readonly waitingAsides: readonly ResponseRequest[];
  /** How long the caller may say nothing from when this was set, with what there was to listen to; null: for ever. */
  readonly idleMs: number | null;
}

/** `asked` is one at a time: `delta` is what the caller has been told of it. */
export type Unheard =
  | { readonly state: 'waiting' }
  | { readonly state: 'asked'; readonly delta: string }
  | { readonly state: 'failed'; readonly code: string; readonly message: string };

/** Positions are samples since the start of the session; the shell holds the samples themselves. */
interface InputBuffer {
  readonly endSample: number;
  /** Where the audio begins that no item has taken. */
  readonly startSample: number;
  /** Speech that has started and not stopped, with the id its item will have. */
  readonly turn: { readonly itemId: string; readonly startSample: number } | null;
  /** Audio before this is early input: while it is caught up with, new speech does not interrupt an answer. */
  readonly catchUpSample: number;
}

export interface ResponseRequest {
  /** The client's event id, to blame; null for one that turn detection made. */
  readonly eventId: string | null;
  readonly origin: 'client' | 'turn' | 'silence' | 'gateway';
  /** `none`: what comes of it is told, and is no part of the conversation. */
  readonly conversation: 'auto' | 'none';
  /** What it answers in place of the conversation; null: that. */
  readonly input: readonly RequestInput[] | null;
  /** What this one answer has otherwise than the session. */
  readonly overrides: Partial<
    Pick<
      SessionConfig,
      | 'output_modalities'
      | 'instructions'
      | 'tools'
      | 'tool_choice'
      | 'parallel_tool_calls'
      | 'max_output_tokens'
    >
  >;
  /** Null: the session's output format. */
  readonly format: AudioFormat | null;
  /** Null: the session's voice. */
  readonly voice: string | null;
  readonly metadata: Readonly<Record<string, string>> | null;
}

export interface InternalRequest {
  readonly id: string;
  readonly instructions: string;
  /** What stands for a caller who asks for it. */
  readonly prompt: string;
  readonly voice: string | null;
  readonly metadata: Readonly<Record<string, string>>;
}

/** An item of its own; or one of the conversation, as it is when the answer starts or was last. */
export interface RequestInput {
  readonly origin: 'given' | 'conversation';
  readonly item: Item;
}

/** A response runs on the configuration and items as they were when it started. */
export interface ActiveResponse extends SpokenAnswer {
  readonly object: ResponseObject;
  readonly modality: Modality;
  readonly conversation: ResponseRequest['conversation'];
  /** Whether it may call more than one function. */
  readonly calls: 'many' | 'one';
  /** Its item stands after the last one it answers, also when others have come since. Always an item that is there. */
  readonly afterItemId: string | null;
  /** What is complete of its output; nothing of it changes any more. */
  readonly done: readonly Item[];
  /** Of the message under way; null until there is something to show. */
  readonly itemId: string | null;
  /** Samples of all that is done of it, as sent. */
  readonly doneSamples: number;
  /** What is known of its end before it. */
  readonly ending: EndingChunk | null;
}

export interface ResponseSnapshot {
  readonly responseId: string;
  readonly conversation: ResponseRequest['conversation'];
  readonly items: readonly Item[];
  /** With what this response has otherwise. */
  readonly session: SessionConfig;
  /** Given for this response alone. */
  readonly instructions: string | null;
  readonly modality: Modality;
  /** The session's own: one of this answer alone (`session` has it) may be refused by its engine. */
  readonly usualVoice: string;
}

export type ConversationInput =
  | {
      readonly type: 'client';
      readonly event: Exclude<ClientEvent, { type: 'input_audio_buffer.append' }>;
      /** Of the item that it creates, if that has any: PCM16 at the session's rate. */
      readonly audio?: Int16Array | undefined;
    }
  | { readonly type: 'refused'; readonly error: WireError }
  | { readonly type: 'audio_appended'; readonly samples: number }
  /** The shell could not keep everything: audio before `toSample` is gone. */
  | { readonly type: 'audio_dropped'; readonly toSample: number; readonly why: string }
  | { readonly type: 'ready' }
  /** An engine is gone and will be tried again. */
  | { readonly type: 'not_ready' }
  | { readonly type: 'engine_failed'; readonly code: string; readonly message: string }
  | { readonly type: 'lobby_timeout'; readonly waitedMs: number; readonly missing: string }
  /** The caller has said nothing for as long as `idle_wait` said. */
  | { readonly type: 'idle_timeout' }
  /** `atMs` by the shell's clock: when it was noticed. */
  | { readonly type: 'speech_started'; readonly atSample: number; readonly atMs?: number }
  | { readonly type: 'speech_stopped'; readonly atSample: number; readonly atMs?: number }
  /** All that was heard of an item so far; it may still change. */
  | { readonly type: 'transcript'; readonly itemId: string; readonly text: string }
  | {
      readonly type: 'transcript_ended';
      readonly itemId: string;
      readonly text: string;
      /** How much audio it was. */
      readonly samples: number;
    }
  | {
      readonly type: 'transcript_failed';
      readonly itemId: string;
      readonly code: string;
      readonly message: string;
    }
  | { readonly type: 'speak'; readonly request: InternalRequest }
  | { readonly type: 'unspeak'; readonly id: string }
  /** `atMs` by the shell's clock: when it goes out. */
  | {
      readonly type: 'output';
      readonly responseId: string;
      readonly chunk: SentChunk;
      readonly atMs?: number;
    }
  | { readonly type: 'output_ended'; readonly responseId: string }
  | {
      readonly type: 'output_failed';
      readonly responseId: string;
      readonly code: string;
      readonly message: string;
    };

export type Effect =
  | { readonly type: 'send'; readonly event: ServerEvent }
  /** `send`, with the audio of the item filled in by the shell, in the input format. */
  | { readonly type: 'send_retrieved'; readonly item: Item }
  | { readonly type: 'start_response'; readonly snapshot: ResponseSnapshot }
  | { readonly type: 'stop_response'; readonly responseId: string }
  /** The audio of an item is what was appended between two positions. */
  | {
      readonly type: 'keep_audio';
      readonly itemId: string;
      readonly fromSample: number;
      readonly toSample: number;
    }
  /** The client put the audio into the item itself. */
  | { readonly type: 'keep_given_audio'; readonly itemId: string; readonly audio: Int16Array }
  /** Write down what is said in an item; its audio is kept. One at a time. `forget_item` ends it. */
  | { readonly type: 'transcribe'; readonly itemId: string; readonly language: string | null }
  /** Somebody speaks: what will be in this item may be written down meanwhile, for `transcribe`. `forget_item` ends it. */
  | {
      readonly type: 'listen';
      readonly itemId: string;
      readonly fromSample: number;
      readonly language: string | null;
    }
  | { readonly type: 'drop_audio'; readonly toSample: number }
  | { readonly type: 'forget_item'; readonly itemId: string }
  | { readonly type: 'detect_turns'; readonly detection: TurnDetection | null }
  /** For what is appended from now on. */
  | { readonly type: 'use_input_format'; readonly format: InputFormat }
  /** The caller wants to be recorded, or no longer. */
  | { readonly type: 'record'; readonly on: boolean }
  /** Forget the speech under way: the buffer was cleared or committed. */
  | { readonly type: 'reset_turn_detection' }
  /** An answer waits in the lobby, or no longer does. */
  | { readonly type: 'lobby_wait'; readonly state: 'begin' | 'end' }
  /** `idle_timeout` is due in so long, in place of what was due before; null: never. */
  | { readonly type: 'idle_wait'; readonly ms: number | null };

export interface Step {
  readonly state: Conversation;
  readonly effects: readonly Effect[];
}

/** The state, the effects so far and the randomness of one step: what the parts of `next` pass on. */
export class Draft {
  state: Conversation;
  readonly effects: Effect[] = [];
  readonly newId: NewId;

  constructor(state: Conversation, newId: NewId) {
    this.state = state;
    this.newId = newId;
  }

  set(changes: Partial<Conversation>): void {
    this.state = { ...this.state, ...changes };
  }

  do(effect: Effect): void {
    this.effects.push(effect);
  }

  send(event: ServerEvent): void {
    this.effects.push({ type: 'send', event });
  }

  error(
    code: string,
    message: string,
    facts: { param?: string | null; eventId?: string | null | undefined } = {},
  ): void {
    const { param = null, eventId = null } = facts;
    this.send({
      type: 'error',
      error: { type: 'invalid_request_error', code, message, param, event_id: eventId },
    });
  }

  /** An error that is ours, not the client's. */
  fault(code: string, message: string, eventId: string | null | undefined = null): void {
    this.send({
      type: 'error',
      error: { type: 'server_error', code, message, param: null, event_id: eventId ?? null },
    });
  }
}
