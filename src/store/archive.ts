// What is found again of what was kept: sessions by when and what was said, whole sessions, and their removal. All of it is
// done in the store's thread, also what is made of it to be read: nobody else holds a whole session in memory.
import type { EngineRunRow, ItemRow, RecordingRow, SessionRow, TaskRow } from './store.ts';

export interface SessionSearch {
  /** `ended`: closed or unclean. Default: all. */
  readonly state?: 'open' | 'ended' | undefined;
  readonly pipeline?: string | undefined;
  /** Opened at this time or later; ms since the epoch. */
  readonly sinceMs?: number | undefined;
  /** Opened before this time. */
  readonly untilMs?: number | undefined;
  /** Each begins a word of one and the same item; see `wordsIn`. */
  readonly words?: readonly string[] | undefined;
  /** `seq` of a session that was found: those before it. It holds when that one is removed meanwhile. */
  readonly before?: number | undefined;
  readonly limit: number;
}

/** An item that a search has found. */
export interface ItemMatch {
  readonly item: string;
  readonly role: string | null;
  readonly atMs: number;
  /** The words, and some around them; `…` where there is more. */
  readonly excerpt: string;
}

export interface SessionFound extends SessionRow {
  /** In the order in which sessions were opened. */
  readonly seq: number;
  readonly recordings: number;
  /** The first few; none where no words were searched. */
  readonly matches: readonly ItemMatch[];
}

export interface SessionWhole {
  readonly session: SessionFound;
  readonly recordings: readonly RecordingRow[];
  readonly tasks: readonly TaskRow[];
}

export interface ItemsPage {
  readonly items: readonly ItemRow[];
  /** Where the next one begins; null: nothing follows. */
  readonly next: number | null;
}

export const exportFormats = ['json', 'text', 'vtt'] as const;
export type ExportFormat = (typeof exportFormats)[number];

export type ArchiveQuery =
  | { readonly of: 'search'; readonly search: SessionSearch }
  /** A row or none. */
  | { readonly of: 'whole'; readonly sessionId: string }
  /** One row. */
  | { readonly of: 'page'; readonly sessionId: string; readonly from: number; readonly limit: number }
  /** Texts, one after the other; none where there is no such session. */
  | {
      readonly of: 'export';
      readonly sessionId: string;
      readonly format: ExportFormat;
      /** Times count from the beginning of this recording. Default: of the session. */
      readonly take: number | null;
    }
  | { readonly of: 'runs'; readonly engine: string; readonly limit: number };

/** How much of a session went. */
export interface Removed {
  readonly sessions: number;
  readonly items: number;
  readonly tasks: number;
  readonly recordings: number;
}

/** Rejects with `store_busy` while the disk is full or another program holds the database, else with `store_unusable`. */
export interface Archive {
  /** The newest first. */
  findSessions(search: SessionSearch): Promise<readonly SessionFound[]>;
  wholeSession(sessionId: string): Promise<SessionWhole | undefined>;
  /** In the order of the conversation, those that were deleted in it among them. */
  itemsOf(sessionId: string, from: number, limit: number): Promise<ItemsPage>;
  /** A text in pieces; undefined where there is no such session, or no such recording of it. */
  exported(
    sessionId: string,
    format: ExportFormat,
    take: number | null,
  ): Promise<readonly string[] | undefined>;
  /** The newest first. */
  runsOf(engine: string, limit: number): Promise<readonly EngineRunRow[]>;
  /** Every row of it; its texts are overwritten in the files. Idempotent. */
  removeSession(sessionId: string): Promise<Removed>;
}

/** More would be no search. */
const wordsMax = 32;

/**
 * The words of what somebody looks for; whatever else is in it separates them. Letters, digits and the marks on them, as
 * the index has them.
 */
export function wordsIn(text: string): readonly string[] {
  return (text.match(/[\p{L}\p{N}\p{Co}][\p{L}\p{N}\p{Co}\p{Mn}\p{Mc}]*/gu) ?? []).slice(0, wordsMax);
}
