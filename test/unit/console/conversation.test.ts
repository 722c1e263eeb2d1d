// A call as the page shows it, from its events.
import { expect, test } from 'vitest';
import { type Conversation, firstConversation, next } from '../../../console/src/talk/conversation.ts';
import { answerStep, stagesOf } from '../../../console/src/talk/latency.ts';
import type { ConnectionEvent } from '../../../src/client/index.ts';

type Told = readonly [atMs: number, event: Readonly<Record<string, unknown>>];

const after = (told: readonly Told[], from: Conversation = firstConversation): Conversation =>
  told.reduce((state, [atMs, event]) => next(state, event as unknown as ConnectionEvent, atMs), from);

const lobby = (state: string) => ({ type: 'greenroom.lobby', state, engines: [] });
const part = { response_id: 'resp_1', item_id: 'item_2', output_index: 0, content_index: 0 };
const spoken: readonly Told[] = [
  [0, { type: 'session.created', session: { id: 'sess_1' } }],
  [1, lobby('waiting')],
  [5, lobby('ready')],
  [10, { type: 'input_audio_buffer.speech_started', item_id: 'item_1', audio_start_ms: 0 }],
  [900, { type: 'input_audio_buffer.speech_stopped', item_id: 'item_1', audio_end_ms: 800 }],
  [
    901,
    {
      type: 'conversation.item.added',
      item: {
        id: 'item_1',
        type: 'message',
        role: 'user',
        content: [{ type: 'input_audio', transcript: null }],
      },
    },
  ],
  [1000, { type: 'conversation.item.input_audio_transcription.delta', item_id: 'item_1', delta: 'Hel' }],
  [
    1100,
    {
      type: 'conversation.item.input_audio_transcription.completed',
      item_id: 'item_1',
      transcript: 'Hello.',
    },
  ],
  [1110, { type: 'response.created', response: { id: 'resp_1', status: 'in_progress' } }],
  [1300, { type: 'response.output_audio_transcript.delta', delta: 'Hi ', ...part }],
  [1400, { type: 'response.output_audio.delta', delta: 'AAAA', ...part }],
];
const done = { type: 'response.done', response: { id: 'resp_1', status: 'completed', status_details: null } };

test('what is said and answered becomes lines, partial until they are whole', () => {
  const partial = after(spoken.slice(0, 7));
  expect(partial.lines).toMatchObject([{ id: 'item_1', who: 'you', text: 'Hel', state: 'partial' }]);
  const answering = after(spoken);
  expect(answering).toMatchObject({
    state: 'responding',
    response: 'resp_1',
    session: 'sess_1',
    speech: 'silent',
  });
  expect(answering.lines).toMatchObject([
    { who: 'you', text: 'Hello.', state: 'whole' },
    { who: 'answer', text: 'Hi ', state: 'partial' },
  ]);
  const over = after(
    [
      [1500, { type: 'response.output_audio_transcript.done', transcript: 'Hi there.', ...part }],
      [1600, done],
    ],
    answering,
  );
  expect(over).toMatchObject({ state: 'ready', response: null });
  expect(over.lines[1]).toMatchObject({ text: 'Hi there.', state: 'whole' });
});

test('each stage of an answer has its time, the first word and the first sound count', () => {
  const more = after(
    [
      [1700, { type: 'response.output_audio.delta', delta: 'AAAA', ...part }],
      [1800, done],
    ],
    after(spoken),
  );
  const played = answerStep(answerStep(more, 'resp_1', { playedMs: 1460 }), 'resp_1', { playedMs: 1900 });
  const [answer] = played.answers;
  if (!answer) throw new Error('no answer');
  expect(Object.fromEntries(stagesOf(answer).map(({ name, ms }) => [name, ms]))).toEqual({
    ...{ hear: 200, begin: 10, think: 190, speak: 100, play: 60, all: 560 },
  });
});

test('a typed line, an interruption, a failure and an error are shown as what they are', () => {
  const typed = {
    id: 'item_9',
    type: 'message',
    role: 'user',
    content: [{ type: 'input_text', text: 'Hello' }],
  };
  const state = after([
    [1, { type: 'conversation.item.added', item: typed }],
    [2, { type: 'response.created', response: { id: 'resp_1' } }],
    [3, { type: 'response.output_text.delta', delta: 'Well', ...part }],
    [4, { type: 'conversation.item.truncated', item_id: 'item_2', content_index: 0, audio_end_ms: 100 }],
    [
      5,
      {
        ...done,
        response: {
          id: 'resp_1',
          status: 'failed',
          status_details: { type: 'failed', error: { message: 'engine llm is gone' } },
        },
      },
    ],
    [6, { type: 'error', event_id: 'e1', error: { message: 'no such thing' } }],
  ]);
  expect(state.lines.map(({ who, text, state: how }) => [who, text, how])).toEqual([
    ['you', 'Hello', 'whole'],
    ['answer', 'Well', 'cut'],
    ['notice', 'engine llm is gone', 'failed'],
    ['notice', 'no such thing', 'failed'],
  ]);
  expect(state.answers[0]).toMatchObject({ status: 'failed', saidMs: 1 });
});

test('a lost connection is looked for, a closed one is over with its reason', () => {
  const lost = after([[1, { type: 'client.state', state: 'reconnecting', reason: 'cut' }]], after(spoken));
  expect(lost).toMatchObject({ state: 'reconnecting', response: null, reason: 'cut' });
  expect(after([[2, { type: 'client.state', state: 'closed', reason: 'asked' }]], lost)).toMatchObject({
    state: 'ended',
    reason: 'asked',
  });
  expect(after([[1, lobby('waiting')]]).state).toBe('lobby');
});

test('lines are bounded', () => {
  const errors: Told[] = Array.from({ length: 400 }, (_, n) => [
    n,
    { type: 'error', event_id: `e${n}`, error: { message: `${n}` } },
  ]);
  const { lines } = after(errors);
  expect(lines).toHaveLength(300);
  expect(lines.at(-1)?.text).toBe('399');
});
