// What a caller that has come back is told of a conversation.
import { expect, test } from 'vitest';
import { next, open } from '../../../src/realtime/conversation.ts';
import { replay } from '../../../src/realtime/replay.ts';
import type { Conversation, ConversationInput } from '../../../src/realtime/state.ts';
import { initialSession } from '../../../src/wire/session-config.ts';

const abilities = { hears: 'words', answers: 'speech' } as const;
let ids = 0;
const newId = (prefix: string) => `${prefix}_${++ids}`;

function conversation(...inputs: readonly ((state: Conversation) => ConversationInput)[]): Conversation {
  const session = initialSession({
    ...{ id: 'sess_1', model: 'm', voice: 'v', instructions: '', expiresAt: 0, abilities },
  });
  const opened = open(session, 'conv_1', newId, abilities).state;
  return inputs.reduce((state, input) => next(state, input(state), newId).state, opened);
}

const spoken = [
  () => ({ type: 'ready' }) as const,
  () => ({ type: 'audio_appended', samples: 24_000 }) as const,
  () => ({ type: 'client', event: { type: 'input_audio_buffer.commit' } }) as const,
];
const itemId = (state: Conversation) => state.items[0]?.id ?? '';

test('what is being written down is told as far as it is, in one delta', () => {
  const state = conversation(
    ...spoken,
    (now) => ({ type: 'transcript', itemId: itemId(now), text: 'Hel' }),
    (now) => ({ type: 'transcript', itemId: itemId(now), text: 'Hello' }),
  );
  const address = { item_id: itemId(state), content_index: 0 };
  const told = replay(state);
  expect(told.map(({ type }) => type)).toEqual([
    ...['session.created', 'conversation.created', 'conversation.item.added', 'conversation.item.done'],
    'conversation.item.input_audio_transcription.delta',
  ]);
  expect(told.at(-1)).toMatchObject({ ...address, delta: 'Hello' });
});

test('what could not be written down is told so again', () => {
  const state = conversation(...spoken, (now) => ({
    ...{ type: 'transcript_failed', itemId: itemId(now), code: 'engine_call_failed', message: 'deaf' },
  }));
  expect(replay(state).at(-1)).toMatchObject({
    type: 'conversation.item.input_audio_transcription.failed',
    error: { code: 'engine_call_failed', message: 'deaf' },
  });
});

test('an answer under way is begun where its item stands, also between others', () => {
  const line = (id: string): ConversationInput => ({
    type: 'client',
    event: {
      type: 'conversation.item.create',
      item: { id, type: 'message', role: 'user', content: [{ type: 'input_text', text: id }] },
    },
  });
  const responseId = (state: Conversation) => state.response?.object.id ?? '';
  const state = conversation(
    () => ({ type: 'ready' }),
    () => line('first'),
    () => ({ type: 'client', event: { type: 'response.create' } }),
    (now) => ({ type: 'output', responseId: responseId(now), chunk: { type: 'text', text: 'Well, ' } }),
    () => line('second'),
    (now) => ({ type: 'output', responseId: responseId(now), chunk: { type: 'text', text: 'yes' } }),
  );
  const told = replay(state).slice(4);
  expect(told.map(({ type }) => type)).toEqual([
    ...['response.created', 'response.output_item.added', 'conversation.item.added'],
    ...['response.content_part.added', 'response.output_audio_transcript.delta'],
    ...['conversation.item.added', 'conversation.item.done'],
  ]);
  expect(told[2]).toMatchObject({ previous_item_id: 'first', item: { status: 'in_progress' } });
  expect(told[4]).toMatchObject({ delta: 'Well, yes' });
  expect(told[5]).toMatchObject({ item: { id: 'second' } });
});

test('a transcription session is shown as one, and that it can be resumed', () => {
  const state = conversation(() => ({
    type: 'client',
    event: { type: 'session.update', session: { type: 'transcription', resumption: { enabled: true } } },
  }));
  expect(replay(state)[0]).toMatchObject({
    session: { type: 'transcription', id: 'sess_1', resumption: { enabled: true } },
  });
  const off = next(
    state,
    { type: 'client', event: { type: 'session.update', session: { resumption: null } } },
    newId,
  );
  expect(off.state.session).not.toHaveProperty('resumption');
});
