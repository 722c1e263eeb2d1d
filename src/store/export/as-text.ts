// As a text to read: who said what, and when. Pure.
import type { ItemRow } from '../store.ts';
import type { KeptSession } from './exported.ts';
import { clockTime } from './times.ts';

export function* textParts(
  { session, tasks, recordings, items }: KeptSession,
  zeroMs: number,
): Generator<string> {
  const { id, pipeline, remote, openedAtMs, closedAtMs } = session;
  yield `Session ${id}, pipeline ${pipeline}, from ${remote}\n`;
  yield `Opened ${when(openedAtMs)}${closedAtMs === null ? ', open still' : `; ${endOf(session, closedAtMs)}`}\n`;
  if (recordings.length > 0)
    yield `Recordings: ${recordings.map((one) => `${one.id} (${one.state})`).join(', ')}\n`;
  if (zeroMs !== openedAtMs) yield `Times count from ${when(zeroMs)}\n`;
  yield '\n';
  for (const item of items) {
    const line = lineOf(item);
    if (line !== undefined) yield `[${clockTime(item.createdAtMs - zeroMs)}] ${line}\n`;
  }
  for (const { name, state, startedAtMs, result, message } of tasks) {
    const what = [result, message].filter((part) => part !== null).join(': ');
    yield `[${clockTime(startedAtMs - zeroMs)}] Task ${name}, ${state}${what && `: ${oneLine(what)}`}\n`;
  }
}

/** Undefined: taken out of the conversation by its caller. */
function lineOf({ type, role, name, text, status, heardMs, deletedAtMs }: ItemRow): string | undefined {
  if (deletedAtMs !== null) return undefined;
  const said = text === null ? '(nobody wrote down what)' : indented(text);
  if (type === 'function_call') return `Assistant calls ${name}: ${said}`;
  if (type === 'function_call_output') return `Its result: ${said}`;
  const speaker = speakers[role ?? ''] ?? role ?? type;
  const cut = heardMs === null && status !== 'incomplete' ? '' : ' (cut off)';
  return `${speaker}${cut}: ${said}`;
}

const speakers: Readonly<Record<string, string>> = {
  user: 'Caller',
  assistant: 'Assistant',
  system: 'System',
};

const when = (ms: number): string =>
  new Date(ms)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, ' UTC');

function endOf({ state, reason, closeCode, openedAtMs }: KeptSession['session'], closedAtMs: number): string {
  // Of an unclean one nobody knows when.
  if (state === 'unclean') return 'its gateway was gone before it had ended';
  const code = closeCode === null ? '' : ` (${closeCode})`;
  return `ended after ${clockTime(closedAtMs - openedAtMs)}: ${reason ?? 'nobody knows why'}${code}`;
}

const indented = (text: string): string =>
  text
    .trim()
    .split(/\r\n|\r|\n/)
    .join('\n           ');

const oneLine = (text: string): string => text.split(/\s+/).join(' ');
