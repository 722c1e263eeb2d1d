// What the gateway has upstream say, by upstream's own rules: in the voice where that can be, and never lost to it.
import { expect, test } from 'vitest';
import { type JsonObject, objectAt } from '../../../src/wire/json.ts';
import { BridgeWorld } from '../../sim/bridge/world.ts';

function opened({ detection = null as object | null } = {}) {
  const world = new BridgeWorld();
  world.declareTool();
  world.answer();
  world.say({
    type: 'session.update',
    session: { type: 'realtime', audio: { input: { turn_detection: detection } } },
  });
  world.settle();
  return world;
}

const creates = ({ upstream }: BridgeWorld): readonly JsonObject[] =>
  upstream.received
    .filter(({ type }) => type === 'response.create')
    .map((event) => objectAt(event, 'response') ?? {});
const codes = ({ events }: BridgeWorld) =>
  events.map((event) => objectAt(event, 'error')?.['code']).filter(Boolean);

/** Everything that is on its way arrives; responses do not go on. */
function exchange(world: BridgeWorld): void {
  while (world.deliverUp() || world.deliverDown());
}

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
