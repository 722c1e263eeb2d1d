import { describe, expect, test } from 'vitest';
import type { Effect } from '../../../src/realtime/state.ts';
import type { SentEvent } from './replica.ts';
import { Rig, samplesPerMs } from './rig.ts';

const types = (events: readonly SentEvent[]) => events.map(({ type }) => type);
const turn = [
  'input_audio_buffer.speech_started',
  'input_audio_buffer.speech_stopped',
  'input_audio_buffer.committed',
  'conversation.item.added',
  'conversation.item.done',
];

function kept(rig: Rig): [fromMs: number, toMs: number][] {
  return rig.effects
    .filter((effect): effect is Extract<Effect, { type: 'keep_audio' }> => effect.type === 'keep_audio')
    .map(({ fromSample, toSample }) => [fromSample / samplesPerMs, toSample / samplesPerMs]);
}

describe('turns by server VAD', () => {
  test('a turn is told, committed, added, and answered', () => {
    const rig = new Rig().ready();
    rig.say('first', 'item_first');
    rig.append(500);
    expect(types(rig.speak(1000))).toEqual([...turn, 'response.created']);
    const { item_id: itemId } = rig.last('input_audio_buffer.speech_started');
    expect(rig.last('input_audio_buffer.speech_started').audio_start_ms).toBe(500);
    expect(rig.last('input_audio_buffer.speech_stopped')).toMatchObject({
      item_id: itemId,
      audio_end_ms: 1500,
    });
    expect(rig.last('input_audio_buffer.committed')).toMatchObject({
      item_id: itemId,
      previous_item_id: 'item_first',
    });
    expect(rig.last('conversation.item.added')).toMatchObject({
      previous_item_id: 'item_first',
      item: {
        id: itemId,
        role: 'user',
        status: 'completed',
        content: [{ type: 'input_audio', transcript: null }],
      },
    });
    expect(kept(rig)).toEqual([[500, 1500]]);
  });

  test('barge-in ends the answer under way before the new turn is committed', () => {
    const rig = new Rig().ready();
    rig.speak(1000);
    rig.output('Hel');
    rig.output(20);
    const at = rig.state.input.endSample;
    rig.append(1000);
    expect(types(rig.feed({ type: 'speech_started', atSample: at }))).toEqual([
      'input_audio_buffer.speech_started',
      'response.output_audio.done',
      'response.output_audio_transcript.done',
      'response.content_part.done',
      'response.output_item.done',
      'conversation.item.done',
      'response.done',
    ]);
    expect(rig.last('response.done').response).toMatchObject({
      status: 'cancelled',
      status_details: { type: 'cancelled', reason: 'turn_detected' },
    });
    expect(types(rig.feed({ type: 'speech_stopped', atSample: rig.state.input.endSample }))).toEqual([
      ...turn.slice(1),
      'response.created',
    ]);
  });

  test('without interrupt_response an answer goes on, and the turn is answered after it', () => {
    const rig = new Rig().ready();
    const detection = { type: 'server_vad', interrupt_response: false };
    rig.client({ type: 'session.update', session: { audio: { input: { turn_detection: detection } } } });
    rig.speak(1000);
    const first = rig.responseId;
    expect(types(rig.speak(1000))).toEqual(turn);
    expect(types(rig.speak(1000))).toEqual(turn);
    expect(rig.responseId).toBe(first);
    expect(types(rig.end())).toEqual(['response.done', 'response.created']);
    rig.end();
    expect(rig.state.waiting).toBeNull();
  });

  test('without create_response a turn is added and not answered', () => {
    const rig = new Rig().ready();
    const detection = { type: 'semantic_vad', create_response: false };
    rig.client({ type: 'session.update', session: { audio: { input: { turn_detection: detection } } } });
    expect(types(rig.speak(1000))).toEqual(turn);
    expect(types(rig.client({ type: 'response.create' }))).toEqual(['response.created']);
  });

  test('early turns are caught up with: they interrupt nobody, and nobody is answered while they speak on', () => {
    const rig = new Rig();
    rig.append(9000);
    rig.ready();
    const hear = (fromMs: number, toMs: number) => [
      ...rig.feed({ type: 'speech_started', atSample: fromMs * samplesPerMs }),
      ...rig.feed({ type: 'speech_stopped', atSample: toMs * samplesPerMs }),
    ];
    expect(types(hear(0, 2000))).toEqual([...turn, 'response.created']);
    const first = rig.responseId;
    expect(types(hear(3000, 5000))).toEqual(turn);
    expect(rig.responseId).toBe(first);
    expect(types(rig.feed({ type: 'speech_started', atSample: 6000 * samplesPerMs }))).toEqual(
      turn.slice(0, 1),
    );
    expect(types(rig.end())).toEqual(['response.done']);
    expect(types(rig.feed({ type: 'speech_stopped', atSample: 8000 * samplesPerMs }))).toEqual([
      ...turn.slice(1),
      'response.created',
    ]);
    expect(kept(rig)).toEqual([
      [0, 2000],
      [3000, 5000],
      [6000, 8000],
    ]);
  });

  test('speech that begins after the lobby interrupts, also while early turns wait for their answer', () => {
    const rig = new Rig();
    rig.append(3000);
    rig.ready();
    rig.feed({ type: 'speech_started', atSample: 0 }, { type: 'speech_stopped', atSample: 24_000 });
    rig.feed({ type: 'speech_started', atSample: 48_000 }, { type: 'speech_stopped', atSample: 72_000 });
    expect(rig.state.waiting?.origin).toBe('turn');
    const at = rig.state.input.endSample;
    rig.append(2000);
    expect(types(rig.feed({ type: 'speech_started', atSample: at }))).toEqual([
      'input_audio_buffer.speech_started',
      'response.done',
    ]);
    expect(types(rig.feed({ type: 'speech_stopped', atSample: at + 24_000 }))).toEqual([
      ...turn.slice(1),
      'response.created',
    ]);
    expect(rig.state.waiting).toBeNull();
  });

  test('what the client asks for itself is not held up by a turn', () => {
    const rig = new Rig();
    rig.append(3000);
    rig.ready();
    rig.feed({ type: 'speech_started', atSample: 0 }, { type: 'speech_stopped', atSample: 24_000 });
    rig.feed({ type: 'speech_started', atSample: 30_000 }, { type: 'speech_stopped', atSample: 40_000 });
    rig.feed({ type: 'speech_started', atSample: 48_000 });
    rig.end();
    expect(rig.state.waiting?.origin).toBe('turn');
    expect(types(rig.client({ type: 'response.create', event_id: 'mine' }))).toEqual(['response.created']);
    expect(rig.state.waiting).toBeNull();
  });

  test('an answer held for a turn comes when the turn is taken back', () => {
    const rig = new Rig();
    rig.append(3000);
    rig.ready();
    rig.feed({ type: 'speech_started', atSample: 0 }, { type: 'speech_stopped', atSample: 24_000 });
    rig.feed({ type: 'speech_started', atSample: 30_000 }, { type: 'speech_stopped', atSample: 40_000 });
    rig.feed({ type: 'speech_started', atSample: 48_000 });
    rig.end();
    expect(types(rig.client({ type: 'input_audio_buffer.clear' }))).toEqual([
      'input_audio_buffer.cleared',
      'response.created',
    ]);
  });

  test('a turn that lost its beginning to the bound has what is left', () => {
    const rig = new Rig().ready();
    rig.append(2000);
    rig.feed({ type: 'speech_started', atSample: 0 });
    rig.feed({ type: 'audio_dropped', toSample: 500 * samplesPerMs, why: 'only 1.5 s are kept' });
    expect(rig.last('error').error).toMatchObject({
      type: 'server_error',
      code: 'lobby_audio_dropped',
      message: 'only 1.5 s are kept',
    });
    rig.feed({ type: 'speech_stopped', atSample: 1500 * samplesPerMs });
    expect(kept(rig)).toEqual([[500, 1500]]);
  });

  test('a turn whose audio is all gone ends all the same, empty', () => {
    const rig = new Rig().ready();
    rig.append(2000);
    rig.feed({ type: 'speech_started', atSample: 0 });
    rig.feed({ type: 'audio_dropped', toSample: 1900 * samplesPerMs, why: '' });
    rig.feed({ type: 'speech_stopped', atSample: 1000 * samplesPerMs });
    expect(kept(rig)).toEqual([[1900, 1900]]);
    expect(rig.state.input.startSample).toBe(1900 * samplesPerMs);
  });

  test('positions beyond what was appended are not believed', () => {
    const rig = new Rig().ready();
    rig.append(100);
    rig.feed({ type: 'speech_started', atSample: 1e9 }, { type: 'speech_stopped', atSample: 2e9 });
    expect(kept(rig)).toEqual([[100, 100]]);
  });
});

describe('push to talk', () => {
  function pushToTalk(): Rig {
    const rig = new Rig().ready();
    rig.client({ type: 'session.update', session: { audio: { input: { turn_detection: null } } } });
    return rig;
  }

  test('a commit makes an item of the whole buffer, and the client asks for the answer', () => {
    const rig = pushToTalk();
    rig.append(700);
    expect(types(rig.client({ type: 'input_audio_buffer.commit' }))).toEqual(turn.slice(2));
    expect(kept(rig)).toEqual([[0, 700]]);
    rig.append(300);
    rig.client({ type: 'input_audio_buffer.commit' });
    expect(kept(rig)).toEqual([
      [0, 700],
      [700, 1000],
    ]);
    expect(rig.last('input_audio_buffer.committed').previous_item_id).toBe(rig.itemIds[0]);
    expect(types(rig.client({ type: 'response.create' }))).toEqual(['response.created']);
  });

  test.each([
    [0, 0],
    [99, 99],
  ])('a commit of %i ms is refused in the words that clients know', (ms, shown) => {
    const rig = pushToTalk();
    rig.append(ms);
    rig.client({ type: 'input_audio_buffer.commit', event_id: 'commit' });
    expect(rig.last('error').error).toMatchObject({
      code: 'input_audio_buffer_commit_empty',
      message: `Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, but buffer only has ${shown}ms of audio.`,
      event_id: 'commit',
    });
    expect(rig.itemIds).toEqual([]);
    rig.append(100 - ms);
    expect(types(rig.client({ type: 'input_audio_buffer.commit' }))).toEqual(turn.slice(2));
  });

  test('a detector that speaks up late is not listened to', () => {
    const rig = pushToTalk();
    rig.append(1000);
    expect(
      rig.feed({ type: 'speech_started', atSample: 0 }, { type: 'speech_stopped', atSample: 9 }),
    ).toEqual([]);
  });

  test('a commit during speech takes the turn, under the id that was announced', () => {
    const rig = new Rig().ready();
    rig.append(1000);
    rig.feed({ type: 'speech_started', atSample: 400 * samplesPerMs });
    const { item_id: itemId } = rig.last('input_audio_buffer.speech_started');
    expect(types(rig.client({ type: 'input_audio_buffer.commit' }))).toEqual(turn.slice(2));
    expect(rig.itemIds).toEqual([itemId]);
    expect(kept(rig)).toEqual([[0, 1000]]);
    expect(rig.effects.filter(({ type }) => type === 'reset_turn_detection')).toHaveLength(1);
    expect(rig.feed({ type: 'speech_stopped', atSample: 24_000 })).toEqual([]);
  });

  test('a clear during speech takes the turn back, and what comes next is a new one', () => {
    const rig = new Rig().ready();
    rig.append(1000);
    rig.feed({ type: 'speech_started', atSample: 0 });
    expect(types(rig.client({ type: 'input_audio_buffer.clear' }))).toEqual(['input_audio_buffer.cleared']);
    expect(rig.effects.slice(-3).map(({ type }) => type)).toEqual([
      'drop_audio',
      'reset_turn_detection',
      'send',
    ]);
    expect(rig.feed({ type: 'speech_stopped', atSample: 24_000 })).toEqual([]);
    rig.speak(500);
    expect(kept(rig)).toEqual([[1000, 1500]]);
  });

  test('turn detection switched off during speech leaves the audio to the client', () => {
    const rig = new Rig().ready();
    rig.append(1000);
    rig.feed({ type: 'speech_started', atSample: 0 });
    rig.client({ type: 'session.update', session: { audio: { input: { turn_detection: null } } } });
    expect(rig.feed({ type: 'speech_stopped', atSample: 24_000 })).toEqual([]);
    rig.client({ type: 'input_audio_buffer.commit' });
    expect(kept(rig)).toEqual([[0, 1000]]);
  });

  test('audio over the wire counts in samples', () => {
    const rig = pushToTalk();
    rig.client({ type: 'input_audio_buffer.append', audio: Buffer.alloc(9600).toString('base64') });
    rig.client({ type: 'input_audio_buffer.commit' });
    expect(kept(rig)).toEqual([[0, 200]]);
  });
});
