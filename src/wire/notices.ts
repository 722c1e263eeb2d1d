// Our own additions to the Realtime wire. Sent only to a caller that asked with `?notices=1`: strict clients end their
// connection on an event they do not know.

export interface LobbyEngine {
  readonly name: string;
  readonly state: string;
  readonly rung: string | null;
  /** 0 to 1 where the engine says it. */
  readonly progress: number | null;
  readonly text: string | null;
  readonly elapsed_ms: number;
  /** What is left of it if it takes as long as the last times; null where nobody knows. 0: it takes longer. */
  readonly eta_ms: number | null;
}

/** `ready` is the Ding: sent exactly once to each caller that had to wait, or at once to one that had not. */
export interface LobbyNotice {
  readonly type: 'greenroom.lobby';
  readonly state: 'waiting' | 'ready' | 'failed';
  readonly engines: readonly LobbyEngine[];
  readonly error?: { readonly code: string; readonly message: string; readonly log_tail: readonly string[] };
}

export type Notice =
  | ShutdownNotice
  | RestartNotice
  | ReplacedNotice
  | SourceNotice
  | HearingNotice
  | RecordingNotice;

interface ShutdownNotice {
  readonly type: 'greenroom.notice';
  readonly code: 'server_shutdown';
  readonly message: string;
  /** When to come back, in ms; null when the gateway does not know. */
  readonly retry_ms: number | null;
}

/** Another connection goes on with the session; this one is closed. */
interface ReplacedNotice {
  readonly type: 'greenroom.notice';
  readonly code: 'replaced';
  readonly message: string;
}

/** The pipeline was restarted: the session keeps its generation, which is closed when it has drained. */
interface RestartNotice {
  readonly type: 'greenroom.notice';
  readonly code: 'pipeline_restarted';
  /** Of the session, from 1. */
  readonly generation: number;
  /** What new callers get; null: the pipeline is not in the configuration any more. */
  readonly current: number | null;
  /** The session may stay for so long, in ms. */
  readonly drain_ms: number;
  readonly message: string;
}

/** An engine that has a part in an answer. */
interface SourceEngine {
  readonly engine: string;
  /** What it calls its model, where that is known. */
  readonly model: string | null;
}

/** Who answered: named as they were when the answer began. */
export interface AnswerSource {
  readonly think: SourceEngine;
  /** Null: the answer is text. */
  readonly speak: (SourceEngine & { readonly voice: string | null }) | null;
}

/** At the beginning of an answer. */
interface SourceNotice extends AnswerSource {
  readonly type: 'greenroom.notice';
  readonly code: 'answer_source';
  readonly response_id: string;
  readonly message: string;
}

/** What was heard so far of somebody who still speaks; the item is announced, and not there yet. It may change. */
interface HearingNotice {
  readonly type: 'greenroom.notice';
  readonly code: 'hearing';
  readonly item_id: string;
  readonly message: string;
}

/** How the recording of the session stands: whenever that changes, and as the answer to `greenroom: {record}`. */
export interface RecordingNotice {
  readonly type: 'greenroom.notice';
  readonly code: 'recording' | 'recording_failed';
  /** `failed`: it could not be written, and is off. The session goes on. */
  readonly state: 'on' | 'off' | 'failed';
  /** From 1; null: there was none. */
  readonly take: number | null;
  readonly message: string;
}

/** Background work of a session. Comes with every change of its state; of `progress`, once a second at the most. */
export interface TaskNotice {
  readonly type: 'greenroom.task';
  readonly id: string;
  readonly name: string;
  readonly state: 'started' | 'progress' | 'done' | 'failed' | 'cancelled';
  /** What came of its engine so far: tokens, as a rule, and characters. */
  readonly progress: { readonly pieces: number; readonly chars: number; readonly elapsed_ms: number };
  /** For people. */
  readonly message: string;
  /** Of one that is done, as its schema has it; null before. It is saved by then. */
  readonly result: unknown;
  /** Of one that has failed or was cancelled. */
  readonly error?: { readonly code: string; readonly message: string };
}

/**
 * A recording that is played back into the session, or shown in it: when it begins, once a second at the most while it
 * lasts, and how it ended. In mode `events` also with each event of the recorded session, in its order.
 */
export interface PlaybackNotice {
  readonly type: 'greenroom.playback';
  readonly id: string;
  readonly recording_id: string;
  readonly mode: 'full' | 'segments' | 'events';
  /** 0: as fast as the session takes it. */
  readonly speed: number;
  readonly state: 'playing' | 'finished' | 'stopped' | 'failed';
  /** In the recording. */
  readonly position_ms: number;
  readonly duration_ms: number;
  /** For people. */
  readonly message: string;
  /** Of one that has failed. */
  readonly error?: { readonly code: string; readonly message: string };
  /** As it was sent when it was recorded; of audio it says where that is in the recording. */
  readonly event?: Readonly<Record<string, unknown>>;
}

/** Every 3 s while a task runs, however long its engine says nothing. */
export interface KeepaliveNotice {
  readonly type: 'greenroom.keepalive';
  /** The id of the task. */
  readonly task: string;
  readonly elapsed_ms: number;
}
