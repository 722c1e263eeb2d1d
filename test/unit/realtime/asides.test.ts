// Responses outside the conversation: beside the one in it, with an input of their own, and no item of anything.
import { describe, expect, test } from 'vitest';
import type { SentEvent } from './replica.ts';
import { Rig, wordsAndSpeech } from './rig.ts';

const types = (events: readonly SentEvent[]) => events.map(({ type }) => type);

let asked = 0;

function aside(rig: Rig, response: object = {}): SentEvent[] {
  asked += 1;
  return rig.client({
    type: 'response.create',
    event_id: `aside ${asked}`,
    response: { conversation: 'none', ...response },
  });
}

const said = (text: string) => ({ type: 'message', role: 'user', content: [{ type: 'input_text', text }] });
const refer = (id: string) => ({ type: 'item_reference', id });
const snapshot = (rig: Rig) => rig.shell.snapshots.at(-1);
const out = (rig: Rig, responseId: string, text: string) =>
  rig.feed({ type: 'output', responseId, chunk: { type: 'text', text } });

describe('a response outside the conversation', () => {
  test('is told in the order of any other, with its metadata, and adds no item', () => {
    const rig = new Rig().ready();
    rig.say('Hello.', 'item_hello');
    const metadata = { client_event_id: 'response_create_1', topic: 'mood' };
    const begun = aside(rig, { metadata, output_modalities: ['text'], instructions: 'Classify.' });
    expect(types(begun)).toEqual(['response.created']);
    expect(rig.last('response.created').response).toMatchObject({
      ...{ conversation_id: null, metadata, output_modalities: ['text'], status: 'in_progress' },
    });
    const id = rig.asideId;
    const rest = [...out(rig, id, 'glad'), ...rig.feed({ type: 'output_ended', responseId: id })];
    expect(types(rest)).toEqual([
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.delta',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.done',
    ]);
    expect(rig.last('response.done').response).toMatchObject({
      ...{ id, status: 'completed', metadata, conversation_id: null },
      output: [{ role: 'assistant', content: [{ type: 'output_text', text: 'glad' }] }],
    });
    expect(rig.itemIds).toEqual(['item_hello']);
    expect(snapshot(rig)).toMatchObject({
      ...{ instructions: 'Classify.', modality: 'text', items: [{ id: 'item_hello' }] },
      session: { instructions: 'Classify.' },
    });
  });

  test('runs beside the answer of the conversation, which nothing of it reaches', () => {
    const rig = new Rig().ready();
    rig.say('Hello.', 'item_hello');
    rig.client({ type: 'response.create' });
    const answer = rig.responseId;
    aside(rig);
    const other = rig.asideId;
    out(rig, answer, 'Good ');
    out(rig, other, 'glad');
    out(rig, answer, 'day.');
    rig.feed({ type: 'output_ended', responseId: other });
    rig.end();
    const texts = rig.events.flatMap((event) =>
      event.type === 'response.output_audio_transcript.done' ? [event.transcript] : [],
    );
    expect(texts).toEqual(['glad', 'Good day.']);
    expect(rig.state.items).toMatchObject([
      { id: 'item_hello' },
      { content: [{ type: 'output_audio', transcript: 'Good day.' }] },
    ]);
  });

  test('is asked with its own items, and with those it refers to, as they are when it starts', () => {
    const rig = new Rig(wordsAndSpeech).ready();
    rig.speak(500);
    const [spoken = ''] = rig.itemIds;
    expect(aside(rig, { input: [said('Is this polite?'), refer(spoken)] })).toEqual([]);
    rig.heard('Give it to me.');
    expect(rig.state.asides).toHaveLength(1);
    const asks = rig.shell.snapshots.find(({ responseId }) => responseId === rig.asideId);
    expect(asks?.items).toMatchObject([
      { content: [{ text: 'Is this polite?' }] },
      { id: spoken, content: [{ type: 'input_audio', transcript: 'Give it to me.' }] },
    ]);
    // The turn itself is answered as ever.
    expect(rig.state.response).not.toBeNull();
  });

  test('what it refers to and is deleted while it waits is taken as it was', () => {
    const rig = new Rig();
    rig.say('Gone soon.', 'item_gone');
    aside(rig, { input: [refer('item_gone')] });
    rig.client({ type: 'conversation.item.delete', item_id: 'item_gone' });
    rig.ready();
    expect(snapshot(rig)?.items).toMatchObject([{ id: 'item_gone', content: [{ text: 'Gone soon.' }] }]);
  });

  test('an empty input is asked with nothing of the conversation', () => {
    const rig = new Rig().ready();
    rig.say('Hello.');
    aside(rig, { input: [], instructions: 'Say anything.' });
    expect(snapshot(rig)?.items).toEqual([]);
  });

  test('an input without `conversation` makes an answer that is part of the conversation', () => {
    const rig = new Rig().ready();
    rig.say('Hello.');
    rig.client({ type: 'response.create', response: { input: [said('Greet me.')] } });
    expect(snapshot(rig)?.items).toMatchObject([{ content: [{ text: 'Greet me.' }] }]);
    rig.output('Hi!');
    rig.end();
    expect(rig.state.items).toHaveLength(2);
  });

  test('what could not be heard is tried once more for it, and then fails it', () => {
    const rig = new Rig(wordsAndSpeech).ready();
    rig.client({
      type: 'session.update',
      session: { audio: { input: { turn_detection: { type: 'server_vad', create_response: false } } } },
    });
    rig.speak(500);
    rig.unheard();
    aside(rig, { input: [refer(rig.itemIds[0] ?? '')] });
    expect(rig.hearing).toBe(rig.itemIds[0]);
    rig.unheard();
    expect(rig.last('response.done').response).toMatchObject({
      ...{ status: 'failed', conversation_id: null },
      status_details: { error: { code: 'engine_exited' } },
    });
  });

  test('what was said to pass the time is no part of an answer that it refers to, also once that is deleted', () => {
    const rig = new Rig().ready();
    rig.say('What is the time?');
    rig.client({ type: 'response.create' });
    rig.output({ type: 'text', text: 'One moment. ', part: 'filler' });
    rig.output(500);
    rig.output({ type: 'text', text: 'It is noon.' });
    rig.output(500);
    rig.output({ type: 'said' });
    rig.end();
    const answer = rig.itemIds.at(-1) ?? '';
    const asks = { input: [refer(answer)] };
    const noon = [{ id: answer, content: [{ type: 'output_audio', transcript: 'It is noon.' }] }];
    aside(rig, asks);
    expect(snapshot(rig)?.items).toMatchObject(noon);
    rig.feed({ type: 'not_ready' });
    aside(rig, asks);
    rig.client({ type: 'conversation.item.delete', item_id: answer });
    rig.feed({ type: 'ready' });
    expect(rig.shell.snapshots).toHaveLength(3);
    expect(snapshot(rig)?.items).toMatchObject(noon);
  });

  test.each([
    ['an item that is not there', [refer('nobody')], 'invalid_value', 'response.input.0.id'],
    [
      'a result without its call',
      [said('x'), { type: 'function_call_output', call_id: 'call_1', output: '' }],
      'invalid_tool_call_id',
      'response.input.1.call_id',
    ],
    [
      'audio that nobody writes down',
      [{ type: 'message', role: 'user', content: [{ type: 'input_audio', audio: 'AAAA' }] }],
      'invalid_value',
      'response.input.0.content',
    ],
  ])('%s in its input is refused', (_, input, code, param) => {
    const rig = new Rig().ready();
    expect(types(aside(rig, { input }))).toEqual(['error']);
    expect(rig.last('error').error).toMatchObject({ code, param, event_id: `aside ${asked}` });
  });

  test('its calls are told, and are nobody else’s to answer', () => {
    const rig = new Rig().ready();
    aside(rig, { tools: [{ type: 'function', name: 'look' }] });
    const chunk = { type: 'call', callId: 'call_1', name: 'look', arguments: '{}' } as const;
    const told = rig.feed({ type: 'output', responseId: rig.asideId, chunk });
    expect(types(told)).toEqual([
      'response.output_item.added',
      'response.function_call_arguments.delta',
      'response.function_call_arguments.done',
      'response.output_item.done',
    ]);
    rig.client({
      type: 'conversation.item.create',
      item: { type: 'function_call_output', call_id: 'call_1', output: '' },
    });
    expect(rig.last('error').error.code).toBe('invalid_tool_call_id');
  });
});

describe('how it ends', () => {
  test('by its id alone: neither speech nor a cancel without one stops it', () => {
    const rig = new Rig().ready();
    rig.say('Hello.');
    rig.client({ type: 'response.create' });
    aside(rig);
    const id = rig.asideId;
    rig.speak(500);
    expect(rig.last('response.done').response).toMatchObject({ status: 'cancelled' });
    rig.client({ type: 'response.cancel' });
    expect(rig.asideId).toBe(id);
    const told = rig.client({ type: 'response.cancel', response_id: id });
    expect(types(told)).toEqual(['response.done']);
    expect(rig.last('response.done').response).toMatchObject({
      ...{ id, status: 'cancelled', status_details: { reason: 'client_cancelled' } },
    });
    expect(types(out(rig, id, 'late'))).toEqual([]);
  });

  test('four at once; one more is told so, and what it could do', () => {
    const rig = new Rig().ready();
    for (let count = 0; count < 4; count += 1) aside(rig);
    expect(types(aside(rig))).toEqual(['error']);
    const { error } = rig.last('error');
    expect(error).toMatchObject({ code: 'too_many_responses', event_id: `aside ${asked}` });
    for (const { object } of rig.state.asides) expect(error.message).toContain(object.id);
    rig.feed({ type: 'output_ended', responseId: rig.asideId });
    expect(types(aside(rig))).toEqual(['response.created']);
  });

  test('in the lobby it waits; when nobody comes, each of those who asked is told', () => {
    const rig = new Rig();
    expect(aside(rig)).toEqual([]);
    expect(aside(rig)).toEqual([]);
    rig.feed({ type: 'lobby_timeout', waitedMs: 60_000, missing: 'engine mind is starting' });
    const errors = rig.events.flatMap((event) => (event.type === 'error' ? [event.error] : []));
    expect(errors.map(({ code, event_id: id }) => [code, id])).toEqual([
      ['lobby_timeout', `aside ${asked - 1}`],
      ['lobby_timeout', `aside ${asked}`],
    ]);
    expect(rig.shell.lobbyWait).toBe('end');
  });

  test('with an engine that fails for good, all of them end as failed', () => {
    const rig = new Rig().ready();
    aside(rig);
    aside(rig);
    const told = rig.feed({ type: 'engine_failed', code: 'engine_exited', message: 'gone' });
    expect(types(told)).toEqual(['response.done', 'response.done', 'error']);
    expect(rig.state.asides).toEqual([]);
  });
});
