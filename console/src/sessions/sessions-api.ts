// Sessions as the API tells of them: open, past, and one with all that is kept of it.
import type { TakeFacts } from '../../../src/recordings/facts.ts';
import type { SessionFacts } from '../../../src/sessions/session-facts.ts';
import type { TaskFacts } from '../../../src/tasks/task-facts.ts';
import { ApiError, ask, askList } from '../live/api.ts';

export interface SessionRow extends Omit<SessionFacts, 'state'> {
  readonly state: SessionFacts['state'] | 'closed' | 'unclean';
  readonly openedAtMs?: number;
  readonly closedAtMs?: number | null;
  readonly reason?: string | null;
  readonly recordings?: number | null;
  readonly closeCode?: number | null;
  readonly answers?: number | null;
  readonly matches?: readonly { readonly item: string; readonly excerpt: string }[];
}

interface Source {
  readonly engine: string;
  readonly model: string | null;
}

export interface SessionItem {
  readonly id: string;
  readonly type: string;
  readonly role: string | null;
  readonly status: string;
  readonly name: string | null;
  readonly text: string | null;
  readonly heardMs: number | null;
  /** Who thought and spoke it, where that is known. */
  readonly source: { readonly think?: Source | null; readonly speak?: Source | null } | null;
  /** What of its text was said to pass the time. */
  readonly filler: string | null;
  readonly createdAtMs: number;
  readonly deletedAtMs: number | null;
}

export type SessionTask = Pick<
  TaskFacts,
  'id' | 'name' | 'trigger' | 'state' | 'startedAtMs' | 'endedAtMs' | 'progress' | 'result' | 'raw' | 'error'
>;

export interface SessionWhole {
  /** Null: nothing is known of it but its recordings. */
  readonly session: SessionRow | null;
  readonly items: readonly SessionItem[];
  /** Where the next items begin; null: these are all. */
  readonly nextCursor: string | null;
  readonly tasks: readonly SessionTask[];
  readonly takes: readonly TakeFacts[];
}

interface Page {
  readonly data: readonly SessionRow[];
  readonly nextCursor?: string | null;
}

export interface PastPage {
  readonly rows: readonly SessionRow[];
  readonly nextCursor: string | null;
}

export const openSessions = (): Promise<readonly SessionRow[]> => askList<SessionRow>('/api/sessions');

const hasEnded = ({ state }: SessionRow): boolean => state === 'closed' || state === 'unclean';

export async function pastSessions(words: string, cursor: string | null): Promise<PastPage> {
  const query = new URLSearchParams({ state: 'ended', limit: '50' });
  if (words.trim() !== '') query.set('q', words.trim());
  if (cursor !== null) query.set('cursor', cursor);
  const { data, nextCursor = null } = await ask<Page>(`/api/sessions?${query}`);
  return { rows: data.filter(hasEnded), nextCursor };
}

type Kept = Pick<SessionWhole, 'items' | 'tasks' | 'nextCursor'> & { readonly session: SessionRow };

const pathOf = (id: string): string => `/api/sessions/${encodeURIComponent(id)}`;

export async function wholeSession(id: string): Promise<SessionWhole> {
  const [kept, takes] = await Promise.all([
    ask<Kept>(pathOf(id)).catch(orNull),
    askList<TakeFacts>(`/api/recordings?session=${encodeURIComponent(id)}`).catch(() => []),
  ]);
  if (kept) {
    // What is kept of them has no progress, which those under way have.
    const under = kept.tasks.some(({ endedAtMs }) => endedAtMs === null);
    const live = under ? askList<SessionTask>(`${pathOf(id)}/tasks`).catch(() => kept.tasks) : kept.tasks;
    return { ...kept, tasks: await live, takes };
  }
  if (takes.length === 0) throw new ApiError('not_found', `nothing is known of session ${id}`, 404);
  return { session: null, tasks: [], takes, items: [], nextCursor: null };
}

interface ItemsPage {
  readonly data: readonly SessionItem[];
  readonly nextCursor: string | null;
}

export const moreItems = (id: string, cursor: string): Promise<ItemsPage> =>
  ask<ItemsPage>(`${pathOf(id)}/items?cursor=${encodeURIComponent(cursor)}`);

function orNull(thrown: unknown): null {
  if (thrown instanceof ApiError && thrown.status === 404) return null;
  throw thrown;
}
