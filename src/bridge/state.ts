// The state of one bridged call, what can happen to it, and what is to be done then. Plain data: nothing here knows a
// socket or a clock.
import type { Item } from '../wire/items.ts';
import type { JsonObject } from '../wire/json.ts';
import type { LongText } from '../wire/long-text.ts';
import type { WireError } from '../wire/server-events.ts';
import type { WireText } from '../wire/text-frame.ts';

/** A `response.create` that upstream has not answered yet. In the lobby it is held. */
export interface Asked {
  /** As upstream knows it. */
  readonly eventId: string;
  /** As its caller knows it; null where it gave none, and of ours. */
  readonly callerEventId: string | null;
  /** Put into its metadata, so that the response that comes can be told from one that upstream made by itself. */
  readonly tag: string | null;
  /** The caller's own. */
  readonly metadata: unknown;
  /** What it is for, where it is ours. */
  readonly speech: Speech | null;
  /** A cancel came before the response was there: the event that wanted it. */
  readonly cancel: { readonly callerEventId: string | null } | null;
}

/** Something that the gateway itself has spoken. */
export interface Speech {
  readonly id: string;
  /** Null: whatever the conversation asks for. */
  readonly instructions: string | null;
  readonly voice: string | null;
  /** Shown in its response. Default: none. */
  readonly metadata?: JsonObject;
  /** How often upstream was busy with a response of its own. */
  readonly attempts: number;
}

export type SpeechOutcome =
  | { readonly state: 'spoken' | 'cut' }
  | { readonly state: 'failed'; readonly code: string; readonly message: string };

/** The response of the conversation that upstream is making. */
interface Answering {
  readonly id: string;
  readonly speech: Speech | null;
  readonly cancel: 'none' | 'sent';
  /** Whether the caller was shown an item of it. */
  readonly said: 'nothing' | 'something';
}

/** An item of the conversation, as far as the bridge knows it. */
export interface KnownItem {
  readonly id: string;
  /** Null where it is of no kind that a transcript has. */
  readonly item: Item | null;
  /** Of its text. */
  readonly chars: number;
  /** Audio of it that was received. */
  readonly audioMs: number;
  /** Where it was cut; null where it was not. What still comes then is from before. */
  readonly cutMs: number | null;
  /** The caller sees nothing of it: a call of the gateway's own tool, or its output. */
  readonly shown: 'yes' | 'no';
}

/** An event that was sent with an id by which an error can be told to belong to it. */
export interface Sent {
  readonly kind: 'ours' | 'cancel' | 'voice' | 'setup' | 'mapped';
  readonly callerEventId: string | null;
  /** Of `voice`: the update, to be sent again without. */
  readonly event?: JsonObject;
}

export interface BridgeState {
  readonly conversationId: string;
  /** `waiting` for engines, `connecting` to upstream, `ready`, `ended`. The first two are the lobby. */
  readonly phase: 'waiting' | 'connecting' | 'ready' | 'ended';
  /** What the caller was shown last. */
  readonly session: JsonObject;
  /** What the configuration and the caller's secret want of upstream: its first `session.update`. */
  readonly setup: JsonObject;
  /** Text that is held in the lobby, audio not counted. */
  readonly heldChars: number;
  readonly audioDrop: 'none' | 'told';
  /** `session.update`s that were answered in the lobby, and whose answers by upstream are still to come. */
  readonly settling: number;
  /** Items that were answered in the lobby. */
  readonly answered: ReadonlySet<string>;
  readonly items: readonly KnownItem[];
  /** Items that the caller has deleted, and of which upstream may still have something to say. */
  readonly deleting: ReadonlySet<string>;
  /** Of the audio of the response that was begun last. */
  readonly outputFormat: unknown;
  /** The item that is being spoken. */
  readonly spoken: { readonly itemId: string; readonly ms: number };
  /** The text of the item that is being made. */
  readonly partial: { readonly itemId: string; readonly text: string };
  readonly asked: Asked | null;
  readonly answering: Answering | null;
  /** Out of band: they run beside the conversation. */
  readonly asides: readonly Asked[];
  readonly asidesAnswering: ReadonlySet<string>;
  /** Responses whose end was told, the last ones. */
  readonly done: readonly string[];
  /** A response has ended that may have been the one that was asked for: `later` waits until that is known. */
  readonly doubt: 'none' | 'open';
  readonly later: { readonly event: JsonObject; readonly text: UpText } | null;
  readonly speeches: readonly Speech[];
  /** Whether upstream makes responses by itself, as it has said last: not as anybody has asked since. */
  readonly detection: 'on' | 'off';
  /** Whether upstream shows the metadata of a create in its response. */
  readonly echoes: 'unknown' | 'yes' | 'no';
  readonly sent: ReadonlyMap<string, Sent>;
  /** `audible`: the assistant's audio is in the conversation. `locked`: upstream has refused a switch. */
  readonly voice: { readonly state: 'free' | 'audible' | 'locked'; readonly pending: unknown };
  /** Whether anything was appended since the last commit or clear, and whether ever. */
  readonly input: {
    readonly buffer: 'empty' | 'filled';
    readonly heard: 'never' | 'once';
    /** Whether upstream hears somebody speak. */
    readonly turn: 'none' | 'speaking';
  };
  /** The gateway's own tools, which upstream may call. */
  readonly tools: readonly JsonObject[];
  /** The caller's, as upstream was told last; null: nobody has said which, and there is no upstream yet. */
  readonly callersTools: readonly unknown[] | null;
  readonly watch: 'off' | 'on';
  readonly lobbyWait: 'off' | 'on';
  readonly expiry: 'none' | 'told';
}

/** What may go upstream as it came. */
export type UpText = WireText | LongText;

export type BridgeInput =
  /** The engines are ready. */
  | { readonly type: 'connect' }
  /** `text`: with audio that stands as a mark in the event where it is long. */
  | { readonly type: 'client'; readonly event: JsonObject; readonly text: UpText }
  /** An append that was recognised by its pattern; `bytes` of audio. */
  | { readonly type: 'client_audio'; readonly text: UpText; readonly bytes: number }
  /** A frame that is no event. */
  | { readonly type: 'refused'; readonly error: WireError }
  /** The lobby could not keep all audio. */
  | { readonly type: 'audio_dropped'; readonly why: string }
  | { readonly type: 'upstream'; readonly event: JsonObject; readonly text: string }
  /** A delta of audio that was recognised by its pattern. */
  | {
      readonly type: 'upstream_audio';
      readonly text: WireText;
      readonly itemId: string;
      readonly bytes: number;
    }
  | { readonly type: 'upstream_failed'; readonly code: string; readonly message: string }
  | { readonly type: 'upstream_closed'; readonly code: number; readonly reason: string }
  /** An engine of the pipeline will not come back. */
  | { readonly type: 'engine_failed'; readonly code: string; readonly message: string }
  /** The call ends for a reason of the caller's or the gateway's own. */
  | { readonly type: 'left' }
  | { readonly type: 'timer'; readonly name: TimerName; readonly message: string }
  | { readonly type: 'speak'; readonly speech: Speech }
  /** It has waited for too long. No effect once it was asked for. */
  | { readonly type: 'unspeak'; readonly id: string; readonly message: string }
  | { readonly type: 'declare_tool'; readonly tool: JsonObject }
  /** The output of a call of the gateway's own tool. `speak`: the model goes on with it. */
  | {
      readonly type: 'answer_call';
      readonly callId: string;
      readonly output: string;
      readonly speak: boolean;
    };

/**
 * `open`: upstream's session. `lobby`: an answer waits in the lobby. `silence`: upstream owes a response; the shell fires
 * it when nothing came from upstream for so long. `doubt`: whose response it was.
 */
export type TimerName = 'open' | 'lobby' | 'silence' | 'doubt';

/** What is recorded, in the words of the wire. */
export type BridgeRecord =
  | {
      readonly type: 'conversation.item.added' | 'conversation.item.done';
      readonly previous_item_id: string | null;
      readonly item: Item;
    }
  | { readonly type: 'conversation.item.deleted'; readonly item_id: string }
  | {
      readonly type: 'conversation.item.truncated';
      readonly item_id: string;
      readonly content_index: number;
      readonly audio_end_ms: number;
    }
  | { readonly type: 'transcribed'; readonly item_id: string }
  | { readonly type: 'response.done' };

export type BridgeEffect =
  | { readonly type: 'connect' }
  | { readonly type: 'to_caller'; readonly event: JsonObject }
  /** As it came. */
  | { readonly type: 'pass'; readonly text: WireText }
  | { readonly type: 'to_upstream'; readonly text: UpText }
  /** Kept for upstream, in order. `ms` and `bytes` of audio, which may be dropped, the oldest first. */
  | {
      readonly type: 'hold';
      readonly text: string | LongText;
      readonly key: string | null;
      readonly ms: number;
      readonly bytes: number;
    }
  /** The audio that is held and not committed, or what has this key. */
  | { readonly type: 'drop_held'; readonly what: 'audio' | { readonly key: string } }
  /** Everything that is held goes upstream. */
  | { readonly type: 'release_held' }
  | { readonly type: 'start_timer'; readonly name: TimerName }
  | { readonly type: 'stop_timer'; readonly name: TimerName }
  | { readonly type: 'record'; readonly event: BridgeRecord }
  | { readonly type: 'ready' }
  | { readonly type: 'speech_ended'; readonly id: string; readonly outcome: SpeechOutcome }
  | {
      readonly type: 'tool_called';
      readonly callId: string;
      readonly name: string;
      readonly arguments: string;
    }
  /** For the log: upstream has refused something of ours. */
  | { readonly type: 'fault'; readonly message: string }
  /** `closeCode`: upstream's own, where it is to be handed on; null: the one of the code. */
  | {
      readonly type: 'end';
      readonly code: string;
      readonly message: string;
      readonly closeCode: number | null;
    };

/** Of a commit that is held: the audio before it is not dropped by a clear. */
export const commitKey = 'commit';
/** Callers give both ids, and may give the same. */
export const createKey = (eventId: string) => `create ${eventId}`;
export const itemKey = (id: string) => `item ${id}`;

export interface BridgeStep {
  readonly state: BridgeState;
  readonly effects: readonly BridgeEffect[];
}
