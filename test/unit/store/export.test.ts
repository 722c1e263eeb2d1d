// A session taken elsewhere: subtitles that a WebVTT parser reads, a text that people read, data that is whole.
import { expect, test } from 'vitest';
import type { ExportFormat } from '../../../src/store/archive.ts';
import { exported, type KeptSession } from '../../../src/store/export/exported.ts';
import type { ItemRow } from '../../../src/store/store.ts';

const zeroMs = Date.UTC(2026, 0, 31, 12);

const item = (id: string, atMs: number, row: Partial<ItemRow>): ItemRow => ({
  ...{ sessionId: 'sess_1', id, previousId: null, type: 'message', role: 'user', status: 'completed' },
  ...{ name: null, callId: null, text: null, heardMs: null, source: null, filler: null, deletedAtMs: null },
  ...{ createdAtMs: zeroMs + atMs, updatedAtMs: zeroMs + atMs },
  ...row,
});

const kept: KeptSession = {
  session: {
    ...{
      id: 'sess_1',
      run: 'run',
      seq: 1,
      generation: 1,
      pipeline: 'default',
      remote: '127.0.0.1:5',
      state: 'closed',
    },
    ...{ openedAtMs: zeroMs, closedAtMs: zeroMs + 3_723_004, reason: 'client_left', closeCode: 1000 },
    ...{ items: 3, answers: 1, recordings: 1, matches: [] },
  },
  recordings: [
    {
      ...{
        id: 'sess_1/2',
        sessionId: 'sess_1',
        take: 2,
        pipeline: 'default',
        state: 'finished',
        reason: null,
      },
      ...{
        startedAtMs: zeroMs + 2000,
        endedAtMs: null,
        bytes: 1,
        durationMs: 1,
        container: 'wav',
        shelf: 'x',
      },
    },
  ],
  tasks: [
    {
      ...{ id: 'task_1', run: 'run', sessionId: 'sess_1', name: 'assessment', trigger: 'end', state: 'done' },
      ...{ startedAtMs: zeroMs + 9000, endedAtMs: zeroMs + 9500, result: '{"score":1}' },
      ...{ raw: null, code: null, message: null },
    },
  ],
  items: [
    item('a', 1500, { text: 'one\n\n\r\n --> two <b>&' }),
    item('call', 2500, { type: 'function_call', role: null, name: 'look', text: '{}' }),
    item('late', 3_600_000, { role: 'assistant', text: 'the end', heardMs: 12_345, status: 'incomplete' }),
    item('b', 2700, { role: 'assistant', text: 'x'.repeat(100), source: '{"think":null}' }),
    item('silent', 2800, { text: null }),
    item('gone', 2900, { text: 'taken back', deletedAtMs: zeroMs }),
    item('arrow --> \n name', 3000, { text: 'and so on' }),
    item('sys', 3100, { role: 'system', text: 'be brief' }),
  ],
};

const text = (format: ExportFormat, take: number | null = null) => exported(kept, format, take).join('');

test('WebVTT: cues in the order of time, in voices, with nothing that would end or begin one', () => {
  expect(text('vtt')).toBe(`WEBVTT

NOTE
Session sess_1, 2026-01-31T12:00:00.000Z

a
00:00:01.500 --> 00:00:02.700
<v Caller>one
--&gt; two &lt;b&gt;&amp;

b
00:00:02.700 --> 00:00:03.700
<v Assistant>${'x'.repeat(100)}

arrow -- >   name
00:00:03.000 --> 00:00:04.000
<v Caller>and so on

late
01:00:00.000 --> 01:00:12.345
<v Assistant>the end
`);
});

test('with a take, times count from its beginning, and what was before it is left out', () => {
  const vtt = text('vtt', 2);
  expect(vtt).not.toContain('<v Caller>one');
  expect(vtt).toContain('b\n00:00:00.700 --> 00:00:01.700\n');
  expect(exported(kept, 'vtt', 1)).toEqual([]);
});

test('a text: who, when, what, in the order of the conversation, and how it ended', () => {
  expect(text('text').split('\n')).toEqual([
    'Session sess_1, pipeline default, from 127.0.0.1:5',
    'Opened 2026-01-31 12:00:00 UTC; ended after 01:02:03: client_left (1000)',
    'Recordings: sess_1/2 (finished)',
    '',
    '[00:00:01] Caller: one',
    ...['           ', '           ', '            --> two <b>&'],
    '[00:00:02] Assistant calls look: {}',
    '[01:00:00] Assistant (cut off): the end',
    `[00:00:02] Assistant: ${'x'.repeat(100)}`,
    '[00:00:02] Caller: (nobody wrote down what)',
    '[00:00:03] Caller: and so on',
    '[00:00:03] System: be brief',
    '[00:00:09] Task assessment, done: {"score":1}',
    '',
  ]);
});

test('data: everything, also what was taken back, in the words of the API, in pieces of any number', () => {
  const data = JSON.parse(text('json'));
  expect(data).toMatchObject({
    ...{ format: 'greenroom-session', version: 1, session: { id: 'sess_1', reason: 'client_left' } },
    recordings: [{ id: 'sess_1/2', session: 'sess_1', container: 'wav' }],
    tasks: [{ id: 'task_1', result: { score: 1 }, error: null }],
  });
  expect(data.items).toHaveLength(8);
  expect(data.items[3]).toMatchObject({ id: 'b', source: { think: null } });
  expect(JSON.stringify(data)).not.toContain('"run"');
  const items = Array.from({ length: 5000 }, (_, each) =>
    item(`i${each}`, each, { text: 'words '.repeat(20) }),
  );
  const pieces = exported({ ...kept, items }, 'json', null);
  expect(pieces.length).toBeGreaterThan(10);
  expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThan(64 * 1024);
  expect(JSON.parse(pieces.join('')).items).toHaveLength(5000);
  expect(
    JSON.parse(exported({ ...kept, items: [], tasks: [], recordings: [] }, 'json', null).join('')),
  ).toMatchObject({
    items: [],
  });
});
