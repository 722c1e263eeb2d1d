// Where the caller's turns are in its sound, as the events of a recording tell.
import { expect, test } from 'vitest';
import { Utterances } from '../../../src/playback/utterances.ts';

type Line = readonly ['caller' | 'gateway', Record<string, unknown>];

function found(lines: readonly Line[]) {
  const utterances = new Utterances();
  return lines.flatMap(([from, event]) => utterances.next({ ms: 0, from, event }) ?? []);
}

const created: Line = ['gateway', { type: 'session.created', session: {} }];
const appended = (at_sample: number, samples: number): Line => [
  'caller',
  { type: 'input_audio_buffer.append', audio: { bytes: 2 * samples, samples, at_sample } },
];
const spoken = (item_id: string, startMs: number, endMs: number): readonly Line[] => [
  ['gateway', { type: 'input_audio_buffer.speech_started', audio_start_ms: startMs, item_id }],
  ['gateway', { type: 'input_audio_buffer.speech_stopped', audio_end_ms: endMs, item_id }],
  ['gateway', { type: 'input_audio_buffer.committed', item_id }],
];
const pressed = (item_id: string): readonly Line[] => [
  ['caller', { type: 'input_audio_buffer.commit' }],
  ['gateway', { type: 'input_audio_buffer.committed', item_id }],
];

test('turns of voice activity stand where it says, in a take that begins with its session', () => {
  const lines = [created, appended(0, 48_000), ...spoken('a', 500, 1000), ...spoken('b', 1500, 1750)];
  expect(found(lines)).toEqual([
    { fromSample: 12_000, toSample: 24_000 },
    { fromSample: 36_000, toSample: 42_000 },
  ]);
});

test('what was committed by hand is what was appended since the last commit or clear', () => {
  const clear: Line = ['caller', { type: 'input_audio_buffer.clear' }];
  const lines = [
    ...[created, appended(0, 2400), ...pressed('a'), appended(2400, 2400), clear],
    ...[appended(4800, 4800), ...pressed('b')],
  ];
  expect(found(lines)).toEqual([
    { fromSample: 0, toSample: 2400 },
    { fromSample: 4800, toSample: 9600 },
  ]);
});

test('a commit of too little makes no item, and is not taken for the one of the next', () => {
  const refused: Line = [
    'gateway',
    { type: 'error', error: { code: 'input_audio_buffer_commit_empty', message: '' } },
  ];
  const lines: readonly Line[] = [
    ...[created, appended(0, 240), ['caller', { type: 'input_audio_buffer.commit' }] as const, refused],
    ...[appended(240, 4800), ...pressed('a')],
  ];
  expect(found(lines)).toEqual([{ fromSample: 0, toSample: 5040 }]);
});

test('a take that began within its session is placed by when its turns were over', () => {
  // The session had 100 s before: 102 s were heard when the turn that ended at 101.5 s was told.
  const lines = [appended(0, 48_000), ...spoken('a', 100_500, 101_500)];
  expect(found(lines)).toEqual([{ fromSample: 12_000, toSample: 36_000 }]);
});

test('a take that began within its session does not begin with it when its caller comes back', () => {
  const back: Line = ['gateway', { type: 'conversation.item.added', item: { id: 'x', role: 'assistant' } }];
  const lines = [back, created, appended(0, 48_000), ...spoken('a', 100_500, 101_500)];
  expect(found(lines)).toEqual([{ fromSample: 12_000, toSample: 36_000 }]);
});

test('a session that begins in place of one that is over is at its beginning', () => {
  const over: Line = ['gateway', { type: 'error', error: { code: 'conversation_expired' } }];
  const lines = [over, created, appended(0, 48_000), ...spoken('a', 500, 1000)];
  expect(found(lines)).toEqual([{ fromSample: 12_000, toSample: 24_000 }]);
});

test('an item that its caller made whole is in no sound, and is none', () => {
  const made: Line = ['gateway', { type: 'conversation.item.added', item: { id: 'a', role: 'user' } }];
  expect(found([created, made])).toEqual([]);
});
