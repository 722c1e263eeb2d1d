// The audio formats of a session and of one answer: which there are, when they are in effect, what is counted.
import { describe, expect, test } from 'vitest';
import type { SessionConfig } from '../../../src/wire/session-config.ts';
import { session as initial, Rig } from './rig.ts';

/** @returns what `session.updated` shows; null when the update was refused */
function update(rig: Rig, session: object): SessionConfig | null {
  const [event] = rig.client({ type: 'session.update', event_id: `u${rig.events.length}`, session });
  const shown = event?.type === 'session.updated' ? event.session : null;
  return shown?.object === 'realtime.session' ? shown : null;
}

const speaking = (format: unknown) => ({ audio: { input: { format } } });
const listening = (format: unknown) => ({ audio: { output: { format } } });
const formatsSet = (rig: Rig) =>
  rig.effects.flatMap((effect) => (effect.type === 'use_input_format' ? [effect.format] : []));

const pcm = (rate: number) => ({ type: 'audio/pcm', rate });
const pcmu = { type: 'audio/pcmu' };
const pcma = { type: 'audio/pcma' };

describe('a format', () => {
  test.each<readonly [object, object]>([
    ...[8000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000].map((rate) => [pcm(rate), pcm(rate)] as const),
    [pcmu, pcmu],
    [pcma, pcma],
    [{ type: 'audio/pcm' }, pcm(24_000)],
    [{ type: 'audio/pcm', rate: null }, pcm(24_000)],
    // Some clients say the one rate that there is.
    [{ type: 'audio/pcmu', rate: 8000 }, pcmu],
    [{ type: 'audio/pcma', rate: null }, pcma],
  ])('%o is in effect as %o, for either direction alone', (given, shown) => {
    const rig = new Rig();
    expect(update(rig, speaking(given))?.audio).toEqual({
      input: { ...initial.audio.input, format: shown },
      output: initial.audio.output,
    });
    expect(update(rig, { ...speaking(null), ...listening(given) })?.audio).toEqual({
      input: { ...initial.audio.input, format: shown },
      output: { ...initial.audio.output, format: shown },
    });
  });

  test.each([
    ['type', 'audio/opus', { type: 'audio/opus' }],
    ['type', 'pcm16', { type: 'pcm16' }],
    ['rate', 11_025, pcm(11_025)],
    ['rate', '24000', { type: 'audio/pcm', rate: '24000' }],
    ['rate', 16_000, { type: 'audio/pcmu', rate: 16_000 }],
  ])(
    'whose %s is %o is refused by name, with what there is; nothing of the update is taken',
    (field, _, given) => {
      for (const direction of ['input', 'output'] as const) {
        const rig = new Rig();
        const session = direction === 'input' ? speaking(given) : listening(given);
        expect(update(rig, { instructions: 'taken?', ...session })).toBeNull();
        expect(rig.last('error').error).toMatchObject({
          code: 'invalid_value',
          param: `session.audio.${direction}.format.${field}`,
          message: expect.stringMatching(field === 'type' ? /audio\/pcm.*audio\/pcmu.*audio\/pcma/ : /8000/),
        });
        expect(rig.state.session).toEqual(initial);
      }
    },
  );

  test('in the words of the beta is refused with how it is said now', () => {
    const rig = new Rig();
    update(rig, speaking('g711_ulaw'));
    expect(rig.last('error').error.message).toBe(
      'Invalid value \'g711_ulaw\' for \'session.audio.input.format\': the formats are {"type":"audio/pcm","rate":24000}, {"type":"audio/pcmu"} and {"type":"audio/pcma"}, and {"type":"audio/webm"} for input.',
    );
    update(rig, listening(pcm(96_000)));
    expect(rig.last('error').error.message).toBe(
      "Invalid value 96000 for 'session.audio.output.format.rate': the rates are 8000, 16000, 22050, 24000, 32000, 44100, 48000 Hz.",
    );
    update(rig, speaking({ rate: 8000 }));
    expect(rig.last('error').error).toMatchObject({ code: 'missing_required_parameter' });
    update(rig, speaking({ type: 'audio/pcm', rate: 8000, channels: 2 }));
    expect(rig.last('error').error).toMatchObject({ code: 'unknown_parameter' });
  });

  test('is given whole, `null` is the default, and what is left out stays', () => {
    const rig = new Rig();
    update(rig, { audio: { input: { format: pcm(16_000) }, output: { format: pcmu } } });
    expect(update(rig, { instructions: 'x' })?.audio.output.format).toEqual(pcmu);
    expect(update(rig, speaking({ type: 'audio/pcm' }))?.audio.input.format).toEqual(pcm(24_000));
    expect(update(rig, listening(null))?.audio.output.format).toEqual(pcm(24_000));
  });

  test('of the input is told to the shell when it changes, and only then', () => {
    const rig = new Rig();
    update(rig, speaking(pcm(24_000)));
    update(rig, speaking(pcmu));
    update(rig, speaking({ ...pcmu, rate: 8000 }));
    update(rig, listening(pcma));
    update(rig, speaking(pcm(8000)));
    update(rig, speaking(pcm(16_000)));
    expect(formatsSet(rig)).toEqual([pcmu, pcm(8000), pcm(16_000)]);
  });
});

describe('an answer', () => {
  const formatOf = (rig: Rig) => rig.last('response.created').response.audio.output.format;
  const snapshotOf = (rig: Rig) => {
    const effect = rig.effects.findLast(({ type }) => type === 'start_response');
    return effect?.type === 'start_response' ? effect.snapshot.session.audio : undefined;
  };

  test("comes in the session's output format, or in its own, which the next one has not", () => {
    const rig = new Rig().ready();
    update(rig, listening(pcmu));
    rig.client({ type: 'response.create', response: { audio: { output: { format: pcma } } } });
    expect(formatOf(rig)).toEqual(pcma);
    expect(snapshotOf(rig)).toEqual({
      ...initial.audio,
      output: { ...initial.audio.output, format: pcma },
    });
    rig.end();
    rig.client({ type: 'response.create', response: { audio: { output: { format: null } } } });
    expect(formatOf(rig)).toEqual(pcmu);
    expect(snapshotOf(rig)?.output.format).toEqual(pcmu);
    rig.end();
    rig.client({
      type: 'response.create',
      response: { audio: { output: { format: { type: 'audio/pcm' } } } },
    });
    expect(formatOf(rig)).toEqual(pcm(24_000));
  });

  test('keeps its format when the session changes; one that waits in the lobby starts with what is then', () => {
    const rig = new Rig();
    rig.client({ type: 'response.create' });
    update(rig, listening(pcm(48_000)));
    rig.ready();
    update(rig, listening(pcmu));
    rig.output('Hi.');
    rig.end();
    expect(rig.last('response.done').response.audio.output.format).toEqual(pcm(48_000));
  });

  test('in a format that is none is refused by name', () => {
    const rig = new Rig().ready();
    rig.client({
      type: 'response.create',
      event_id: 'mine',
      response: { audio: { output: { format: pcm(12_000) } } },
    });
    expect(rig.last('error').error).toMatchObject({
      param: 'response.audio.output.format.rate',
      event_id: 'mine',
    });
  });

  test('is counted in real time, whatever its bytes: a truncation is clamped to what was sent', () => {
    const rig = new Rig().ready();
    update(rig, listening(pcmu));
    rig.client({ type: 'response.create' });
    // 200 ms: 1600 bytes of G.711, 4800 samples at the session's rate.
    const audio = Buffer.alloc(1600, 0xff).toString('base64');
    rig.output({ type: 'audio', audio, samples: 4800 });
    expect(rig.last('response.output_audio.delta').delta).toBe(audio);
    rig.end();
    const truncate = (ms: number) => {
      const item_id = rig.itemIds.at(-1);
      rig.client({ type: 'conversation.item.truncate', item_id, content_index: 0, audio_end_ms: ms });
      return rig.last('conversation.item.truncated').audio_end_ms;
    };
    expect(truncate(1000)).toBe(200);
    expect(truncate(150)).toBe(150);
    expect(truncate(180)).toBe(150);
  });
});
