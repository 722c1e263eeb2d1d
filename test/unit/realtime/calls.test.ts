// Answers that call functions, and how an answer ends: what it took, and what cut it.
import { describe, expect, test } from 'vitest';
import type { SentEvent } from './replica.ts';
import { Rig } from './rig.ts';

const types = (events: readonly SentEvent[]) => events.map(({ type }) => type);
const call = (callId: string, written = '{"a":1}') =>
  ({ type: 'call', callId, name: 'look', arguments: written }) as const;
const called = [
  'response.output_item.added',
  'conversation.item.added',
  'response.function_call_arguments.delta',
  'response.function_call_arguments.done',
  'response.output_item.done',
  'conversation.item.done',
];

function answering(): Rig {
  const rig = new Rig().ready();
  rig.say('hello', 'item_hello');
  rig.client({ type: 'response.create' });
  return rig;
}

describe('a function call', () => {
  test('is one for who asks for one at a time, in the session or for this answer', () => {
    const rig = new Rig().ready();
    rig.client({ type: 'session.update', session: { parallel_tool_calls: false } });
    expect(rig.last('session.updated').session).toMatchObject({ parallel_tool_calls: false });
    rig.client({ type: 'response.create' });
    rig.output(call('call_x'));
    expect(rig.output(call('call_y'))).toEqual([]);
    rig.end();
    expect(rig.last('response.done').response.output).toMatchObject([{ call_id: 'call_x' }]);
    rig.client({ type: 'response.create', response: { parallel_tool_calls: true } });
    expect(rig.shell.snapshots.at(-1)?.session.parallel_tool_calls).toBe(true);
    rig.output(call('call_1'));
    rig.output(call('call_2'));
    rig.end();
    expect(rig.last('response.done').response.output).toHaveLength(2);
  });

  test('comes whole, as an item of its own after what was said', () => {
    const rig = answering();
    rig.output('One moment.');
    rig.output(100);
    const events = rig.output(call('call_x'));
    expect(types(events).slice(-6)).toEqual(called);
    expect(types(events)).toContain('response.output_audio.done');
    rig.output(call('call_y', ''));
    rig.end();
    const { output, status } = rig.last('response.done').response;
    expect(status).toBe('completed');
    expect(output).toMatchObject([
      { type: 'message', content: [{ transcript: 'One moment.' }] },
      { type: 'function_call', call_id: 'call_x', name: 'look', arguments: '{"a":1}', status: 'completed' },
      { type: 'function_call', call_id: 'call_y', arguments: '' },
    ]);
    expect(rig.itemIds).toEqual(['item_hello', ...output.map(({ id }) => id)]);
    expect(rig.last('response.function_call_arguments.done')).toMatchObject({
      ...{ output_index: 2, call_id: 'call_y', name: 'look', arguments: '' },
    });
  });

  test('has an id that no call before it had, whatever the engine gives', () => {
    const rig = answering();
    rig.output(call('call_0'));
    rig.end();
    rig.client({ type: 'response.create' });
    rig.output(call('call_0'));
    rig.end();
    const ids = rig.state.items.flatMap((item) => (item.type === 'function_call' ? [item.call_id] : []));
    expect(ids[0]).toBe('call_0');
    expect(new Set(ids).size).toBe(2);
  });

  test('that is done stays when the answer is cancelled, and what is said after it is a message of its own', () => {
    const rig = answering();
    rig.output(call('call_x'));
    rig.output('And so');
    rig.client({ type: 'response.cancel' });
    expect(rig.last('response.done').response.output).toMatchObject([
      { type: 'function_call', status: 'completed' },
      { type: 'message', status: 'incomplete', content: [{ transcript: 'And so' }] },
    ]);
  });

  test('is in its place when the client has deleted what was said before it', () => {
    const rig = answering();
    rig.output('One moment.');
    rig.client({ type: 'conversation.item.delete', item_id: rig.itemIds[1] });
    rig.output(call('call_x'));
    rig.end();
    expect(rig.state.items.map(({ type }) => type)).toEqual(['message', 'function_call']);
  });
});

describe('the end of an answer', () => {
  const usage = {
    ...{ total_tokens: 9, input_tokens: 5, output_tokens: 4 },
    ...{ input_token_details: { text_tokens: 5 }, output_token_details: { text_tokens: 4 } },
  };

  test('says what it took', () => {
    const rig = answering();
    rig.output('Hi.');
    rig.output({ type: 'ending', cutBy: null, usage });
    rig.end();
    expect(rig.last('response.done').response).toMatchObject({ status: 'completed', usage });
  });

  test('says that it was cut by a limit', () => {
    const rig = answering();
    rig.output('Hi');
    rig.output({ type: 'ending', cutBy: 'max_output_tokens', usage: null });
    rig.end();
    expect(rig.last('response.done').response).toMatchObject({
      status: 'incomplete',
      status_details: { type: 'incomplete', reason: 'max_output_tokens' },
      output: [{ status: 'incomplete' }],
    });
  });
});
