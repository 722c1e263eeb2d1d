// What the gateway has beside a bridged call, by the rules of upstream: tools of its own, and things to say.
import { expect, test } from 'vitest';
import { type JsonObject, objectAt } from '../../../src/wire/json.ts';
import { BridgeWorld } from '../../sim/bridge/world.ts';

const theirs = { type: 'function', name: 'weather' };
const own = { type: 'function', name: 'own_tool', parameters: {} };

function opened({ detection = null as object | null } = {}) {
  const world = new BridgeWorld();
  world.declareTool();
  world.answer();
  world.say({
    type: 'session.update',
    session: { type: 'realtime', tools: [theirs], audio: { input: { turn_detection: detection } } },
  });
  world.settle();
  return world;
}

const creates = ({ upstream }: BridgeWorld): readonly JsonObject[] =>
  upstream.received
    .filter(({ type }) => type === 'response.create')
    .map((event) => objectAt(event, 'response') ?? {});
const names = (tools: unknown) => (tools as readonly JsonObject[] | undefined)?.map(({ name }) => name);
const shownTools = ({ events }: BridgeWorld) =>
  names(
    objectAt(
      events.findLast(({ type }) => type === 'session.updated'),
      'session',
    )?.['tools'],
  );
const codes = ({ events }: BridgeWorld) =>
  events.map((event) => objectAt(event, 'error')?.['code']).filter(Boolean);

/** Everything that is on its way arrives; responses do not go on. */
function exchange(world: BridgeWorld): void {
  while (world.deliverUp() || world.deliverDown());
}

test.each([
  [[theirs], ['weather']],
  [[], []],
  [null, undefined],
  [[theirs, { ...own, description: 'of the caller' }], ['weather']],
])('whatever a caller says of its tools, ours stay, once, and unseen: %j', (tools, shown) => {
  const world = opened();
  world.say({ type: 'session.update', session: { type: 'realtime', tools } });
  world.settle();
  expect(names(world.upstream.session['tools'])).toEqual([...(shown ?? []), 'own_tool']);
  expect(world.upstream.session['tools']).toContainEqual(own);
  expect(shownTools(world)).toEqual(shown ?? []);
});

test('a response with tools of its own has ours too; one beside the conversation never has', () => {
  const world = opened();
  for (const response of [
    { tools: [] },
    { conversation: 'none' },
    { conversation: 'none', tools: [theirs, own] },
    {},
  ]) {
    world.create(response);
    world.settle();
  }
  expect(creates(world).map(({ tools }) => names(tools))).toEqual([
    ['own_tool'],
    ['weather'],
    ['weather'],
    undefined,
  ]);
});

test('after a call the model goes on once, and cannot call again, not even where it must call', () => {
  const world = opened();
  world.say({ type: 'session.update', session: { type: 'realtime', tools: [], tool_choice: 'required' } });
  world.settle();
  world.upstream.kind = 'call';
  world.create();
  world.settle();
  expect(creates(world)).toMatchObject([{}, { tools: [], tool_choice: 'auto' }]);
  expect(world.upstream.violations).toEqual([]);
});

const call = (id: string) => ({
  ...{ ...own, id, object: 'realtime.item', type: 'function_call', status: 'completed' },
  ...{ call_id: `call_${id}`, arguments: '{}' },
});

/** The response that runs calls ours as well. */
function calls(world: BridgeWorld, count = 1): void {
  const [response] = world.upstream.responses;
  for (let index = 0; index < count; index += 1)
    world.upstream.say({
      ...{ type: 'response.output_item.done', response_id: response?.id, output_index: 1 },
      item: call(`item_called${index}`),
    });
}

test('who has said something beside the call is not asked to go on, nor who was interrupted', () => {
  for (const how of ['said', 'cancelled'] as const) {
    const world = opened();
    world.upstream.kind = 'text';
    world.create();
    exchange(world);
    if (how === 'said') world.upstream.step();
    calls(world);
    exchange(world);
    if (how === 'cancelled') world.say({ type: 'response.cancel' });
    world.settle();
    expect(creates(world)).toHaveLength(1);
    expect(world.upstream.received).toContainEqual(
      expect.objectContaining({ type: 'conversation.item.create' }),
    );
    expect(world.upstream.violations).toEqual([]);
  }
});

test('two calls in a response are gone on with once', () => {
  const world = opened();
  world.say({ type: 'session.update', session: { type: 'realtime', tools: [] } });
  world.settle();
  world.upstream.kind = 'call';
  world.create();
  exchange(world);
  calls(world, 2);
  world.settle();
  expect(creates(world)).toHaveLength(2);
});

test('what is to be said is in the voice, calls nothing, and shows whose it is', () => {
  const world = opened();
  world.feed({
    type: 'speak',
    speech: { id: 'event_1', instructions: 'Tell it.', voice: 'alloy', metadata: { task: 'a' }, attempts: 0 },
  });
  world.settle();
  expect(creates(world)).toMatchObject([
    {
      instructions: 'Tell it.',
      tool_choice: 'none',
      audio: { output: { voice: 'alloy' } },
      metadata: { task: 'a' },
    },
  ]);
  const done = world.events.find(({ type }) => type === 'response.done');
  expect(done).toMatchObject({ response: { metadata: { task: 'a' } } });
  expect(world.outcomes.get('event_1')).toBe('spoken');
});

test('a voice that upstream does not have costs the voice; the caller hears nothing of that', () => {
  const world = opened();
  world.upstream.voices = ['marin'];
  const id = world.speak('Tell it.', 'grandfather');
  world.settle();
  expect(creates(world)).toMatchObject([
    { audio: { output: { voice: 'grandfather' } } },
    { instructions: 'Tell it.\n\nSpeak in the manner of the voice "grandfather".' },
  ]);
  expect(creates(world)[1]).not.toHaveProperty('audio');
  expect(world.outcomes.get(id)).toBe('spoken');
  expect(codes(world)).toEqual([]);
});

test('a voice that upstream cannot switch any more, as nobody could know yet, costs the voice', () => {
  const world = opened({ detection: { type: 'server_vad', create_response: true } });
  world.say({ type: 'input_audio_buffer.append', audio: Buffer.alloc(4800).toString('base64') });
  exchange(world);
  world.upstream.speak();
  while (world.upstream.step());
  // None of that has come down when this is said.
  const id = world.speak('Tell it.', 'alloy');
  world.deliverUp();
  world.settle();
  expect(world.upstream.races).toContain('a voice after audio');
  expect(creates(world).at(-1)?.['instructions']).toContain('manner of the voice "alloy"');
  expect(world.outcomes.get(id)).toBe('spoken');
  expect(codes(world)).toEqual([]);
  expect(world.upstream.violations).toEqual([]);
});

test('a response that fails with a voice is said again without', () => {
  const world = opened();
  const id = world.speak('Tell it.', 'alloy');
  exchange(world);
  const [response] = world.upstream.responses.splice(0);
  world.upstream.say({
    type: 'response.done',
    response: {
      ...{ id: response?.id, object: 'realtime.response', conversation_id: 'conv_up', status: 'failed' },
      status_details: { type: 'failed', error: { type: 'server_error', code: 'server_error' } },
      ...{ output: [], metadata: response?.metadata },
    },
  });
  world.settle();
  expect(creates(world)[1]).not.toHaveProperty('audio');
  expect(world.outcomes.get(id)).toBe('spoken');
});

test('nothing is said while somebody speaks, nor before upstream has answered that', () => {
  const world = opened({ detection: { type: 'server_vad', create_response: true } });
  const item_id = 'item_heard';
  world.upstream.say({ type: 'input_audio_buffer.speech_started', item_id, audio_start_ms: 0 });
  exchange(world);
  const id = world.speak('Tell it.');
  world.upstream.say({ type: 'input_audio_buffer.speech_stopped', item_id, audio_end_ms: 500 });
  exchange(world);
  expect(creates(world)).toEqual([]);
  world.upstream.say({
    type: 'response.created',
    response: { id: 'resp_heard', conversation_id: 'conv_up' },
  });
  exchange(world);
  expect(creates(world)).toEqual([]);
  world.upstream.say({
    type: 'response.done',
    response: { id: 'resp_heard', conversation_id: 'conv_up', status: 'completed', output: [] },
  });
  world.settle();
  expect(creates(world)).toHaveLength(1);
  expect(world.outcomes.get(id)).toBe('spoken');
});

test('what nobody could be told for too long is given up, unless it has begun', () => {
  const world = opened();
  world.create();
  exchange(world);
  const id = world.speak('Tell it.');
  world.feed({ type: 'unspeak', id, message: 'for too long' });
  expect(world.outcomes.get(id)).toBe('failed');
  world.settle();
  expect(creates(world)).toHaveLength(1);
  const begun = world.speak('Tell it.');
  exchange(world);
  world.feed({ type: 'unspeak', id: begun, message: 'for too long' });
  world.settle();
  expect(world.outcomes.get(begun)).toBe('spoken');
});
