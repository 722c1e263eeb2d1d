// What the store and its thread say to each other. Every question with an `id` gets exactly one answer with the same.
import type { ErrorCode } from '../lifecycle/codes.ts';
import type { ArchiveQuery, Removed } from './archive.ts';
import type { Retention } from './pruning.ts';
import type { SessionQuery, Write } from './store.ts';
import type { Sent } from './write-queue.ts';

/** What the thread is given. */
export interface StoreThreadData {
  readonly path: string;
  readonly run: string;
  readonly retention: Retention;
}

export type PlainQuery =
  | ({ readonly of: 'sessions' } & SessionQuery)
  | { readonly of: 'items' | 'tasks' | 'turns'; readonly sessionId: string }
  | { readonly of: 'loads'; readonly modelKey: string; readonly count: number };

export type Query = PlainQuery | ArchiveQuery;

const plain: readonly Query['of'][] = [
  'sessions',
  'items',
  'tasks',
  'turns',
  'loads',
] satisfies PlainQuery['of'][];

export const isArchive = (query: Query): query is ArchiveQuery => !plain.includes(query.of);

export type StoreRequest =
  | { readonly type: 'write'; readonly id: number; readonly batch: readonly Write[] }
  | { readonly type: 'read'; readonly id: number; readonly query: Query }
  | { readonly type: 'remove'; readonly id: number; readonly sessionId: string }
  /** The last one: the thread ends. */
  | { readonly type: 'close' };

export type StoreReply =
  | { readonly type: 'opened' }
  /** This database is not ours to use: the thread ends. */
  | { readonly type: 'refused'; readonly code: ErrorCode; readonly message: string }
  /** For the log. */
  | { readonly type: 'notice'; readonly message: string }
  | { readonly type: 'sent'; readonly id: number; readonly sent: Sent }
  | { readonly type: 'rows'; readonly id: number; readonly rows: readonly unknown[] }
  | { readonly type: 'removed'; readonly id: number; readonly removed: Removed }
  | { readonly type: 'failed'; readonly id: number; readonly code: ErrorCode; readonly message: string };
