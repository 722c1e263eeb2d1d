// Whether every event of a caller's was answered, and as often as it should be.
import assert from 'node:assert/strict';
import { type JsonObject, objectAt, textAt } from '../../../src/wire/json.ts';
import type { BridgeWorld } from './world.ts';

export function expectEverythingAnswered(world: BridgeWorld): void {
  assert.deepEqual(world.upstream.violations, [], 'no rule of upstream is broken');
  expectNobodyWaits(world);
  for (const event of world.sent) expectAnswer(world, event);
}

/** Every create has its one end, every response too, and so has what the gateway had to say. */
export function expectNobodyWaits(world: BridgeWorld): void {
  const { asked, answering, asides, asidesAnswering, later, speeches, watch } = world.state;
  assert.deepEqual(
    { asked, answering, asides, asidesAnswering: [...asidesAnswering], later, speeches, watch },
    {
      asked: null,
      answering: null,
      asides: [],
      asidesAnswering: [],
      later: null,
      speeches: [],
      watch: 'off',
    },
  );
  assert.deepEqual([...world.timers], [], 'no timer runs for nothing');
  for (const id of world.asked) assert(world.outcomes.has(id), `speech ${id} has an end`);
  assert.equal(world.openResponse, null, 'a response that was begun has ended');
  for (const event of world.sent) if (event['type'] === 'response.create') expectAnswer(world, event);
  for (const error of errorsOf(world))
    if (textAt(error, 'event_id') !== undefined)
      assert.equal(errors(world, String(error['event_id'])), 1, 'one error for one event');
}

const errorsOf = ({ events }: BridgeWorld): readonly JsonObject[] =>
  events.filter(({ type }) => type === 'error').map((event) => objectAt(event, 'error') ?? {});

const errors = (world: BridgeWorld, eventId: string): number =>
  errorsOf(world).filter((error) => error['event_id'] === eventId).length;

function expectAnswer(world: BridgeWorld, event: JsonObject): void {
  const eventId = String(event['event_id']);
  const refused = errors(world, eventId);
  const { events } = world;
  const count = (type: string, fits: (event: JsonObject) => boolean = () => true) =>
    events.filter((each) => each['type'] === type && fits(each)).length;
  const itemId = textAt(event, 'item_id');
  const ofItem = (each: JsonObject) =>
    (textAt(each, 'item_id') ?? textAt(objectAt(each, 'item'), 'id')) === itemId;
  const told = `${String(event['type'])} ${eventId}`;
  switch (event['type']) {
    case 'response.create': {
      const mine = (each: JsonObject) =>
        objectAt(each, 'response', 'metadata')?.['mine'] === world.markOf(event);
      const created = count('response.created', mine);
      if (world.upstream.echoes)
        assert.equal(created + refused, 1, `${told}: created ${created}, refused ${refused}`);
      return;
    }
    case 'response.cancel':
      return assert(refused === 1 || count('response.done') > 0, told);
    case 'session.update':
      return assert(refused === 1 || count('session.updated') > 0, told);
    case 'conversation.item.create': {
      const id = textAt(objectAt(event, 'item'), 'id');
      const added = count('conversation.item.added', (each) => textAt(objectAt(each, 'item'), 'id') === id);
      return assert.equal(Math.min(1, refused) + added >= 1, true, told);
    }
    case 'conversation.item.retrieve':
      return assert(refused === 1 || count('conversation.item.retrieved', ofItem) > 0, told);
    case 'conversation.item.delete':
      return assert(refused === 1 || count('conversation.item.deleted', ofItem) > 0, told);
    case 'conversation.item.truncate':
      return assert(refused === 1 || count('conversation.item.truncated', ofItem) > 0, told);
    case 'input_audio_buffer.commit':
      return assert(refused === 1 || count('input_audio_buffer.committed') > 0, told);
    case 'input_audio_buffer.clear':
      return assert(refused === 1 || count('input_audio_buffer.cleared') > 0, told);
    default:
      return;
  }
}
