// `idle_timeout_ms`: who says nothing for too long after an answer was played is spoken to.
import { describe, expect, test } from 'vitest';
import { type Abilities, everyAbility } from '../../../src/wire/session-config.ts';
import { Rig, wordsAndSpeech } from './rig.ts';

/** With an answer of a second that has ended; the caller sends silence all the time. */
function answered(able: Abilities = everyAbility, detection: object = {}): Rig {
  const rig = new Rig(able).ready();
  const turn_detection = { type: 'server_vad', idle_timeout_ms: 6000, ...detection };
  rig.client({ type: 'session.update', session: { audio: { input: { turn_detection } } } });
  rig.say('Hello.', 'item_hello');
  rig.client({ type: 'response.create' });
  rig.output('Good day.');
  rig.output(1000);
  expect(rig.shell.idleMs).toBeNull();
  rig.end();
  return rig;
}

describe('a caller who says nothing', () => {
  test('is waited for from the end of the answer, as long as it is played, and the timeout', () => {
    expect(answered().shell.idleMs).toBe(7000);
  });

  test('is told of it; the silence is committed and answered', () => {
    const rig = answered(wordsAndSpeech);
    rig.append(9000);
    const told = rig.feed({ type: 'idle_timeout' });
    const [, , silence = ''] = rig.itemIds;
    expect(told).toMatchObject([
      {
        type: 'input_audio_buffer.timeout_triggered',
        ...{ audio_start_ms: 3000, audio_end_ms: 9000, item_id: silence },
      },
      { type: 'input_audio_buffer.committed', item_id: silence },
      { type: 'conversation.item.added' },
      { type: 'conversation.item.done', item: { content: [{ type: 'input_audio', transcript: '' }] } },
      { type: 'response.created' },
    ]);
    // Nobody is asked what silence says; a model has to be told that there is some.
    expect(rig.hearing).toBe('item_none');
    const asked = rig.shell.snapshots.at(-1)?.items ?? [];
    expect(asked.at(-1)).toMatchObject({
      role: 'user',
      content: [{ type: 'input_text', text: '(silence)' }],
    });
    rig.output('Are you there?');
    rig.end();
    expect(rig.shell.idleMs).toBe(6000);
  });

  test.each<[string, (rig: Rig) => void]>([
    ['speaks', (rig) => rig.speak(500)],
    ['asks', (rig) => rig.client({ type: 'response.create' })],
    ['is in the lobby again', (rig) => rig.feed({ type: 'not_ready' })],
    [
      'wants no timeout any more',
      (rig) =>
        rig.client({
          type: 'session.update',
          session: { audio: { input: { turn_detection: { type: 'semantic_vad' } } } },
        }),
    ],
  ])('is not waited for when he %s', (_, act) => {
    const rig = answered();
    act(rig);
    expect(rig.shell.idleMs).toBeNull();
    const before = rig.events.length;
    rig.feed({ type: 'idle_timeout' });
    expect(rig.events).toHaveLength(before);
  });

  test('is left alone by an answer that failed, and by one that he spoke over', () => {
    const rig = answered();
    rig.client({ type: 'response.create' });
    rig.feed({ type: 'output_failed', responseId: rig.responseId, code: 'engine_exited', message: '' });
    expect(rig.shell.idleMs).toBeNull();
    rig.client({ type: 'response.create' });
    rig.feed({ type: 'speech_started', atSample: rig.state.input.endSample });
    expect(rig.last('response.done').response.status).toBe('cancelled');
    expect(rig.shell.idleMs).toBeNull();
  });

  test('is never waited for without the timeout, nor for a response outside the conversation', () => {
    expect(answered(everyAbility, { idle_timeout_ms: null }).shell.idleMs).toBeNull();
    const rig = answered();
    rig.speak(500);
    rig.client({ type: 'response.create', response: { conversation: 'none' } });
    rig.feed({ type: 'output_ended', responseId: rig.asideId });
    expect(rig.shell.idleMs).toBeNull();
  });
});
