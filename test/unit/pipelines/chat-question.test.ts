import { describe, expect, test } from 'vitest';
import { chatQuestion } from '../../../src/pipelines/chat-question.ts';
import type { Item, MessageItem } from '../../../src/wire/items.ts';
import { initialSession, type SessionConfig } from '../../../src/wire/session-config.ts';

const session = initialSession({
  ...{ id: 'sess_1', model: 'default', voice: 'default', instructions: 'Be brief.', expiresAt: 1 },
});
const head = { id: 'item_1', object: 'realtime.item', status: 'completed' } as const;
const user = (...texts: readonly (string | null)[]): Item => ({
  ...{ ...head, type: 'message', role: 'user' },
  content: texts.map((transcript) => ({ type: 'input_audio', transcript })),
});
const message = (role: MessageItem['role'], text: string): Item => ({
  ...{ ...head, type: 'message', role },
  content: [role === 'assistant' ? { type: 'output_text', text } : { type: 'input_text', text }],
});
const call = (id: string): Item => ({
  ...{ ...head, type: 'function_call', call_id: id, name: 'look', arguments: '{}' },
});
const result = (id: string, output: string): Item => ({
  ...{ ...head, type: 'function_call_output', call_id: id, output },
});
const asked = (items: readonly Item[], changes: Partial<SessionConfig> = {}) =>
  chatQuestion({ items, session: { ...session, instructions: '', ...changes } });
const called = (...ids: readonly string[]) =>
  ids.map((id) => ({ id, type: 'function', function: { name: 'look', arguments: '{}' } }));

describe('the messages', () => {
  test('begin with the instructions, and keep the order', () => {
    const items = [
      message('system', 'The caller is Ann.'),
      user('Hello.'),
      message('assistant', 'Hi.'),
      user('Bye.'),
    ];
    expect(asked(items, { instructions: 'Be brief.' }).messages).toEqual([
      { role: 'system', content: 'Be brief.' },
      { role: 'system', content: 'The caller is Ann.' },
      { role: 'user', content: 'Hello.' },
      { role: 'assistant', content: 'Hi.' },
      { role: 'user', content: 'Bye.' },
    ]);
  });

  test('leave out what is not known, and join neighbours of one role', () => {
    const cut: Item = {
      ...{ ...head, type: 'message', role: 'assistant', status: 'incomplete' },
      content: [{ type: 'output_audio', transcript: null }],
    };
    expect(asked([user(null), user('One', 'two'), cut, user('three')]).messages).toEqual([
      { role: 'user', content: 'One\ntwo\nthree' },
    ]);
  });

  test('have calls that came together in one, with what was said before, and each result at once after', () => {
    const items = [
      ...[user('Look.'), message('assistant', 'A moment.'), call('a'), call('b'), user('Well?')],
      ...[result('b', 'B'), result('a', 'A')],
    ];
    expect(asked(items).messages).toEqual([
      { role: 'user', content: 'Look.' },
      { role: 'assistant', content: 'A moment.', tool_calls: called('a', 'b') },
      { role: 'tool', tool_call_id: 'a', content: 'A' },
      { role: 'tool', tool_call_id: 'b', content: 'B' },
      { role: 'user', content: 'Well?' },
    ]);
  });

  test('say of a call without a result that there is none yet, and leave out a result without its call', () => {
    expect(asked([call('a'), result('z', 'Z'), message('assistant', 'Hm.')]).messages).toEqual([
      { role: 'assistant', content: null, tool_calls: called('a') },
      { role: 'tool', tool_call_id: 'a', content: 'There is no result yet.' },
      { role: 'assistant', content: 'Hm.' },
    ]);
  });
});

describe('the tools and the limit', () => {
  const tools = [
    { type: 'function', name: 'look', parameters: {} },
    { type: 'mcp', server_url: 'x' },
  ];
  const nested = [{ type: 'function', function: { name: 'look', parameters: {} } }];

  test('are as chat completions have them; what is no function is left out', () => {
    expect(asked([], { tools, max_output_tokens: 50 })).toEqual({
      messages: [],
      tools: nested,
      maxTokens: 50,
    });
    expect(asked([], { tools: [], tool_choice: 'required' })).toEqual({ messages: [] });
  });

  test.each<readonly [SessionConfig['tool_choice'], unknown]>([
    ['required', 'required'],
    [
      { type: 'function', name: 'look' },
      { type: 'function', function: { name: 'look' } },
    ],
  ])('a choice of %j is asked for', (given, choice) => {
    expect(asked([], { tools, tool_choice: given })).toMatchObject({
      tools: nested,
      extra: { tool_choice: choice },
    });
  });

  test('a choice of none is no tools', () => {
    expect(asked([], { tools, tool_choice: 'none' })).toEqual({ messages: [] });
  });

  test('are asked for one at a time, where the session says so', () => {
    expect(asked([], { tools, parallel_tool_calls: false })).toMatchObject({
      extra: { parallel_tool_calls: false },
    });
    expect(asked([], { tools })).not.toHaveProperty('extra');
    expect(asked([], { tools: [], parallel_tool_calls: false })).toEqual({ messages: [] });
  });
});
