import { describe, expect, test } from 'vitest';
import type { SentEvent } from './replica.ts';
import { Rig } from './rig.ts';

const types = (events: readonly SentEvent[]) => events.map(({ type }) => type);

const shownText = [
  'response.output_item.added',
  'conversation.item.added',
  'response.content_part.added',
  'response.output_text.delta',
];
const shownAudio = [
  'response.output_item.added',
  'conversation.item.added',
  'response.content_part.added',
  'response.output_audio_transcript.delta',
];
const doneText = [
  'response.output_text.done',
  'response.content_part.done',
  'response.output_item.done',
  'conversation.item.done',
  'response.done',
];
const doneAudio = [
  'response.output_audio.done',
  'response.output_audio_transcript.done',
  ...doneText.slice(1),
];

/** A text answer to one typed line, under way. */
function answering(modality: 'text' | 'audio' = 'audio'): Rig {
  const rig = new Rig().ready();
  rig.say('hello', 'item_hello');
  rig.client({ type: 'response.create', event_id: 'ask', response: { output_modalities: [modality] } });
  return rig;
}

describe('the events of a response', () => {
  test('a text response comes in the order that clients are written against', () => {
    const rig = answering('text');
    expect(types(rig.events.slice(-1))).toEqual(['response.created']);
    expect(types([...rig.output('Hel'), ...rig.output('lo.'), ...rig.end()])).toEqual([
      ...shownText,
      'response.output_text.delta',
      ...doneText,
    ]);
    expect(rig.last('response.output_text.done').text).toBe('Hello.');
    const { response } = rig.last('response.done');
    expect(response).toMatchObject({
      status: 'completed',
      status_details: null,
      output_modalities: ['text'],
    });
    expect(response.output).toEqual([
      expect.objectContaining({
        role: 'assistant',
        status: 'completed',
        content: [{ type: 'output_text', text: 'Hello.' }],
      }),
    ]);
  });

  test('an audio response comes with its transcript, deltas in the order they were made', () => {
    const rig = answering('audio');
    const events = [rig.output('Hel'), rig.output(20), rig.output('lo.'), rig.output(40), rig.end()].flat();
    expect(types(events)).toEqual([
      ...shownAudio,
      'response.output_audio.delta',
      'response.output_audio_transcript.delta',
      'response.output_audio.delta',
      ...doneAudio,
    ]);
    expect(Buffer.from(rig.last('response.output_audio.delta').delta, 'base64')).toHaveLength(40 * 24 * 2);
    expect(rig.last('response.content_part.done').part).toEqual({ type: 'audio', transcript: 'Hello.' });
    expect(rig.last('conversation.item.done').item).toMatchObject({
      content: [{ type: 'output_audio', transcript: 'Hello.' }],
    });
  });

  test('audio of a text response is left out, and so is output that holds nothing', () => {
    const text = answering('text');
    expect([...text.output(20), ...text.output('')]).toEqual([]);
    expect(types(text.end())).toEqual(['response.done']);
    const audio = answering('audio');
    expect([...audio.output(0), ...audio.output('')]).toEqual([]);
  });

  test('a response cancelled before its first output has no item', () => {
    const rig = answering();
    expect(types(rig.client({ type: 'response.cancel' }))).toEqual(['response.done']);
    expect(rig.last('response.done').response).toMatchObject({
      status: 'cancelled',
      status_details: { type: 'cancelled', reason: 'client_cancelled' },
      output: [],
    });
    expect(rig.itemIds).toEqual(['item_hello']);
  });

  test('a response cancelled midway closes everything that it opened', () => {
    const rig = answering();
    const { responseId } = rig;
    rig.output('Hel');
    rig.output(20);
    expect(types(rig.client({ type: 'response.cancel', response_id: responseId }))).toEqual(doneAudio);
    expect(rig.last('response.done').response).toMatchObject({ status: 'cancelled' });
    expect(rig.last('conversation.item.done').item).toMatchObject({
      status: 'incomplete',
      content: [{ type: 'output_audio', transcript: 'Hel' }],
    });
    expect(rig.effects.filter(({ type }) => type === 'stop_response')).toHaveLength(1);
  });

  test('output that comes after the end is dropped, and never reaches the next response', () => {
    const rig = answering();
    const { responseId } = rig;
    rig.client({ type: 'response.cancel' });
    rig.client({ type: 'response.create', event_id: 'next' });
    expect(rig.feed({ type: 'output', responseId, chunk: { type: 'text', text: 'stale' } })).toEqual([]);
    expect(rig.feed({ type: 'output_ended', responseId })).toEqual([]);
    expect(rig.feed({ type: 'output_failed', responseId, code: 'engine_call_failed', message: '' })).toEqual(
      [],
    );
    expect(rig.responseId).not.toBe(responseId);
  });

  test.each([
    ['before its first output', 0],
    ['midway', 1],
  ])('a response that fails %s is told as failed, with the code', (_when, chunks) => {
    const rig = answering();
    if (chunks > 0) rig.output('Hel');
    const events = rig.feed({
      type: 'output_failed',
      responseId: rig.responseId,
      code: 'engine_call_failed',
      message: 'the voice broke',
    });
    expect(types(events)).toEqual(chunks > 0 ? doneAudio : ['response.done']);
    expect(rig.last('response.done').response).toMatchObject({
      status: 'failed',
      status_details: {
        type: 'failed',
        error: { type: 'server_error', code: 'engine_call_failed', message: 'the voice broke' },
      },
    });
    expect(types(rig.client({ type: 'response.create', event_id: 'again' }))).toEqual(['response.created']);
  });

  test('a response carries what was asked for it alone, and the session keeps its own', () => {
    const rig = new Rig().ready();
    const metadata = { client_event_id: 'response_create_1', topic: 'weather' };
    rig.client({
      type: 'response.create',
      response: {
        instructions: 'In one word.',
        output_modalities: ['text'],
        max_output_tokens: 7,
        tools: [{ type: 'function', name: 'stop' }],
        tool_choice: 'none',
        metadata,
      },
    });
    expect(rig.last('response.created').response).toMatchObject({
      object: 'realtime.response',
      conversation_id: 'conv_test',
      status: 'in_progress',
      status_details: null,
      output: [],
      output_modalities: ['text'],
      max_output_tokens: 7,
      metadata,
      usage: null,
    });
    expect(rig.effects.findLast(({ type }) => type === 'start_response')).toMatchObject({
      snapshot: {
        instructions: 'In one word.',
        modality: 'text',
        session: { instructions: 'In one word.', tool_choice: 'none', tools: [{ name: 'stop' }] },
      },
    });
    rig.end();
    expect(rig.last('response.done').response.metadata).toEqual(metadata);
    expect(rig.state.session).toMatchObject({ instructions: '', tools: [], output_modalities: ['audio'] });
  });

  test('a response runs on the items and the session that it started with', () => {
    const rig = answering();
    rig.say('too late');
    rig.client({ type: 'session.update', session: { instructions: 'changed' } });
    expect(rig.effects.find(({ type }) => type === 'start_response')).toMatchObject({
      snapshot: { items: [{ id: 'item_hello' }], session: { instructions: '' }, instructions: null },
    });
  });

  test('an answer stands after the last item that it answers, whatever came since', () => {
    const rig = answering();
    rig.say('meanwhile', 'item_meanwhile');
    rig.output('Hi.');
    const { item, previous_item_id } = rig.last('conversation.item.added');
    expect(previous_item_id).toBe('item_hello');
    rig.end();
    expect(rig.itemIds).toEqual(['item_hello', item.id, 'item_meanwhile']);
  });

  test('an answer to items that were deleted since stands where they stood', () => {
    const rig = new Rig().ready();
    for (const id of ['item_a', 'item_b', 'item_c']) rig.say(id, id);
    rig.client({ type: 'response.create' });
    rig.say('later', 'item_later');
    rig.client({ type: 'conversation.item.delete', item_id: 'item_c' });
    rig.client({ type: 'conversation.item.delete', item_id: 'item_b' });
    rig.output('Hi.');
    expect(rig.last('conversation.item.added').previous_item_id).toBe('item_a');
  });
});

describe('one response at a time', () => {
  test('a second response.create while one runs is refused with its own event id', () => {
    const rig = answering();
    expect(types(rig.client({ type: 'response.create', event_id: 'second' }))).toEqual(['error']);
    expect(rig.last('error').error).toEqual({
      type: 'invalid_request_error',
      code: 'conversation_already_has_active_response',
      message: `Conversation already has an active response in progress: ${rig.responseId}. Wait until the response is finished before creating a new one.`,
      param: null,
      event_id: 'second',
    });
  });

  test('a cancel when nothing runs is refused with the words that clients look for', () => {
    const rig = new Rig().ready();
    rig.client({ type: 'response.cancel', event_id: 'stop' });
    expect(rig.last('error').error).toMatchObject({
      code: 'response_cancel_not_active',
      message: 'Cancellation failed: no active response found',
      event_id: 'stop',
    });
  });

  test('a cancel of another response leaves the one that runs', () => {
    const rig = answering();
    rig.client({ type: 'response.cancel', event_id: 'stop', response_id: 'resp_other' });
    expect(rig.last('error').error).toMatchObject({
      code: 'response_cancel_not_active',
      message: 'Cancellation failed: no active response found with id resp_other',
    });
    expect(rig.state.response).not.toBeNull();
    expect(types(rig.output('on'))).toEqual(shownAudio);
  });

  test('a second cancel of the same response finds nothing to cancel', () => {
    const rig = answering();
    rig.client({ type: 'response.cancel' });
    expect(types(rig.client({ type: 'response.cancel' }))).toEqual(['error']);
  });
});
