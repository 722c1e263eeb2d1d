// Sessions as the API tells of them: open, past, and one with all that is kept of it.
import type { TakeFacts } from '../../../src/recordings/facts.ts';
import type { SessionFacts } from '../../../src/sessions/session-facts.ts';
import { hasNow } from '../live/abilities.ts';
import { ApiError, ask, askList } from '../live/api.ts';

export interface SessionRow extends Omit<SessionFacts, 'state'> {
  readonly state: SessionFacts['state'] | 'closed' | 'unclean';
  readonly openedAtMs?: number;
  readonly closedAtMs?: number | null;
  readonly reason?: string | null;
  readonly recordings?: number | null;
  readonly matches?: readonly { readonly item: string; readonly excerpt: string }[];
}

export interface SessionItem {
  readonly id: string;
  readonly type: string;
  readonly role: string | null;
  readonly status: string;
  readonly name: string | null;
  readonly text: string | null;
  readonly heardMs: number | null;
  readonly createdAtMs: number;
  readonly deletedAtMs: number | null;
}

export interface SessionTask {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly startedAtMs: number;
  readonly endedAtMs: number | null;
  readonly progress: { readonly pieces: number; readonly chars: number; readonly elapsedMs: number } | null;
  readonly result: unknown;
  readonly error: { readonly code: string; readonly message: string } | null;
}

export type Take = Pick<
  TakeFacts,
  'id' | 'session' | 'take' | 'state' | 'startedAtMs' | 'endedAtMs' | 'bytes' | 'reason'
> &
  Partial<Pick<TakeFacts, 'caller' | 'assistant' | 'error'>>;

export interface SessionWhole {
  /** Null: nothing is known of it but its recordings. */
  readonly session: SessionRow | null;
  readonly items: readonly SessionItem[];
  readonly tasks: readonly SessionTask[];
  readonly takes: readonly Take[];
  /** Whether what was said can be had. */
  readonly kept: 'kept' | 'unknown';
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

interface Kept {
  readonly session: SessionRow;
  readonly items: readonly SessionItem[];
  readonly tasks: readonly SessionTask[];
}

export async function wholeSession(id: string): Promise<SessionWhole> {
  const name = encodeURIComponent(id);
  const [kept, takes] = await Promise.all([
    keptOf(id),
    askList<Take>(`/api/recordings?session=${name}`).catch(() => []),
  ]);
  if (kept) return { ...kept, takes, kept: 'kept' };
  const session = (await openSessions()).find((one) => one.id === id) ?? null;
  const tasks = session ? await askList<SessionTask>(`/api/sessions/${name}/tasks`) : [];
  if (!session && takes.length === 0)
    throw new ApiError('not_found', `nothing is known of session ${id}`, 404);
  return { session, tasks, takes, items: [], kept: 'unknown' };
}

/** Null: nothing is kept of it, or this gateway does not tell. */
async function keptOf(id: string): Promise<Kept | null> {
  if (!(await hasNow('/api/sessions/{id}'))) return null;
  return ask<Kept>(`/api/sessions/${encodeURIComponent(id)}`).catch((thrown: unknown) => {
    if (thrown instanceof ApiError && thrown.status === 404) return null;
    throw thrown;
  });
}
