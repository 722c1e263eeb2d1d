import { describe, expect, test } from 'vitest';
import type { SentEvent } from './replica.ts';
import { Rig } from './rig.ts';

const types = (events: readonly SentEvent[]) => events.map(({ type }) => type);
const code = (rig: Rig) => rig.last('error').error;

function create(rig: Rig, item: object, rest: object = {}): SentEvent[] {
  return rig.client({
    type: 'conversation.item.create',
    event_id: `create ${rig.events.length}`,
    item,
    ...rest,
  });
}

/** A spoken answer of so many ms, finished. */
function answered(ms: number, text = 'Hello there.'): { readonly rig: Rig; readonly itemId: string } {
  const rig = new Rig().ready();
  rig.say('hi');
  rig.client({ type: 'response.create' });
  rig.output(text);
  rig.output(ms);
  rig.end();
  return { rig, itemId: rig.itemIds.at(-1) ?? '' };
}

describe('truncating what was not heard', () => {
  const truncate = (rig: Rig, itemId: string, ms: number, rest: object = {}) =>
    rig.client({
      type: 'conversation.item.truncate',
      event_id: `truncate ${rig.events.length}`,
      item_id: itemId,
      content_index: 0,
      audio_end_ms: ms,
      ...rest,
    });

  test('a finished answer is cut where the listener stopped, and its text goes', () => {
    const { rig, itemId } = answered(2000);
    expect(types(truncate(rig, itemId, 700.9))).toEqual(['conversation.item.truncated']);
    expect(rig.last('conversation.item.truncated')).toMatchObject({
      item_id: itemId,
      content_index: 0,
      audio_end_ms: 700,
    });
    expect(rig.state.items.at(-1)).toMatchObject({ content: [{ type: 'output_audio', transcript: null }] });
  });

  describe('an answer that was spoken sentence by sentence', () => {
    /** Each of a second; the third has two texts for its one speech. */
    function spoken(): Rig {
      const rig = new Rig().ready();
      rig.say('hi');
      rig.client({ type: 'response.create' });
      for (const chunk of ['One. ', 500, 500, 'Two. ', 1000, 'Thr', 'ee.', 1000]) rig.output(chunk);
      return rig;
    }

    test.each([
      [0, null],
      [599, null],
      [999, 'One.'],
      [1000, 'One. '],
      [1599, 'One. '],
      [1999, 'One. Two.'],
      [2500, 'One. Two. '],
      [3000, 'One. Two. Three.'],
    ])('keeps of %i ms what was heard, to the word', (ms, transcript) => {
      const ended = spoken();
      ended.end();
      truncate(ended, ended.itemIds.at(-1) ?? '', ms);
      expect(ended.state.items.at(-1)).toMatchObject({ content: [{ transcript }] });
      const running = spoken();
      truncate(running, running.itemIds.at(-1) ?? '', ms);
      running.client({ type: 'response.cancel' });
      expect(running.state.items.at(-1)).toMatchObject({ content: [{ transcript }] });
    });

    test('keeps less of a second cut', () => {
      const rig = spoken();
      rig.end();
      for (const ms of [2500, 1500]) truncate(rig, rig.itemIds.at(-1) ?? '', ms);
      expect(rig.state.items.at(-1)).toMatchObject({ content: [{ transcript: 'One. ' }] });
    });
  });

  test('an end beyond the audio is clamped to it, and what was heard whole keeps its text', () => {
    const { rig, itemId } = answered(2000);
    truncate(rig, itemId, 2085);
    expect(rig.last('conversation.item.truncated').audio_end_ms).toBe(2000);
    expect(rig.state.items.at(-1)).toMatchObject({ content: [{ transcript: 'Hello there.' }] });
  });

  test('a second cut can only be shorter', () => {
    const { rig, itemId } = answered(2000);
    truncate(rig, itemId, 500);
    truncate(rig, itemId, 1500);
    expect(rig.last('conversation.item.truncated').audio_end_ms).toBe(500);
    truncate(rig, itemId, 0);
    expect(rig.last('conversation.item.truncated').audio_end_ms).toBe(0);
  });

  test('the answer under way is cut as well: what is still made of it is not put back', () => {
    const rig = new Rig().ready();
    rig.say('hi');
    rig.client({ type: 'response.create' });
    rig.output('Hello there.');
    rig.output(1000);
    const itemId = rig.itemIds.at(-1) ?? '';
    truncate(rig, itemId, 400);
    expect(rig.last('conversation.item.truncated').audio_end_ms).toBe(400);
    rig.output(1000);
    truncate(rig, itemId, 700);
    expect(rig.last('conversation.item.truncated').audio_end_ms).toBe(400);
    rig.end();
    expect(rig.last('response.output_audio_transcript.done').transcript).toBe('Hello there.');
    expect(rig.last('response.done').response.output[0]).toMatchObject({ content: [{ transcript: null }] });
    expect(rig.state.items.at(-1)).toMatchObject({ content: [{ transcript: null }] });
    truncate(rig, itemId, 5000);
    expect(rig.last('conversation.item.truncated').audio_end_ms).toBe(400);
  });

  test('after a barge-in the cut answer has the audio that was sent, no more', () => {
    const rig = new Rig().ready();
    rig.say('hi');
    rig.client({ type: 'response.create' });
    rig.output('Hello there.');
    rig.output(1000);
    const itemId = rig.itemIds.at(-1) ?? '';
    rig.client({ type: 'response.cancel' });
    truncate(rig, itemId, 4000);
    expect(rig.last('conversation.item.truncated').audio_end_ms).toBe(1000);
  });

  test.each([
    ['typed by the user', (rig: Rig) => rig.say('x', 'target')],
    ['spoken by the user', (rig: Rig) => rig.speak(500)],
    [
      'written by the assistant',
      (rig: Rig) =>
        create(rig, {
          id: 'target',
          type: 'message',
          role: 'assistant',
          content: [{ type: 'output_text', text: 'x' }],
        }),
    ],
    ['a function call', (rig: Rig) => create(rig, { type: 'function_call', name: 'f', arguments: '' })],
  ])('an item %s cannot be truncated', (_what, make) => {
    const rig = new Rig().ready();
    make(rig);
    truncate(rig, rig.itemIds[0] ?? '', 100);
    expect(code(rig)).toMatchObject({
      code: 'unsupported_content_type',
      message: 'Only model output audio messages can be truncated',
      event_id: expect.stringMatching(/^truncate/),
    });
  });

  test('a text answer under way, an unknown item and another part are refused', () => {
    const rig = new Rig().ready();
    rig.client({ type: 'response.create', response: { output_modalities: ['text'] } });
    rig.output('text');
    truncate(rig, rig.itemIds[0] ?? '', 100);
    expect(code(rig).code).toBe('unsupported_content_type');
    truncate(rig, 'nobody', 100);
    expect(code(rig).code).toBe('item_truncate_invalid_item_id');
    const { rig: other, itemId } = answered(100);
    truncate(other, itemId, 10, { content_index: 1 });
    expect(code(other)).toMatchObject({ code: 'invalid_value', param: 'content_index' });
  });

  test('an answer that a client brought along has no audio here, and keeps its text', () => {
    const rig = new Rig();
    const content = [{ type: 'output_audio', transcript: 'long ago' }];
    create(rig, { id: 'old', type: 'message', role: 'assistant', content });
    truncate(rig, 'old', 100);
    expect(rig.last('conversation.item.truncated').audio_end_ms).toBe(0);
    expect(rig.state.items[0]).toMatchObject({ content: [{ transcript: 'long ago' }] });
  });
});
