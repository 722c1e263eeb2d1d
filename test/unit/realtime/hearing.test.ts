// What a caller said, written down: told, part of the item, and waited for by the answer.
import { describe, expect, test } from 'vitest';
import type { SentEvent } from './replica.ts';
import { Rig, wordsAndSpeech } from './rig.ts';

const transcription = 'conversation.item.input_audio_transcription';
const types = (events: readonly SentEvent[]) =>
  events.map(({ type }) => type.replace(`${transcription}.`, 'transcript '));
const listening = () => new Rig(wordsAndSpeech).ready();
const asked = (rig: Rig) => rig.effects.flatMap((one) => (one.type === 'transcribe' ? [one.itemId] : []));
const audio = Buffer.alloc(4800).toString('base64');

describe('a turn', () => {
  test('is written down, told, part of its item; then it is answered', () => {
    const rig = listening();
    expect(types(rig.speak(1000)).slice(-1)).toEqual(['conversation.item.done']);
    const [itemId] = asked(rig);
    expect(rig.itemIds).toEqual([itemId]);
    const told = rig.heard('What time is it?');
    expect(types(told)).toEqual(['transcript completed', 'response.created']);
    expect(told[0]).toMatchObject({
      ...{ item_id: itemId, content_index: 0, transcript: 'What time is it?' },
      usage: { type: 'duration', seconds: 0.1 },
    });
    const effect = rig.effects.findLast(({ type }) => type === 'start_response');
    expect(effect).toMatchObject({
      snapshot: { items: [{ content: [{ type: 'input_audio', transcript: 'What time is it?' }] }] },
    });
  });

  test('is told as it is heard, as far as the engine only adds; what it takes back is told by the end', () => {
    const rig = listening();
    rig.speak(1000);
    const itemId = rig.hearing;
    const deltas = ['', 'What', 'What dime', 'What time', 'What time is', 'What dime is']
      .flatMap((text) => rig.feed({ type: 'transcript', itemId, text }))
      .map((event) => 'delta' in event && event.delta);
    expect(deltas).toEqual(['What', ' dime', ' is']);
    expect(rig.heard('What time is it?')[0]).toMatchObject({ transcript: 'What time is it?' });
  });

  test('that could not be heard fails its answer with the code; the next one is answered', () => {
    const rig = listening();
    rig.speak(1000);
    const told = rig.unheard('engine_exited');
    expect(types(told)).toEqual(['transcript failed', 'response.created', 'response.done']);
    expect(told[0]).toMatchObject({ error: { code: 'engine_exited', message: 'it is gone' } });
    expect(told[2]).toMatchObject({
      response: { status: 'failed', status_details: { error: { code: 'engine_exited' } }, output: [] },
    });
    rig.speak(1000);
    expect(types(rig.heard('Hello?'))).toEqual(['transcript completed', 'response.created']);
  });

  test('that could not be heard is tried once more when the client asks for an answer', () => {
    const rig = listening();
    rig.speak(1000);
    rig.unheard();
    expect(types(rig.client({ type: 'response.create', event_id: 'ask' }))).toEqual([]);
    expect(asked(rig)).toEqual([rig.itemIds[0], rig.itemIds[0]]);
    expect(types(rig.heard('Hello.'))).toEqual(['transcript completed', 'response.created']);
  });

  test('of no words is no turn: nobody is answered; who asks for an answer gets one', () => {
    const rig = listening();
    rig.speak(1000);
    expect(types(rig.heard(' '))).toEqual(['transcript completed']);
    expect(rig.state.waiting).toBeNull();
    expect(types(rig.client({ type: 'response.create', event_id: 'ask' }))).toEqual(['response.created']);
  });

  test('of no words after one that was not answered yet leaves that one to be answered', () => {
    const rig = listening();
    rig.speak(1000);
    const first = rig.hearing;
    rig.speak(300);
    expect(types(rig.feed({ type: 'transcript_ended', itemId: first, text: 'Hello.', samples: 1 }))).toEqual([
      'transcript completed',
    ]);
    expect(types(rig.heard(''))).toEqual(['transcript completed', 'response.created']);
  });

  test('and the next one are one answer, when it comes before the first is written down', () => {
    const rig = listening();
    rig.speak(1000);
    rig.append(1000);
    rig.feed({ type: 'speech_started', atSample: 24_000 });
    expect(types(rig.heard('And'))).toEqual(['transcript completed']);
    rig.feed({ type: 'speech_stopped', atSample: 48_000 });
    expect(types(rig.heard('what time is it?'))).toEqual(['transcript completed', 'response.created']);
    expect(rig.state.response?.afterItemId).toBe(rig.itemIds[1]);
  });

  test('is cancelled while it is being written down: created and cancelled, and nothing more', () => {
    const rig = listening();
    rig.speak(1000);
    expect(types(rig.client({ type: 'response.cancel', event_id: 'stop' }))).toEqual([
      'response.created',
      'response.done',
    ]);
    expect(types(rig.heard('Hello.'))).toEqual(['transcript completed']);
  });
});

describe('who is asked', () => {
  test('nobody in the lobby; then one after the other, in the order of the coming', () => {
    const rig = new Rig(wordsAndSpeech);
    rig.speak(500);
    rig.speak(500);
    expect(asked(rig)).toEqual([]);
    rig.ready();
    expect(asked(rig)).toEqual([rig.itemIds[0]]);
    rig.heard('one');
    expect(asked(rig)).toEqual(rig.itemIds);
    rig.heard('two');
    expect(rig.state.response?.afterItemId).toBe(rig.itemIds[1]);
  });

  test('nobody any more about an item that was deleted; what comes late of it is not told', () => {
    const rig = listening();
    rig.speak(500);
    rig.speak(500);
    const [first = ''] = rig.itemIds;
    rig.client({ type: 'conversation.item.delete', item_id: first });
    expect(asked(rig)).toEqual([first, rig.itemIds[0]]);
    expect(rig.feed({ type: 'transcript_ended', itemId: first, text: 'late', samples: 1 })).toEqual([]);
    expect(rig.feed({ type: 'transcript', itemId: first, text: 'late' })).toEqual([]);
  });

  test('about audio that the client puts into an item, unless it says itself what is said in it', () => {
    const rig = listening();
    const item = (id: string, part: object) => ({
      ...{ type: 'conversation.item.create', event_id: id },
      item: { id, type: 'message', role: 'user', content: [{ type: 'input_audio', audio, ...part }] },
    });
    rig.client(item('item_a', {}));
    rig.client(item('item_b', { transcript: 'known' }));
    expect(asked(rig)).toEqual(['item_a']);
  });

  test('with the language that the caller speaks', () => {
    const rig = listening();
    const transcription = { model: 'whisper-1', language: 'de', prompt: 'x' };
    rig.client({ type: 'session.update', session: { audio: { input: { transcription } } } });
    expect(rig.last('session.updated').session.audio.input.transcription).toEqual({
      model: 'ears',
      language: 'de',
    });
    rig.speak(500);
    expect(rig.effects.findLast(({ type }) => type === 'transcribe')).toMatchObject({ language: 'de' });
    rig.client({ type: 'session.update', session: { audio: { input: { transcription: null } } } });
    expect(rig.last('session.updated').session.audio.input.transcription).toEqual({
      model: 'ears',
      language: 'de',
    });
  });
});

describe('where nothing hears', () => {
  const deaf = () => new Rig({ hears: 'nothing', answers: 'speech' }).ready();
  const refused = { error: { code: 'audio_input_unsupported', event_id: 'mine' } };

  test('no turns are detected, whatever is asked for', () => {
    const rig = deaf();
    expect(rig.last('session.created').session.audio.input.turn_detection).toBeNull();
    const detection = { turn_detection: { type: 'server_vad' } };
    rig.client({ type: 'session.update', session: { audio: { input: detection } } });
    expect(rig.last('session.updated').session.audio.input.turn_detection).toBeNull();
  });

  test('audio is refused with the reason; what is said in it beside is taken', () => {
    const rig = deaf();
    rig.append(1000);
    expect(rig.client({ type: 'input_audio_buffer.commit', event_id: 'mine' })).toMatchObject([refused]);
    const create = (content: object) => ({
      ...{ type: 'conversation.item.create', event_id: 'mine' },
      item: { type: 'message', role: 'user', content: [content] },
    });
    expect(rig.client(create({ type: 'input_audio', audio }))).toMatchObject([refused]);
    rig.client(create({ type: 'input_audio', audio, transcript: 'Hello.' }));
    expect(rig.state.items).toHaveLength(1);
  });
});

describe('where nothing speaks', () => {
  test('every answer is text, and is shown as that, whatever is asked for', () => {
    const rig = new Rig({ hears: 'words', answers: 'text' }).ready();
    expect(rig.last('session.created').session).toMatchObject({ output_modalities: ['text'] });
    rig.client({ type: 'session.update', session: { output_modalities: ['audio'] } });
    expect(rig.last('session.updated').session).toMatchObject({ output_modalities: ['text'] });
    rig.say('Hello.');
    rig.client({ type: 'response.create', response: { output_modalities: ['audio'] } });
    expect(rig.last('response.created').response.output_modalities).toEqual(['text']);
    expect(types(rig.output('Hi.')).at(-1)).toBe('response.output_text.delta');
  });
});
