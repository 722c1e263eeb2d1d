// The last line of the terminal during a live call: how it stands, how loud it is, what is being typed. Pure.
import { stripVTControlCharacters, type styleText } from 'node:util';
import type { LobbyNotice } from '../../wire/notices.ts';
import { oneLine } from '../printable.ts';
import { seconds } from '../screen.ts';
import { cutEnd, cutStart, widthOf } from '../text-width.ts';
import type { LiveWord } from './live-state.ts';
import { engineText } from './report.ts';

export interface StatusFacts {
  readonly word: LiveWord;
  /** Since the call began. */
  readonly ms: number;
  /** Of what is spoken, by whoever speaks: the last ones, oldest first, 0 to 1. */
  readonly levels: readonly number[];
  /** Whether the gateway hears speech. */
  readonly speech: 'none' | 'open' | 'past';
  readonly microphone: 'there' | 'none';
  readonly line: string;
  /** What is being said to us. */
  readonly answer: string;
  /** What is heard of what is said by us, so far. */
  readonly heard: string;
  readonly lobby: LobbyNotice | null;
  readonly retry: { readonly attempt: number; readonly inMs: number } | null;
  readonly kept: { readonly audioMs: number; readonly lines: number };
}

export type Style = Parameters<typeof styleText>[0];
/** Colours are for terminals that have them. */
export type Paint = (style: Style, text: string) => string;

const bars = '▁▂▃▄▅▆▇█';
const meterCells = 20;
const wordWidth = 12;
/** Characters of the end of an answer: more than are shown. */
const answerLookedAt = 200;
/** Columns; with fewer the line that is typed is shown alone. */
const roomToType = 10;

export function meter(levels: readonly number[]): string {
  const shown = levels.slice(-meterCells).map((level) => bars[Math.min(7, Math.floor(level * 8))] ?? '▁');
  return shown.join('').padStart(meterCells, '▁');
}

/** Never longer than the terminal is wide: a line that wraps cannot be drawn anew. */
export function statusLine(facts: StatusFacts, columns: number, paint: Paint): string {
  const width = Math.max(1, columns - 1);
  if (facts.word === 'typing') return typingLine(facts, width, paint);
  if (cursorOf(facts) === 'end') return awayTypingLine(facts, width, paint);
  const { mark, colour } = looks[facts.word];
  const head = ` ${paint(colour, `${mark} ${facts.word.padEnd(wordWidth)}`)}`;
  const time = paint('dim', clockText(facts.ms));
  const body = bodyOf(facts, paint);
  const hint = facts.word === 'leaving' ? '' : paint('dim', hintOf(facts));
  for (const parts of [
    [head, time, body, hint],
    [head, time, body],
    [head, body],
  ]) {
    const line = parts.filter(Boolean).join('  ');
    if (widthOf(line) <= width) return line;
  }
  return cutEnd(`${head}  ${stripVTControlCharacters(body)}`, width);
}

/** Where the person who types sees it: behind the line, at the hint of an empty one, or nowhere. */
export function cursorOf({ word, line }: StatusFacts): 'end' | 'hint' | 'none' {
  if (word === 'typing') return line === '' ? 'hint' : 'end';
  return word === 'reconnecting' && line !== '' ? 'end' : 'none';
}

const looks: Readonly<Record<Exclude<LiveWord, 'typing'>, { mark: string; colour: Style }>> = {
  connecting: { mark: '◌', colour: 'dim' },
  lobby: { mark: '◌', colour: 'yellow' },
  listening: { mark: '●', colour: 'green' },
  speaking: { mark: '◆', colour: 'cyan' },
  reconnecting: { mark: '◌', colour: 'red' },
  leaving: { mark: '◌', colour: 'dim' },
};

function bodyOf(
  { word, levels, speech, microphone, answer, heard, lobby, retry, kept }: StatusFacts,
  paint: Paint,
): string {
  switch (word) {
    case 'listening': {
      if (microphone === 'none') return '';
      return paint(speech === 'open' ? 'green' : 'dim', meter(levels)) + quotedEnd(heard);
    }
    case 'speaking':
      return paint('cyan', meter(levels)) + quotedEnd(answer);
    case 'lobby': {
      const missing = lobby?.engines.filter(({ state }) => state !== 'ready').map(engineText);
      return oneLine(missing?.join('; ') ?? '');
    }
    case 'reconnecting': {
      const when = retry
        ? `attempt ${retry.attempt} ${retry.inMs > 0 ? `in ${seconds(retry.inMs)}` : 'under way'}`
        : '';
      return [when, keptText(kept)].filter(Boolean).join(', ');
    }
    default:
      return '';
  }
}

/** What was said last. */
function quotedEnd(said: string): string {
  return said === '' ? '' : `  “${cutStart(oneLine(said.slice(-answerLookedAt)), 36)}”`;
}

/** `kept: 2 lines, 3.4 s of speech` */
function keptText({ lines, audioMs }: StatusFacts['kept']): string {
  const parts: string[] = [];
  if (lines > 0) parts.push(`${lines} ${lines === 1 ? 'line' : 'lines'}`);
  if (audioMs > 0) parts.push(`${seconds(audioMs)} of speech`);
  return parts.length > 0 ? `kept: ${parts.join(', ')}` : '';
}

function hintOf({ microphone }: StatusFacts): string {
  return microphone === 'there' ? 'space: type   Ctrl+C: leave' : 'Ctrl+C: leave';
}

function typingLine({ line, microphone }: StatusFacts, width: number, paint: Paint): string {
  const back = microphone === 'there' ? 'space: speak again   ' : '';
  const text =
    line !== ''
      ? cutStart(oneLine(line), width - 4)
      : paint('dim', cutEnd(`type a line   ${back}/quit: leave`, width - 4));
  return cutEnd(` ${paint('yellow', '›')} ${text}`, width);
}

/** What somebody types while there is no connection: it is kept, and he sees it. */
function awayTypingLine(facts: StatusFacts, width: number, paint: Paint): string {
  const { mark, colour } = looks.reconnecting;
  const head = ` ${paint(colour, `${mark} ${facts.word}`)} ${paint('yellow', '›')} `;
  const room = width - widthOf(head) - 1;
  if (room < roomToType) return typingLine(facts, width, paint);
  return head + cutStart(oneLine(facts.line), room);
}

/** `0:07`, `12:34`, `1:02:03` */
export function clockText(ms: number): string {
  const total = Math.floor(ms / 1000);
  const [hours, minutes, rest] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60];
  const tail = `${String(minutes).padStart(hours > 0 ? 2 : 1, '0')}:${String(rest).padStart(2, '0')}`;
  return hours > 0 ? `${hours}:${tail}` : tail;
}
