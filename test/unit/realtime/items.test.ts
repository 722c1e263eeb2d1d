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

const user = (id: string) => ({
  id,
  type: 'message',
  role: 'user',
  content: [{ type: 'input_text', text: id }],
});

describe('creating items', () => {
  test('an item keeps the id that the client gave it, and one without gets one', () => {
    const rig = new Rig();
    create(rig, user('item_mine'));
    create(rig, { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'x' }] });
    expect(rig.itemIds[0]).toBe('item_mine');
    expect(rig.itemIds[1]).toMatch(/^item_/);
  });

  test('each kind of item comes back as it was given, with what strict clients need', () => {
    const rig = new Rig();
    const content = [
      { type: 'input_text', text: 'hear this' },
      { type: 'input_audio', audio: 'AAAA' },
    ];
    create(rig, { id: 'u', type: 'message', role: 'user', content });
    expect(rig.last('conversation.item.added').item).toEqual({
      id: 'u',
      object: 'realtime.item',
      type: 'message',
      status: 'completed',
      role: 'user',
      content: [
        { type: 'input_text', text: 'hear this' },
        { type: 'input_audio', transcript: null },
      ],
    });
    expect(rig.effects).toContainEqual({ type: 'keep_given_audio', itemId: 'u', audio: new Int16Array(1) });
    create(rig, {
      id: 's',
      type: 'message',
      role: 'system',
      content: [{ type: 'input_text', text: 'be kind' }],
    });
    create(rig, {
      id: 'a',
      type: 'message',
      role: 'assistant',
      status: 'incomplete',
      content: [{ type: 'output_audio', transcript: 'as I said', audio: null }],
    });
    expect(rig.last('conversation.item.added').item).toMatchObject({
      status: 'incomplete',
      content: [{ type: 'output_audio', transcript: 'as I said' }],
    });
    create(rig, { type: 'function_call', name: 'look', arguments: '{}' });
    expect(rig.last('conversation.item.added').item).toMatchObject({
      name: 'look',
      call_id: expect.stringMatching(/^call_/),
    });
    const call = rig.state.items.at(-1);
    const callId = call?.type === 'function_call' ? call.call_id : '';
    create(rig, { type: 'function_call_output', call_id: callId, output: '' });
    expect(rig.last('conversation.item.added').item).toMatchObject({ call_id: callId, output: '' });
    expect(rig.state.items).toHaveLength(5);
  });

  test('an item goes to the end, after another, or to the beginning', () => {
    const rig = new Rig();
    create(rig, user('b'));
    create(rig, user('d'));
    create(rig, user('c'), { previous_item_id: 'b' });
    expect(rig.last('conversation.item.done').previous_item_id).toBe('b');
    create(rig, user('a'), { previous_item_id: 'root' });
    expect(rig.last('conversation.item.done').previous_item_id).toBeNull();
    create(rig, user('e'), { previous_item_id: null });
    expect(rig.last('conversation.item.done').previous_item_id).toBe('d');
    expect(rig.itemIds).toEqual(['a', 'b', 'c', 'd', 'e']);
    rig.client({ type: 'conversation.item.delete', item_id: 'b' });
    create(rig, user('b'), { previous_item_id: 'a' });
    expect(rig.itemIds).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  test('a duplicate id is refused', () => {
    const rig = new Rig();
    create(rig, user('a'));
    create(rig, user('a'));
    expect(code(rig)).toMatchObject({
      code: 'item_create_duplicate_item_id',
      message: "Error adding item: an item with id 'a' already exists in the conversation.",
      param: 'item.id',
      event_id: expect.stringMatching(/^create/),
    });
  });

  test('an id that is announced for the speech under way, or in use by the answer under way, is taken', () => {
    const rig = new Rig().ready();
    rig.append(1000);
    rig.feed({ type: 'speech_started', atSample: 0 });
    const { item_id: spoken } = rig.last('input_audio_buffer.speech_started');
    expect(types(create(rig, user(spoken)))).toEqual(['error']);
    rig.feed({ type: 'speech_stopped', atSample: 24_000 });
    rig.output('Hi.');
    const said = rig.itemIds.at(-1) ?? '';
    rig.client({ type: 'conversation.item.delete', item_id: said });
    expect(types(create(rig, user(said)))).toEqual(['error']);
    rig.end();
    expect(create(rig, user(said))).toHaveLength(2);
    expect(rig.state.items.at(-1)).toMatchObject({ role: 'user' });
  });

  test('a place after an item that is not there is refused, and nothing is added', () => {
    const rig = new Rig();
    create(rig, user('a'), { previous_item_id: 'nobody' });
    expect(code(rig)).toMatchObject({ code: 'invalid_value', param: 'previous_item_id' });
    expect(rig.itemIds).toEqual([]);
  });

  test('"root" is a place and no id', () => {
    const rig = new Rig();
    create(rig, user('root'));
    expect(code(rig)).toMatchObject({ code: 'invalid_value', param: 'item.id' });
  });

  test('audio beside another spoken part is refused by name; transcripts alone are not', () => {
    const rig = new Rig();
    const said = { type: 'input_audio', transcript: 'hm' };
    create(rig, { type: 'message', role: 'user', content: [said, { type: 'input_audio', audio: 'AAAA' }] });
    expect(code(rig)).toMatchObject({ code: 'invalid_value', param: 'item.content' });
    expect(rig.effects.some(({ type }) => type === 'keep_given_audio')).toBe(false);
    expect(create(rig, { type: 'message', role: 'user', content: [said, said] })).toHaveLength(2);
  });

  test('a conversation holds two thousand items, and takes more once some are deleted', () => {
    const rig = new Rig();
    const items = Array.from({ length: 2000 }, (_, index) => ({
      ...({ object: 'realtime.item', status: 'completed', type: 'message', role: 'user' } as const),
      id: `item_${index}_`,
      content: [],
    }));
    rig.state = { ...rig.state, items };
    rig.replica.items = items.map((item) => ({ id: item.id, item }));
    create(rig, user('a'));
    expect(code(rig)).toMatchObject({ code: 'conversation_full' });
    rig.append(200);
    expect(types(rig.client({ type: 'input_audio_buffer.commit' }))).toEqual(['error']);
    rig.client({ type: 'conversation.item.delete', item_id: 'item_77_' });
    expect(create(rig, user('a'))).toHaveLength(2);
  });

  test('a conversation holds sixteen million characters', () => {
    const rig = new Rig();
    const text = 'x'.repeat(1_000_000);
    const content = Array.from({ length: 8 }, () => ({ type: 'input_text' as const, text }));
    const event = {
      type: 'conversation.item.create',
      item: { type: 'message', role: 'user', content },
    } as const;
    expect(types(rig.feed({ type: 'client', event }, { type: 'client', event }))).not.toContain('error');
    rig.feed({ type: 'client', event });
    expect(code(rig)).toMatchObject({ code: 'conversation_full' });
  });
});

test('the result of a function that nobody has called is refused, as OpenAI does', () => {
  const rig = new Rig();
  create(rig, { type: 'function_call_output', call_id: 'call_x', output: '7' });
  expect(code(rig)).toMatchObject({
    code: 'invalid_tool_call_id',
    message: "Tool call ID 'call_x' not found in conversation.",
    param: 'item.call_id',
  });
  expect(rig.itemIds).toEqual([]);
});

describe('retrieving and deleting items', () => {
  test.each([
    ['retrieve', 'item_retrieve_invalid_item_id', 'retrieving'],
    ['delete', 'item_delete_invalid_item_id', 'deleting'],
    ['truncate', 'item_truncate_invalid_item_id', 'truncating'],
  ])(
    'to %s an item that is not there is refused with the code and the words of OpenAI',
    (verb, expected, doing) => {
      const rig = new Rig();
      const where = verb === 'truncate' ? { content_index: 0, audio_end_ms: 0 } : {};
      rig.client({ type: `conversation.item.${verb}`, item_id: 'nobody', event_id: 'e', ...where });
      expect(code(rig)).toEqual({
        type: 'invalid_request_error',
        code: expected,
        message: `Error ${doing} item: the item with id 'nobody' does not exist.`,
        param: 'item_id',
        event_id: 'e',
      });
    },
  );

  test('an item is retrieved through the shell, which has its audio', () => {
    const rig = new Rig().ready();
    rig.speak(500);
    rig.client({ type: 'conversation.item.retrieve', item_id: rig.itemIds[0] });
    expect(rig.effects.at(-1)).toEqual({ type: 'send_retrieved', item: rig.state.items[0] });
  });

  test('what the shell holds of a deleted item is forgotten', () => {
    const rig = new Rig().ready();
    rig.speak(500);
    const [itemId = ''] = rig.itemIds;
    expect(rig.shell.audio.has(itemId)).toBe(true);
    rig.client({ type: 'conversation.item.delete', item_id: itemId });
    expect(rig.shell.audio.has(itemId)).toBe(false);
  });

  test('the answer under way goes on when its item is deleted, and leaves nothing behind', () => {
    const rig = new Rig().ready();
    rig.say('hi');
    rig.client({ type: 'response.create' });
    rig.output('Hel');
    rig.client({ type: 'conversation.item.delete', item_id: rig.itemIds[1] });
    rig.output(40);
    expect(types(rig.end())).toEqual([
      'response.output_audio.done',
      'response.output_audio_transcript.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.done',
    ]);
    expect(rig.itemIds).toHaveLength(1);
    expect(rig.state.spoken.size).toBe(0);
  });
});
