// What is kept of a gateway's life: its sessions, what was said in them, and how its engines loaded. Rows are facts that
// are true whenever they are written: whoever writes does not wait, and is never told that a disk is full.

/** Wall times are ms since the epoch. */
export interface SessionRow {
  readonly id: string;
  /** The run of the gateway that the session belongs to. */
  readonly run: string;
  readonly pipeline: string;
  /** Of the pipeline, from 1. */
  readonly generation: number;
  readonly remote: string;
  /** `unclean`: its gateway was gone before it had ended; found at the next start. */
  readonly state: 'open' | 'closed' | 'unclean';
  readonly openedAtMs: number;
  /** Of an unclean one: when it was found. */
  readonly closedAtMs: number | null;
  readonly reason: string | null;
  readonly closeCode: number | null;
  /** Items that were ever in it; 0 while it is open. */
  readonly items: number;
  /** Answers that ended, however they did; null where nobody counted to the end. */
  readonly answers: number | null;
}

export interface ItemRow {
  readonly sessionId: string;
  readonly id: string;
  /** What it was put after; null: at the beginning. */
  readonly previousId: string | null;
  readonly type: string;
  readonly role: string | null;
  readonly status: string;
  /** Of a function call. */
  readonly name: string | null;
  readonly callId: string | null;
  /** Text, transcript, arguments or output; null where nobody knows what was said or heard. */
  readonly text: string | null;
  /** Of an answer that was cut off: how much of it was heard. */
  readonly heardMs: number | null;
  /** Of an answer: who thought and who spoke it, as JSON (`{"think":{"engine","model"},"speak":...}`); null: nobody knows. */
  readonly source: string | null;
  /** What of its text was said to pass the time, and is no part of the answer. */
  readonly filler: string | null;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  readonly deletedAtMs: number | null;
}

export interface EngineRunRow {
  readonly id: string;
  readonly run: string;
  readonly engine: string;
  readonly kind: string;
  /** The same for what loads alike: configuration and model files. */
  readonly modelKey: string;
  readonly spawnedAtMs: number;
  readonly readyAtMs: number | null;
  readonly endedAtMs: number | null;
  readonly loadMs: number | null;
  /** `stopped`, `unclean` or an error code; null while it runs. */
  readonly outcome: string | null;
}

/** Background work of a session. */
export interface TaskRow {
  readonly id: string;
  readonly run: string;
  readonly sessionId: string;
  readonly name: string;
  /** `tool`, `api` or `end`. */
  readonly trigger: string;
  /** `started`, `progress`, `done`, `failed`, `cancelled`; `unclean`: its gateway was gone before it had ended. */
  readonly state: string;
  readonly startedAtMs: number;
  readonly endedAtMs: number | null;
  /** JSON; null where there is none. */
  readonly result: string | null;
  /** What the engine said, where that was no result. */
  readonly raw: string | null;
  /** Why it failed or was cancelled. */
  readonly code: string | null;
  readonly message: string | null;
}

/** A take, as the disk has it: the disk is what is true, this is where it is found without looking there. */
export interface RecordingRow {
  /** `SESSION/TAKE`. */
  readonly id: string;
  readonly sessionId: string;
  readonly take: number;
  readonly pipeline: string;
  /** `recording`, `finished`, `failed`, `interrupted`. */
  readonly state: string;
  readonly reason: string | null;
  readonly startedAtMs: number;
  readonly endedAtMs: number | null;
  /** Of all its files; while it is being recorded: as it began. */
  readonly bytes: number;
  /** Of the longer side. */
  readonly durationMs: number;
  /** What the caller's side is kept in: `wav`. */
  readonly container: string;
  /** Names the look at the disk that found it; what a later look has not found is gone. */
  readonly shelf: string;
}

/** One answer, and how long each stage of it took. Ms; null: there was no such stage, or it was not reached. */
export interface TurnRow {
  readonly sessionId: string;
  /** Of the response. */
  readonly id: string;
  /** What was answered last before it: its item; null where there was none. */
  readonly itemId: string | null;
  /** `stopped`: interrupted, cancelled, or cut off by the end of the session. */
  readonly state: 'done' | 'stopped' | 'failed';
  readonly beganAtMs: number;
  /** From the end of the speech until it was known to be over. */
  readonly silenceMs: number | null;
  /** Until it was written down. */
  readonly hearMs: number | null;
  /** From the beginning of the answer to its first word. */
  readonly thinkMs: number | null;
  /** To the end of its first sentence. */
  readonly sentenceMs: number | null;
  /** To that sentence's first audio. */
  readonly speakMs: number | null;
  /** From the end of the speech to the first audio. */
  readonly firstAudioMs: number | null;
  /** The answer from its beginning to its end. */
  readonly answerMs: number | null;
}

/** The store adds its run. Rows are whole, so that each can be written again, or into a database that has none of them. */
export type Write =
  | { readonly type: 'session'; readonly row: Omit<SessionRow, 'run'> }
  | { readonly type: 'item'; readonly row: Omit<ItemRow, 'heardMs' | 'source' | 'filler' | 'deletedAtMs'> }
  | {
      readonly type: 'item_truncated';
      readonly row: Pick<ItemRow, 'sessionId' | 'id' | 'text' | 'heardMs' | 'updatedAtMs'>;
    }
  | {
      readonly type: 'item_source';
      readonly row: Pick<ItemRow, 'sessionId' | 'id' | 'source' | 'filler'>;
    }
  | { readonly type: 'item_deleted'; readonly row: Pick<ItemRow, 'sessionId' | 'id' | 'deletedAtMs'> }
  | { readonly type: 'engine_run'; readonly row: Omit<EngineRunRow, 'run'> }
  | { readonly type: 'task'; readonly row: Omit<TaskRow, 'run'> }
  | { readonly type: 'recording'; readonly row: RecordingRow }
  | { readonly type: 'recording_removed'; readonly row: Pick<RecordingRow, 'id'> }
  /** Everything that is on the disk has been written: what is of another look is gone. */
  | { readonly type: 'recordings_seen'; readonly row: Pick<RecordingRow, 'shelf'> }
  | { readonly type: 'turn'; readonly row: TurnRow };

export interface SessionQuery {
  /** `past`: closed or unclean. Default: all. */
  readonly state?: SessionRow['state'] | 'past';
  /** Default 100, 1000 at most. */
  readonly limit?: number;
  /** The id of a session: only those that were opened before it. */
  readonly before?: string;
}

/** `lost`: the disk refused, or what came before this had no room any more. */
export type Flushed = { readonly state: 'saved' } | { readonly state: 'lost'; readonly why: string };

export interface Store {
  /** At once, in order; never throws. On disk within 250 ms, where the disk takes it. */
  write(write: Write): void;
  /** Resolves when everything written before is on disk, or is known not to be. */
  flush(): Promise<Flushed>;
  /** The newest first. As everything that is read: what is on disk, `flush` before to see what was just written. */
  listSessions(query?: SessionQuery): Promise<readonly SessionRow[]>;
  /** In the order of the conversation, those that were deleted among them; 10,000 at most. */
  sessionItems(sessionId: string): Promise<readonly ItemRow[]>;
  /** In the order in which they began. */
  sessionTasks(sessionId: string): Promise<readonly TaskRow[]>;
  /** In the order in which they ended; the last 1000. */
  sessionTurns(sessionId: string): Promise<readonly TurnRow[]>;
  /** Ms of the last successful loads, the newest first. */
  lastLoads(modelKey: string, count: number): Promise<readonly number[]>;
  /** Flushes, then closes; what could not be written is told. Idempotent; what is written later is lost. */
  close(): Promise<void>;
}

export const sessionsListed = { default: 100, max: 1000 } as const;
export const itemsListedMax = 10_000;
export const turnsListedMax = 1000;

/** As the conversation had them: each was put after the one that it names, which may have been deleted since. */
export function inConversationOrder(bySequence: readonly ItemRow[]): readonly ItemRow[] {
  const ordered: ItemRow[] = [];
  for (const item of bySequence) {
    const last = ordered.at(-1)?.id ?? null;
    const at =
      item.previousId === last
        ? ordered.length
        : ordered.findLastIndex(({ id }) => id === item.previousId) + 1;
    // What it was put after is not known to us: it came last, then.
    const unknown = at === 0 && item.previousId !== null;
    ordered.splice(unknown ? ordered.length : at, 0, item);
  }
  return ordered;
}
