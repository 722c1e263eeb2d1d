import { describe, expect, test } from 'vitest';
import { detectorOptions } from '../../../src/realtime/session-update.ts';
import { type SessionConfig, serverVadDefault } from '../../../src/wire/session-config.ts';
import { session as initial, Rig } from './rig.ts';

/** @returns what `session.updated` shows; null when the update was refused */
function update(rig: Rig, session: object): SessionConfig | null {
  const [event] = rig.client({ type: 'session.update', event_id: `u${rig.events.length}`, session });
  const shown = event?.type === 'session.updated' ? event.session : null;
  return shown?.object === 'realtime.session' ? shown : null;
}

const detection = (rig: Rig, given: object | null) =>
  update(rig, { type: 'realtime', audio: { input: { turn_detection: given } } })?.audio.input.turn_detection;

const vad = {
  type: 'server_vad',
  threshold: 0.5,
  prefix_padding_ms: 300,
  silence_duration_ms: 500,
  idle_timeout_ms: null,
  create_response: true,
  interrupt_response: true,
};

describe('session.created', () => {
  test('comes first, with the whole configuration that is in effect, and the conversation after it', () => {
    const rig = new Rig();
    expect(rig.events.map(({ type }) => type)).toEqual(['session.created', 'conversation.created']);
    expect(rig.last('session.created').session).toEqual({
      parallel_tool_calls: true,
      type: 'realtime',
      object: 'realtime.session',
      id: 'sess_test',
      model: 'echo',
      expires_at: 1_800_000_000,
      output_modalities: ['audio'],
      instructions: '',
      tools: [],
      tool_choice: 'auto',
      max_output_tokens: 'inf',
      truncation: 'auto',
      tracing: null,
      prompt: null,
      include: null,
      audio: {
        input: {
          format: { type: 'audio/pcm', rate: 24000 },
          transcription: null,
          noise_reduction: null,
          turn_detection: vad,
        },
        output: { format: { type: 'audio/pcm', rate: 24000 }, voice: 'slt', speed: 1 },
      },
    });
    expect(rig.last('conversation.created').conversation).toEqual({
      id: 'conv_test',
      object: 'realtime.conversation',
    });
    expect(rig.effects.at(-1)).toEqual({ type: 'detect_turns', detection: vad });
  });
});

describe('session.update', () => {
  test('changes what is given and keeps the rest', () => {
    const rig = new Rig();
    update(rig, { instructions: 'Be brief.', tools: [{ type: 'function', name: 'look' }] });
    const shown = update(rig, {
      tool_choice: 'required',
      max_output_tokens: 100,
      output_modalities: ['text'],
    });
    expect(shown).toEqual({
      ...initial,
      instructions: 'Be brief.',
      tools: [{ type: 'function', name: 'look' }],
      tool_choice: 'required',
      max_output_tokens: 100,
      output_modalities: ['text'],
    });
    expect(rig.state.session).toEqual(shown);
  });

  test('of nothing is answered, and changes nothing', () => {
    expect(update(new Rig(), {})).toEqual(initial);
  });

  test('clears with null, an empty string or an empty list', () => {
    const rig = new Rig();
    const full = {
      instructions: 'Be brief.',
      tools: [{ type: 'function', name: 'look' }],
      tool_choice: 'none',
      max_output_tokens: 5,
      truncation: 'disabled',
      output_modalities: ['text'],
    };
    update(rig, full);
    expect(update(rig, Object.fromEntries(Object.keys(full).map((key) => [key, null])))).toEqual(initial);
    update(rig, full);
    expect(update(rig, { instructions: '', tools: [] })).toMatchObject({ instructions: '', tools: [] });
  });

  test('takes turn detection off, and brings it back with its defaults', () => {
    const rig = new Rig();
    expect(detection(rig, { type: 'server_vad', silence_duration_ms: 900 })).toEqual({
      ...vad,
      silence_duration_ms: 900,
    });
    expect(detection(rig, null)).toBeNull();
    expect(detection(rig, { type: 'server_vad' })).toEqual(vad);
    expect(rig.effects.filter(({ type }) => type === 'detect_turns')).toHaveLength(4);
  });

  test('within one kind of turn detection is partial; another kind starts from its defaults', () => {
    const rig = new Rig();
    detection(rig, { type: 'server_vad', threshold: 0.9 });
    expect(detection(rig, { type: 'server_vad', interrupt_response: false })).toEqual({
      ...vad,
      threshold: 0.9,
      interrupt_response: false,
    });
    const semantic = {
      type: 'semantic_vad',
      eagerness: 'auto',
      create_response: true,
      interrupt_response: true,
    };
    expect(detection(rig, { type: 'semantic_vad' })).toEqual(semantic);
    expect(detection(rig, { type: 'semantic_vad', eagerness: 'high' })).toEqual({
      ...semantic,
      eagerness: 'high',
    });
    expect(detection(rig, { type: 'semantic_vad', create_response: false })).toEqual({
      ...semantic,
      eagerness: 'high',
      create_response: false,
    });
    expect(detection(rig, { type: 'server_vad' })).toEqual(vad);
  });

  test('of something else leaves turn detection alone', () => {
    const rig = new Rig();
    const before = rig.effects.filter(({ type }) => type === 'detect_turns').length;
    update(rig, { instructions: 'x', audio: { output: { speed: 1 } } });
    expect(rig.effects.filter(({ type }) => type === 'detect_turns')).toHaveLength(before);
  });

  test('of what this gateway cannot do is not refused, and shows what is in effect', () => {
    const shown = update(new Rig(), {
      type: 'realtime',
      model: 'gpt-realtime-2.1',
      tracing: 'auto',
      prompt: { id: 'pmpt_1', version: '2', variables: { a: 'b' } },
      include: ['item.input_audio_transcription.logprobs'],
      parallel_tool_calls: true,
      reasoning: { effort: 'low' },
      audio: {
        input: {
          transcription: { model: 'gpt-4o-mini-transcribe' },
          noise_reduction: { type: 'near_field' },
          turn_detection: { type: 'server_vad' },
        },
        output: { voice: 'marin', speed: 1.5 },
      },
    });
    expect(shown).toEqual(initial);
  });

  test('takes back a session as it was shown', () => {
    const rig = new Rig();
    detection(rig, { type: 'semantic_vad', eagerness: 'low' });
    const shown = rig.last('session.updated').session;
    expect(update(rig, shown)).toEqual(shown);
  });

  test.each([
    ['session.foo', 'unknown_parameter', { foo: 1 }],
    ['session.modalities', 'unknown_parameter', { modalities: ['text', 'audio'] }],
    ['session.audio.input.turn_detection.foo', 'unknown_parameter', td({ type: 'server_vad', foo: 1 })],
    ['session.audio.input.turn_detection.type', 'missing_required_parameter', td({ threshold: 0.5 })],
    ['session.audio.input.turn_detection.type', 'invalid_value', td({ type: 'none' })],
    [
      'session.audio.input.turn_detection.threshold',
      'invalid_value',
      td({ type: 'server_vad', threshold: 2 }),
    ],
    ['session.output_modalities', 'invalid_value', { output_modalities: ['text', 'audio'] }],
    ['session.type', 'invalid_value', { type: 'translation' }],
    ['session.type', 'invalid_parameter', { type: 'transcription' }],
  ])('of %s is refused as %s, and nothing of it is taken', (param, code, session) => {
    const rig = new Rig();
    expect(update(rig, { instructions: 'taken?', ...session })).toBeNull();
    expect(rig.last('error').error).toMatchObject({ code, param, event_id: 'u2' });
    expect(rig.state.session).toEqual(initial);
  });

  test('while an answer waits in the lobby is in effect when it starts', () => {
    const rig = new Rig();
    rig.client({ type: 'response.create' });
    update(rig, { instructions: 'new', output_modalities: ['text'] });
    rig.ready();
    expect(rig.effects.find(({ type }) => type === 'start_response')).toMatchObject({
      snapshot: { modality: 'text', session: { instructions: 'new' } },
    });
  });
});

describe('how turn detection is carried out', () => {
  test('server VAD as it says', () => {
    expect(detectorOptions({ ...serverVadDefault, silence_duration_ms: 200 })).toEqual({
      threshold: 0.5,
      prefixPaddingMs: 300,
      silenceDurationMs: 200,
    });
  });

  test.each([
    ['low', 1200],
    ['medium', 700],
    ['auto', 700],
    ['high', 400],
  ] as const)('semantic VAD of %s eagerness as %i ms of silence', (eagerness, silenceDurationMs) => {
    expect(
      detectorOptions({ type: 'semantic_vad', eagerness, create_response: true, interrupt_response: true }),
    ).toEqual({ threshold: 0.5, prefixPaddingMs: 300, silenceDurationMs });
  });
});

function td(detection: object): object {
  return { audio: { input: { turn_detection: detection } } };
}
