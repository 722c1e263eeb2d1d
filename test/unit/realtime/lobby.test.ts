import { describe, expect, test } from 'vitest';
import type { SentEvent } from './replica.ts';
import { Rig } from './rig.ts';

const types = (events: readonly SentEvent[]) => events.map(({ type }) => type);

const spoken = [
  'response.output_item.added',
  'conversation.item.added',
  'response.content_part.added',
  'response.output_audio_transcript.delta',
];
const spokenDone = [
  'response.output_audio.done',
  'response.output_audio_transcript.done',
  'response.content_part.done',
  'response.output_item.done',
  'conversation.item.done',
  'response.done',
];

function answering(): Rig {
  const rig = new Rig().ready();
  rig.say('hello', 'item_hello');
  rig.client({ type: 'response.create', event_id: 'ask' });
  return rig;
}

describe('in the lobby', () => {
  function waiting(): Rig {
    const rig = new Rig();
    rig.say('hello');
    expect(
      rig.client({ type: 'response.create', event_id: 'ask', response: { metadata: { ask: 'ask' } } }),
    ).toEqual([]);
    return rig;
  }
  const waits = (rig: Rig) =>
    rig.effects.flatMap((effect) => (effect.type === 'lobby_wait' ? [effect.state] : []));

  test('response.create waits, and is answered the moment the engine is ready', () => {
    const rig = waiting();
    expect(waits(rig)).toEqual(['begin']);
    expect(types(rig.feed({ type: 'ready' }))).toEqual(['response.created']);
    expect(waits(rig)).toEqual(['begin', 'end']);
    expect(types([...rig.output('Hi.'), ...rig.end()])).toEqual([...spoken, ...spokenDone]);
  });

  test('once ready, an answer does not go through the lobby', () => {
    expect(waits(answering())).toEqual([]);
  });

  test('everything but response.create is answered at once', () => {
    const rig = new Rig();
    rig.append(200);
    expect(types(rig.client({ type: 'session.update', session: {} }))).toEqual(['session.updated']);
    expect(types(rig.say('hi', 'item_hi'))).toEqual(['conversation.item.added', 'conversation.item.done']);
    expect(types(rig.client({ type: 'conversation.item.retrieve', item_id: 'item_hi' }))).toEqual([
      'conversation.item.retrieved',
    ]);
    expect(types(rig.client({ type: 'input_audio_buffer.commit' }))).toEqual([
      'input_audio_buffer.committed',
      'conversation.item.added',
      'conversation.item.done',
    ]);
    expect(types(rig.client({ type: 'input_audio_buffer.clear' }))).toEqual(['input_audio_buffer.cleared']);
    expect(types(rig.client({ type: 'conversation.item.delete', item_id: 'item_hi' }))).toEqual([
      'conversation.item.deleted',
    ]);
  });

  test('a second response.create is refused while one waits, with its own event id', () => {
    const rig = waiting();
    rig.client({ type: 'response.create', event_id: 'second' });
    expect(rig.last('error').error).toMatchObject({
      code: 'conversation_already_has_active_response',
      event_id: 'second',
    });
    expect(types(rig.feed({ type: 'ready' }))).toEqual(['response.created']);
  });

  test('what waits and is cancelled is told as a response that was cancelled, and no engine is asked', () => {
    const rig = waiting();
    expect(types(rig.client({ type: 'response.cancel' }))).toEqual(['response.created', 'response.done']);
    expect(rig.last('response.done').response).toMatchObject({
      status: 'cancelled',
      metadata: { ask: 'ask' },
    });
    expect(waits(rig)).toEqual(['begin', 'end']);
    expect(rig.feed({ type: 'ready' })).toEqual([]);
    expect(rig.effects.filter(({ type }) => type === 'start_response')).toEqual([]);
  });

  test('a cancel by an id leaves what waits: it has no id yet', () => {
    const rig = waiting();
    expect(types(rig.client({ type: 'response.cancel', response_id: 'resp_old' }))).toEqual(['error']);
    expect(rig.last('error').error.code).toBe('response_cancel_not_active');
    expect(types(rig.feed({ type: 'ready' }))).toEqual(['response.created']);
  });

  test('a failed load is told to whoever waits for an answer, with the id of their event', () => {
    const rig = waiting();
    const failure = { code: 'engine_load_failed', message: 'engine voice: no such model' };
    rig.feed({ type: 'engine_failed', ...failure });
    expect(rig.last('error').error).toEqual({
      type: 'server_error',
      ...failure,
      param: null,
      event_id: 'ask',
    });
    expect(waits(rig)).toEqual(['begin', 'end']);
    rig.client({ type: 'response.create', event_id: 'after' });
    expect(rig.last('error').error).toMatchObject({ code: 'engine_failed', event_id: 'after' });
  });

  test('a failed load is told also when nobody waits, once', () => {
    const rig = new Rig();
    const failed = { type: 'engine_failed', code: 'engine_load_failed', message: 'no such model' } as const;
    expect(types(rig.feed(failed, failed, { type: 'ready' }))).toEqual(['error']);
    expect(rig.last('error').error).toMatchObject({ code: 'engine_load_failed', event_id: null });
    expect(rig.state.phase).toBe('failed');
  });

  test('an engine that fails for good under an answer ends the answer and tells', () => {
    const rig = answering();
    rig.output('Hel');
    const events = rig.feed({ type: 'engine_failed', code: 'engine_exited', message: 'gone' });
    expect(types(events)).toEqual([...spokenDone, 'error']);
    expect(rig.last('response.done').response.status).toBe('failed');
    expect(rig.speak(1000).map(({ type }) => type)).not.toContain('response.created');
  });

  test('who waits too long is told so, and may ask again', () => {
    const rig = waiting();
    rig.feed({ type: 'lobby_timeout', waitedMs: 60_000, missing: 'engine voice is starting' });
    expect(rig.last('error').error).toMatchObject({
      type: 'server_error',
      code: 'lobby_timeout',
      message: 'not ready after 60000 ms: engine voice is starting',
      event_id: 'ask',
    });
    expect(rig.client({ type: 'response.create', event_id: 'again' })).toEqual([]);
    expect(waits(rig)).toEqual(['begin', 'end', 'begin']);
    expect(types(rig.feed({ type: 'ready' }))).toEqual(['response.created']);
  });

  test('a late timeout harms nobody who is not in the lobby any more', () => {
    const rig = answering();
    const late = { type: 'lobby_timeout', waitedMs: 60_000, missing: '' } as const;
    expect(rig.feed(late)).toEqual([]);
    expect(rig.state.response).not.toBeNull();
    rig.client({
      type: 'session.update',
      session: { audio: { input: { turn_detection: { type: 'server_vad', interrupt_response: false } } } },
    });
    rig.speak(500);
    expect(rig.feed(late)).toEqual([]);
    expect(types(rig.end())).toEqual(['response.done', 'response.created']);
  });

  test('an engine that goes away sends the session back to the lobby, and what runs may still end', () => {
    const rig = answering();
    rig.feed({ type: 'not_ready' });
    expect(types([...rig.output('Hi.'), ...rig.end()])).toEqual([...spoken, ...spokenDone]);
    expect(rig.client({ type: 'response.create', event_id: 'later' })).toEqual([]);
    expect(waits(rig)).toEqual(['begin']);
    expect(types(rig.feed({ type: 'ready' }))).toEqual(['response.created']);
  });
});
