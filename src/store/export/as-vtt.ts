// As subtitles: WebVTT (https://www.w3.org/TR/webvtt1/). A cue for each message, in a voice span of whoever said it. When
// an item came is known, not when its last word was heard: that is told from how long it was heard, else from its letters.
// Pure.
import type { ItemRow } from '../store.ts';
import type { KeptSession } from './exported.ts';
import { clockTime } from './times.ts';

/** Of speech at its usual pace. */
const charMs = 65;
const cueMsMin = 1000;

const voices: Readonly<Record<string, string>> = { user: 'Caller', assistant: 'Assistant' };

export function* vttParts({ session, items }: KeptSession, zeroMs: number): Generator<string> {
  yield `WEBVTT\n\nNOTE\nSession ${plain(session.id)}, ${new Date(zeroMs).toISOString()}\n`;
  const cues = items
    .filter(isSaid)
    // From before the recording began.
    .filter(({ createdAtMs }) => createdAtMs >= zeroMs)
    .toSorted((one, other) => one.createdAtMs - other.createdAtMs);
  for (const [index, item] of cues.entries()) {
    const startMs = item.createdAtMs - zeroMs;
    const nextMs = cues[index + 1]?.createdAtMs;
    const endMs = startMs + lengthMs(item, nextMs === undefined ? null : nextMs - item.createdAtMs);
    yield `\n${plain(item.id)}\n`;
    yield `${clockTime(startMs, 'ms')} --> ${clockTime(endMs, 'ms')}\n`;
    yield `<v ${voices[item.role ?? '']}>${cueText(item.text)}\n`;
  }
}

interface Said extends ItemRow {
  readonly text: string;
}

const isSaid = (item: ItemRow): item is Said =>
  item.type === 'message' &&
  voices[item.role ?? ''] !== undefined &&
  item.deletedAtMs === null &&
  cueText(item.text ?? '') !== '';

/** Until the next one begins, unless that is at once. */
function lengthMs({ text, heardMs }: Said, untilNextMs: number | null): number {
  const spokenMs = Math.max(cueMsMin, heardMs ?? text.length * charMs);
  return untilNextMs === null ? spokenMs : Math.min(spokenMs, Math.max(cueMsMin, untilNextMs));
}

/** An empty line would end the cue, `-->` begin another one, `<` a tag. */
function cueText(text: string): string {
  return text
    .replaceAll('\0', '\u{FFFD}')
    .split(/\r\n|\r|\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join('\n')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');
}

/** A line of its own, which may have no arrow in it; a client may name its items as it likes. */
const plain = (line: string): string => line.replace(/[\r\n\0]/g, ' ').replaceAll('-->', '-- >');
