// Typed lines that were not acknowledged yet, in the order in which they were typed. Pure. A line is sent as an item
// with an id of the client's, and forgotten when the server shows that item; so a line whose fate is unknown, because
// the connection was lost, can be sent again: a server that has it says `duplicate`, and that is as good.
import type { ClientEvent } from './client-events.ts';

export interface Line {
  readonly itemId: string;
  readonly text: string;
  /** Of the `response.create` that asks about it, and the lines before it. */
  readonly askId: string;
  /** `unknown`: sent on a connection that has ended since. */
  readonly fate: 'unsent' | 'sent' | 'unknown';
}

export interface Lines {
  readonly waiting: readonly Line[];
  /** An answer is asked for when the server shows that one of these was new to it; null: nothing is owed. */
  readonly askWhenNew: string | null;
}

export interface LineLimits {
  readonly lines: number;
  readonly characters: number;
}

export interface LinesStep {
  readonly lines: Lines;
  readonly frames: readonly ClientEvent[];
}

export const noLines: Lines = { waiting: [], askWhenNew: null };

/** Which of the client's events made an item. */
const createIdOf = (itemId: string) => `create_${itemId}`;

/** What the server has not shown yet, beside what is kept: it must not fill our memory if it never does. */
export const unshownMax: LineLimits = { lines: 1000, characters: 1024 * 1024 };

/** Undefined when there is no room to keep it. */
export function addLine(lines: Lines, line: Omit<Line, 'fate'>, limits: LineLimits): Lines | undefined {
  const unsent = lines.waiting.filter(({ fate }) => fate !== 'sent');
  const characters = unsent.reduce((sum, { text }) => sum + text.length, line.text.length);
  if (unsent.length >= limits.lines || characters > limits.characters) return undefined;
  return { ...lines, waiting: [...lines.waiting, { ...line, fate: 'unsent' }] };
}

/** Lets go of the oldest when too many wait to be shown; never of the last. */
export function letGo(lines: Lines): { readonly lines: Lines; readonly gone: readonly Line[] } {
  const { waiting } = lines;
  let from = waiting.length;
  for (let characters = 0; from > 0 && waiting.length - from < unshownMax.lines; from -= 1) {
    characters += waiting[from - 1]?.text.length ?? 0;
    if (characters > unshownMax.characters && from < waiting.length) break;
  }
  return { lines: { ...lines, waiting: waiting.slice(from) }, gone: waiting.slice(0, from) };
}

/** Everything that this connection has not been given. One answer is asked for, to all of it. */
export function flush(lines: Lines): LinesStep {
  const due = lines.waiting.filter(({ fate }) => fate !== 'sent');
  const last = due.at(-1);
  if (!last) return { lines, frames: [] };
  const frames: ClientEvent[] = due.map(({ itemId, text }) => ({
    type: 'conversation.item.create',
    event_id: createIdOf(itemId),
    item: { id: itemId, type: 'message', role: 'user', content: [{ type: 'input_text', text }] },
  }));
  const waiting = lines.waiting.map((line) => ({ ...line, fate: 'sent' as const }));
  // Lines that the server may have, it may have answered as well: then nothing is asked again.
  const allMayBeKnown = due.every(({ fate }) => fate === 'unknown');
  if (allMayBeKnown) return { lines: { waiting, askWhenNew: last.askId }, frames };
  frames.push({ type: 'response.create', event_id: last.askId });
  return { lines: { waiting, askWhenNew: null }, frames };
}

/** The connection has ended. */
export function lost(lines: Lines): Lines {
  const waiting = lines.waiting.map((line) =>
    line.fate === 'sent' ? { ...line, fate: 'unknown' as const } : line,
  );
  return { waiting, askWhenNew: null };
}

/** The server has shown an item. */
export function shown(lines: Lines, itemId: string): LinesStep & { readonly line: Line | undefined } {
  const line = lines.waiting.find((other) => other.itemId === itemId);
  if (!line) return { lines, frames: [], line };
  const { askWhenNew } = lines;
  const frames: ClientEvent[] =
    askWhenNew === null ? [] : [{ type: 'response.create', event_id: askWhenNew }];
  return { lines: { waiting: without(lines, line), askWhenNew: null }, frames, line };
}

/** The server has refused one of our events. `duplicate`: it has the line already. */
export function refused(
  lines: Lines,
  error: { readonly code: string; readonly event_id: string | null },
): { readonly lines: Lines; readonly line: Line | undefined; readonly how: 'duplicate' | 'refused' } {
  const line = lines.waiting.find(({ itemId }) => createIdOf(itemId) === error.event_id);
  const how = error.code === 'item_create_duplicate_item_id' ? 'duplicate' : 'refused';
  return { lines: line ? { ...lines, waiting: without(lines, line) } : lines, line, how };
}

const without = ({ waiting }: Lines, line: Line) => waiting.filter((other) => other !== line);
