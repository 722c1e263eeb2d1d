// The gateway's own tools and words in a bridged call, beside whatever the caller does at the same time.
import { expect, test } from 'vitest';
import type { JsonObject } from '../../../src/wire/json.ts';
import { objectAt } from '../../../src/wire/json.ts';
import { BridgeWorld } from '../../sim/bridge/world.ts';

const ours = { type: 'function', name: 'own_tool', parameters: {} };
const theirs = { type: 'function', name: 'get_weather', parameters: {} };
const sameName = { type: 'function', name: 'own_tool', parameters: { type: 'object' } };

function ready(): BridgeWorld {
  const world = new BridgeWorld();
  world.declareTool();
  world.answer();
  all(world);
  return world;
}

/** Whatever is on its way arrives. */
function all(world: BridgeWorld): void {
  while (world.deliverUp() || world.deliverDown());
}

const received = ({ upstream }: BridgeWorld, type: string) =>
  upstream.received.filter((event) => event['type'] === type);
const creates = (world: BridgeWorld) => received(world, 'response.create');
const responseOf = (event: JsonObject | undefined) => objectAt(event, 'response') ?? {};

function hears(world: BridgeWorld, event: JsonObject): void {
  world.feed({ type: 'upstream', event, text: JSON.stringify(event) });
}

/** A response that upstream makes by itself, with these items. */
function responds(world: BridgeWorld, items: readonly JsonObject[], status = 'completed'): void {
  const id = `resp_${world.events.length}`;
  hears(world, { type: 'response.created', response: { id, conversation_id: 'conv_up', metadata: null } });
  for (const [output_index, item] of items.entries()) {
    const at = { response_id: id, output_index };
    hears(world, { type: 'response.output_item.added', ...at, item: { ...item, status: 'in_progress' } });
    hears(world, { type: 'response.output_item.done', ...at, item: { status: 'completed', ...item } });
  }
  hears(world, { type: 'response.done', response: { id, status, metadata: null, output: items } });
  all(world);
}

const call = (name: string, more: JsonObject = {}) => {
  const id = `item_${name}`;
  return { id, type: 'function_call', call_id: `call_${name}`, name, arguments: '{}', ...more };
};
const message = { id: 'item_said', type: 'message', role: 'assistant', content: [] };

test.each([
  ['other tools', [theirs], [theirs, ours]],
  ['one of the same name', [sameName, theirs], [theirs, ours]],
  ['none', [], [ours]],
  ['null', null, [ours]],
])('the caller names %s: ours is there, once', (_, tools, effective) => {
  const world = ready();
  world.say({ type: 'session.update', session: { type: 'realtime', tools } });
  all(world);
  expect(objectAt(received(world, 'session.update').at(-1), 'session')?.['tools']).toEqual(effective);
  expect(world.upstream.session['tools']).toEqual(effective);
});

test('a response with tools of its own has ours too; one beside the conversation has none of ours', () => {
  const world = ready();
  world.say({ type: 'session.update', session: { type: 'realtime', tools: [theirs] } });
  world.create({ conversation: 'none' });
  world.create({ conversation: 'none', tools: [sameName] });
  world.create({ tools: [sameName] });
  all(world);
  expect(creates(world).map((event) => responseOf(event)['tools'])).toEqual([[theirs], [sameName], [ours]]);
});

test('what an answer beside the conversation calls is told to its caller, whatever the name', () => {
  const world = ready();
  world.create({ conversation: 'none', tools: [{ ...theirs, name: 'aside_tool' }] });
  world.deliverUp();
  world.deliverDown();
  const id = world.events.findLast(({ type }) => type === 'response.created')?.['response'];
  const before = world.events.length;
  const item = call('other');
  world.feed({ type: 'declare_tool', tool: { type: 'function', name: 'other', parameters: {} } });
  const event = { type: 'response.output_item.done', response_id: (id as JsonObject)['id'], item };
  hears(world, event);
  expect(world.events.slice(before)).toEqual([event]);
  expect(received(world, 'conversation.item.create')).toEqual([]);
});

test('who has called ours goes on without having to call again, whatever the session asks for', () => {
  const world = ready();
  world.say({
    type: 'session.update',
    session: { type: 'realtime', tools: [theirs], tool_choice: 'required' },
  });
  all(world);
  responds(world, [call('own_tool')]);
  expect(creates(world).map(responseOf)).toMatchObject([{ tools: [theirs], tool_choice: 'auto' }]);
});

test.each([
  ['something of the caller’s too', [call('own_tool'), call('get_weather')], 'completed'],
  ['and said something', [message, call('own_tool')], 'completed'],
  ['and was cut off', [call('own_tool')], 'cancelled'],
])('a model that called ours, %s, is not asked to go on', (_, items, status) => {
  const world = ready();
  responds(world, items, status);
  expect(received(world, 'conversation.item.create')).toHaveLength(1);
  expect(creates(world)).toEqual([]);
});

test('two calls of ours in one response: two answers, and the model goes on once', () => {
  const world = ready();
  world.feed({ type: 'declare_tool', tool: { type: 'function', name: 'second', parameters: {} } });
  responds(world, [call('own_tool'), call('second')]);
  expect(received(world, 'conversation.item.create')).toHaveLength(2);
  world.settle();
  expect(creates(world)).toHaveLength(1);
});

test('a call that was cut off is none, and one that is told twice is one', () => {
  const world = ready();
  responds(world, [call('own_tool', { status: 'incomplete' })], 'cancelled');
  expect(received(world, 'conversation.item.create')).toEqual([]);
  const whole = call('own_tool', { id: 'item_2', call_id: 'call_2' });
  responds(world, [whole, whole]);
  expect(received(world, 'conversation.item.create')).toHaveLength(1);
});

test('a summary is spoken and calls nothing, also where the session has to call', () => {
  const world = ready();
  world.say({
    type: 'session.update',
    session: { type: 'realtime', tools: [theirs], tool_choice: 'required' },
  });
  world.speak('Say the result.');
  all(world);
  expect(creates(world).map(responseOf)).toMatchObject([
    { instructions: 'Say the result.', tools: [], tool_choice: 'none' },
  ]);
});

test('nobody is spoken over: a summary waits until the caller has ended', () => {
  const world = ready();
  hears(world, { type: 'input_audio_buffer.speech_started', item_id: 'item_u', audio_start_ms: 0 });
  world.speak('Say the result.');
  all(world);
  expect(creates(world)).toEqual([]);
  hears(world, { type: 'input_audio_buffer.speech_stopped', item_id: 'item_u', audio_end_ms: 900 });
  all(world);
  expect(creates(world)).toHaveLength(1);
});

test('a voice that upstream refuses is asked for as a manner, and the summary is not lost', () => {
  const world = new BridgeWorld();
  world.answer();
  const speech = world.speak('Say the result.', 'nobody');
  const { eventId } = world.state.asked ?? {};
  const error = { type: 'invalid_request_error', code: 'invalid_value', message: 'no such voice' };
  hears(world, { type: 'error', error: { ...error, event_id: eventId } });
  expect(world.outcomes.get(speech)).toBeUndefined();
  expect(world.events.filter(({ type }) => type === 'error')).toEqual([]);
  all(world);
  expect(creates(world).map(responseOf)).toMatchObject([
    { audio: { output: { voice: 'nobody' } } },
    { instructions: 'Say the result.\n\nSpeak in the manner of the voice "nobody".' },
  ]);
  expect(responseOf(creates(world)[1])['audio']).toBeUndefined();
});

test('what nobody could be told for so long is given up, and said to be', () => {
  const world = new BridgeWorld();
  const id = world.speak('Say the result.');
  world.feed({ type: 'unspeak', id, message: 'for 60000 ms' });
  expect(world.outcomes.get(id)).toBe('failed');
  world.settle();
  expect(creates(world)).toEqual([]);
});

test('an item and a create of the same id are two things in the lobby', () => {
  const world = new BridgeWorld();
  const content = [{ type: 'input_text', text: 'Hello' }];
  for (const event of [
    { type: 'conversation.item.create', item: { id: 'same', type: 'message', role: 'user', content } },
    { type: 'response.create', event_id: 'same' },
    { type: 'response.cancel', event_id: 'cancel' },
  ])
    world.feed({ type: 'client', event, text: JSON.stringify(event) });
  world.answer();
  all(world);
  expect([...world.upstream.items.keys()]).toEqual(['same']);
});

test('a caller whose tool has the name of ours is told so', () => {
  const world = ready();
  const eventId = world.say({
    type: 'session.update',
    session: { type: 'realtime', tools: [sameName, theirs] },
  });
  all(world);
  expect(world.events.filter(({ type }) => type === 'error')).toMatchObject([
    { error: { code: 'tool_name_taken', param: 'session.tools', event_id: eventId } },
  ]);
});

test('an end that upstream tells twice is told once', () => {
  const world = ready();
  const response = { id: 'resp_1', conversation_id: 'conv_up', metadata: null };
  hears(world, { type: 'response.created', response });
  hears(world, { type: 'response.done', response: { ...response, status: 'completed', output: [] } });
  hears(world, { type: 'response.done', response: { ...response, status: 'cancelled', output: [] } });
  all(world);
  const ends = world.events.filter(({ type }) => type === 'response.done');
  expect(ends.map((event) => objectAt(event, 'response')?.['status'])).toEqual(['completed']);
});

test('an upstream that falls silent in the middle of a response: it ends as failed, and the call ends', () => {
  const world = ready();
  const response = { id: 'resp_1', conversation_id: 'conv_up', metadata: null };
  hears(world, { type: 'response.created', response });
  world.feed({ type: 'timer', name: 'silence', message: 'upstream gave no sign of it for 60000 ms' });
  const ends = world.events.filter(({ type }) => type === 'response.done');
  expect(ends).toMatchObject([{ response: { id: 'resp_1', status: 'failed' } }]);
  expect(JSON.stringify(ends)).toContain('upstream_stalled');
  expect(world.events.filter(({ type }) => type === 'error')).toMatchObject([
    { error: { code: 'upstream_stalled' } },
  ]);
});
