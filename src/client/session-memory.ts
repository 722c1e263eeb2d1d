// What was asked of the session: a new session after a lost connection knows nothing of it, and is told again. Pure. A
// server answers each update, in order; one that it refuses is forgotten, or it would spoil the others for ever.
import type { SessionUpdate } from './client-events.ts';
import { isFields } from './given.ts';

export interface Asked {
  /** An `error` about it names it. */
  readonly eventId: string;
  readonly session: SessionUpdate;
}

export interface SessionMemory {
  /** Everything that was in effect, as one. */
  readonly agreed: SessionUpdate;
  /** What was not answered yet, in order. */
  readonly asked: readonly Asked[];
}

export const noMemory: SessionMemory = { agreed: {}, asked: [] };

/** More are not told apart: a server that never answers must not fill our memory. */
const askedMax = 100;
const againId = 'client_again';

export function remember(memory: SessionMemory, asked: Asked): SessionMemory {
  const longer = { ...memory, asked: [...memory.asked, asked] };
  return longer.asked.length > askedMax ? answered(longer) : longer;
}

/** The server has done what was asked first. */
export function answered({ agreed, asked }: SessionMemory): SessionMemory {
  const [first, ...rest] = asked;
  return { agreed: first ? mergeUpdates(agreed, first.session) : agreed, asked: rest };
}

export function forget({ agreed, asked }: SessionMemory, eventId: string | null): SessionMemory {
  return { agreed, asked: asked.filter((other) => other.eventId !== eventId) };
}

/** A new session has to be told all of it: what was agreed first, as one. That stays agreed, even if this one refuses it. */
export function askAgain({ agreed, asked }: SessionMemory): SessionMemory {
  const open = asked.filter(({ eventId }) => eventId !== againId);
  const known = Object.keys(agreed).length > 0 ? [{ eventId: againId, session: agreed }] : [];
  return { agreed, asked: [...known, ...open] };
}

/** `update` laid over `before`. What has a `type` and changes it is replaced as a whole, as the server does. */
export function mergeUpdates(before: SessionUpdate, update: SessionUpdate): SessionUpdate {
  return merge(before as Fields, update as Fields) as SessionUpdate;
}

type Fields = Readonly<Record<string, unknown>>;

function merge(before: Fields, update: Fields): Fields {
  const merged: Record<string, unknown> = { ...before };
  for (const [key, value] of Object.entries(update)) {
    const old = merged[key];
    const partial = isFields(old) && isFields(value) && (old['type'] ?? value['type']) === value['type'];
    if (value !== undefined) merged[key] = partial ? merge(old, value) : value;
  }
  return merged;
}
