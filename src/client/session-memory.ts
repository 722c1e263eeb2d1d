// What was asked of the session, all updates as one: a new session after a lost connection knows nothing of them, and
// is told again.
import type { SessionUpdate } from './client-events.ts';

type Fields = Readonly<Record<string, unknown>>;

/** `update` laid over `before`. What has a `type` and changes it is replaced as a whole, as the server does. */
export function mergeUpdates(before: SessionUpdate | null, update: SessionUpdate): SessionUpdate {
  return merge((before ?? {}) as Fields, update as Fields) as SessionUpdate;
}

function merge(before: Fields, update: Fields): Fields {
  const merged: Record<string, unknown> = { ...before };
  for (const [key, value] of Object.entries(update)) {
    const old = merged[key];
    const partial = isFields(old) && isFields(value) && (old['type'] ?? value['type']) === value['type'];
    if (value !== undefined) merged[key] = partial ? merge(old, value) : value;
  }
  return merged;
}

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
