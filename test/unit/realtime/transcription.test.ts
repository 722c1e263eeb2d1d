// Transcription sessions: what is said is written down, and nothing is answered.
import { describe, expect, test } from 'vitest';
import { Rig, wordsAndSpeech } from './rig.ts';

function transcribing(): Rig {
  const rig = new Rig(wordsAndSpeech).ready();
  rig.client({ type: 'session.update', session: { type: 'transcription' } });
  return rig;
}

describe('a transcription session', () => {
  test('is shown as one, without anything of answers', () => {
    expect(transcribing().last('session.updated').session).toEqual({
      type: 'transcription',
      object: 'realtime.transcription_session',
      id: 'sess_test',
      expires_at: 1_800_000_000,
      include: null,
      audio: {
        input: {
          format: { type: 'audio/pcm', rate: 24_000 },
          transcription: { model: 'ears' },
          noise_reduction: null,
          turn_detection: expect.objectContaining({ type: 'server_vad' }),
        },
      },
    });
  });

  test('is told nothing aloud, also by the gateway itself', () => {
    const rig = transcribing();
    const request = { id: 'one', instructions: 'Tell.', prompt: 'Tell me.', voice: null, metadata: {} };
    expect(rig.feed({ type: 'speak', request })).toEqual([]);
    expect(rig.state.internal).toEqual([]);
  });

  test('cuts speech, writes it down piece by piece, and answers nothing', () => {
    const rig = transcribing();
    rig.speak(500);
    rig.feed({ type: 'transcript', itemId: rig.hearing, text: 'Good' });
    rig.heard('Good day.');
    expect(rig.events.slice(3).map(({ type }) => type)).toEqual([
      'input_audio_buffer.speech_started',
      'input_audio_buffer.speech_stopped',
      'input_audio_buffer.committed',
      'conversation.item.added',
      'conversation.item.done',
      'conversation.item.input_audio_transcription.delta',
      'conversation.item.input_audio_transcription.completed',
    ]);
    expect(rig.shell.snapshots).toEqual([]);
  });

  test.each(['auto', 'none'])('refuses to answer (conversation: %s)', (conversation) => {
    const rig = transcribing();
    rig.client({ type: 'response.create', event_id: 'ask', response: { conversation } });
    expect(rig.last('error').error).toMatchObject({
      code: 'invalid_event',
      event_id: 'ask',
      message: expect.stringContaining('gives no answers'),
    });
  });

  test('is one from the beginning: after the first item nothing becomes one, nor stops being one', () => {
    const rig = transcribing();
    rig.client({ type: 'session.update', session: { type: 'realtime' } });
    rig.speak(500);
    expect(rig.state.waiting).not.toBeNull();
    for (const type of ['transcription', 'realtime']) {
      rig.client({ type: 'session.update', event_id: type, session: { type } });
    }
    const errors = rig.events.flatMap((event) => (event.type === 'error' ? [event.error] : []));
    expect(errors).toMatchObject([
      {
        ...{ code: 'invalid_parameter', param: 'session.type', event_id: 'transcription' },
        message: expect.stringMatching(
          /^Passing a transcription session update event to a realtime session is not allowed\./,
        ),
      },
    ]);
    const other = transcribing();
    other.speak(500);
    other.client({ type: 'session.update', session: { type: 'realtime' } });
    expect(other.last('error').error.code).toBe('invalid_parameter');
    expect(other.state.session.type).toBe('transcription');
  });

  test.each(['sound', 'nothing'] as const)('is refused where the pipeline hears %s', (hears) => {
    const rig = new Rig({ hears, answers: 'speech' });
    rig.client({ type: 'session.update', session: { type: 'transcription' } });
    expect(rig.last('error').error).toMatchObject({
      code: 'invalid_parameter',
      message: expect.stringContaining('no `hear`'),
    });
  });

  test('speaks the beta, and is answered in it', () => {
    const rig = new Rig(wordsAndSpeech);
    rig.client({
      type: 'transcription_session.update',
      session: {
        input_audio_format: 'g711_ulaw',
        input_audio_transcription: { model: 'gpt-4o-transcribe', language: 'es' },
        turn_detection: { type: 'server_vad', silence_duration_ms: 250 },
        include: ['item.input_audio_transcription.logprobs'],
      },
    });
    expect(rig.last('transcription_session.updated').session).toMatchObject({
      object: 'realtime.transcription_session',
      input_audio_format: 'g711_ulaw',
      input_audio_transcription: { model: 'ears', language: 'es' },
      turn_detection: { type: 'server_vad', silence_duration_ms: 250 },
    });
    expect(rig.shell.inputFormat).toEqual({ type: 'audio/pcmu' });
    expect(rig.state.session.type).toBe('transcription');
  });
});
