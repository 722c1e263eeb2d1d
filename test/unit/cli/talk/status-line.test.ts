import { describe, expect, test } from 'vitest';
import { liveWord } from '../../../../src/cli/talk/live-state.ts';
import { levelOf } from '../../../../src/cli/talk/microphone.ts';
import {
  clockText,
  cursorOf,
  meter,
  type StatusFacts,
  statusLine,
} from '../../../../src/cli/talk/status-line.ts';
import { widthOf } from '../../../../src/cli/text-width.ts';

const plain = (_style: unknown, text: string) => text;
const engine = {
  name: 'voice',
  state: 'starting',
  rung: 'loaded',
  progress: 0.42,
  text: 'reading',
  elapsed_ms: 1200,
  eta_ms: null,
};
const facts: StatusFacts = {
  word: 'listening',
  ms: 7000,
  levels: [0, 0.5, 1],
  speech: 'none',
  microphone: 'there',
  line: '',
  answer: '',
  heard: '',
  lobby: {
    type: 'greenroom.lobby',
    state: 'waiting',
    engines: [engine, { ...engine, name: 'ears', state: 'ready' }],
  },
  retry: { attempt: 2, inMs: 1200 },
  kept: { lines: 1, audioMs: 3400 },
};

describe('the status line', () => {
  test.each<[Partial<StatusFacts>, string]>([
    [{}, ' ● listening     0:07  ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▅█  space: type   Ctrl+C: leave'],
    [{ word: 'speaking', answer: 'Good day.' }, ' ◆ speaking      0:07  ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▅█  “Good day.”'],
    [{ word: 'lobby' }, ' ◌ lobby         0:07  voice starting (loaded) 42 % 1.2 s reading'],
    [{ word: 'reconnecting' }, ' ◌ reconnecting  0:07  attempt 2 in 1.2 s, kept: 1 line, 3.4 s of speech'],
    [{ word: 'leaving' }, ' ◌ leaving       0:07'],
    [{ word: 'typing' }, ' › type a line   space: speak again   /quit: leave'],
    [{ word: 'typing', microphone: 'none' }, ' › type a line   /quit: leave'],
    [{ word: 'typing', line: 'hello 한국' }, ' › hello 한국'],
    [{ word: 'listening', microphone: 'none' }, ' ● listening     0:07  Ctrl+C: leave'],
    [{ word: 'reconnecting', line: 'half a' }, ' ◌ reconnecting › half a'],
    [{ word: 'typing', line: 'a\u001b[2Jb\rc' }, ' › a\\u001b[2Jb c'],
    [
      { word: 'speaking', answer: 'one\n\u202etwo' },
      ' ◆ speaking      0:07  ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▅█  “one \\u202etwo”',
    ],
    [
      {
        word: 'lobby',
        lobby: { type: 'greenroom.lobby', state: 'waiting', engines: [{ ...engine, text: '\u009b5n' }] },
      },
      ' ◌ lobby         0:07  voice starting (loaded) 42 % 1.2 s \\u009b5n',
    ],
  ])('%j', (changes, line) => {
    expect(statusLine({ ...facts, ...changes }, 80, plain).trimEnd()).toBe(line);
  });

  test.each([1, 2, 3, 5, 8, 20, 30, 50, 80, 120])(
    'is never wider than a terminal of %i columns',
    (columns) => {
      const words = [
        'connecting',
        'lobby',
        'listening',
        'speaking',
        'typing',
        'reconnecting',
        'leaving',
      ] as const;
      for (const word of words) {
        const line = statusLine(
          { ...facts, word, line: '한국어 '.repeat(30), answer: 'a'.repeat(200) },
          columns,
          plain,
        );
        expect(widthOf(line)).toBeLessThanOrEqual(Math.max(1, columns - 1));
      }
    },
  );

  test('a person who types sees where: at the hint of an empty line, behind what he typed, also while it reconnects', () => {
    const cursor = (changes: Partial<StatusFacts>) => cursorOf({ ...facts, ...changes });
    expect([cursor({ word: 'typing' }), cursor({ word: 'typing', line: 'a' })]).toEqual(['hint', 'end']);
    expect([cursor({ word: 'reconnecting' }), cursor({ word: 'reconnecting', line: 'a' })]).toEqual([
      'none',
      'end',
    ]);
    const narrow = { ...facts, word: 'reconnecting', line: 'half a line' } as const;
    expect(statusLine(narrow, 20, plain)).toBe(' › half a line');
  });

  test('shows the end of a long line, which is where somebody types', () => {
    expect(statusLine({ ...facts, word: 'typing', line: `${'x'.repeat(90)}end` }, 40, plain)).toMatch(
      /^ › …x+end$/,
    );
  });
});

test.each([
  [{ connection: 'connecting' }, 'connecting'],
  [{}, 'listening'],
  [{ answer: 'said' }, 'speaking'],
  [{ lobby: 'waiting' }, 'lobby'],
  [{ lobby: null }, 'lobby'],
  [{ lobby: 'waiting', typing: { mode: 'typing', line: '' } }, 'typing'],
  [{ answer: 'said', typing: { mode: 'typing', line: '' } }, 'typing'],
  [{ connection: 'reconnecting', typing: { mode: 'typing', line: '' } }, 'reconnecting'],
  [{ connection: 'closing' }, 'leaving'],
] as const)('%j is %s', (changes, word) => {
  const typing = { mode: 'voice', line: '' } as const;
  expect(liveWord({ connection: 'open', lobby: 'ready', answer: 'none', typing, ...changes })).toBe(word);
});

test('times and levels', () => {
  expect([0, 59_999, 60_000, 3_723_000].map(clockText)).toEqual(['0:00', '0:59', '1:00', '1:02:03']);
  expect(levelOf(new Int16Array(100))).toBe(0);
  expect(levelOf(new Int16Array(100).fill(32_767))).toBeCloseTo(1, 2);
  expect(levelOf(new Int16Array(100).fill(328))).toBeCloseTo(1 / 3, 1);
  expect(meter([2])).toMatch(/█$/);
});
