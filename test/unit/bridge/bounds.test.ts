// What a caller, or an upstream, can make the bridge of one call keep: within bounds.
import { expect, test } from 'vitest';
import { next } from '../../../src/bridge/bridge.ts';
import type { JsonObject } from '../../../src/wire/json.ts';
import { BridgeWorld } from '../../sim/bridge/world.ts';

function ready(): BridgeWorld {
  const world = new BridgeWorld();
  world.answer();
  return world;
}

function says(world: BridgeWorld, event: JsonObject): void {
  world.feed({ type: 'client', event, text: JSON.stringify(event) });
}

function hears(world: BridgeWorld, event: JsonObject): void {
  world.feed({ type: 'upstream', event, text: JSON.stringify(event) });
}

/** What its caller is shown is not looked at: this upstream breaks every rule. */
function step(world: BridgeWorld, event: JsonObject): void {
  const input = { type: 'upstream', event, text: JSON.stringify(event) } as const;
  world.state = next(world.state, input, () => 'event_1').state;
}

test('the text of items goes oldest first, the newest stays however long it is', () => {
  const world = ready();
  const text = 'x'.repeat(1024 * 1024);
  for (let count = 0; count < 20; count += 1) {
    const item = {
      id: `item_${count}`,
      type: 'message',
      role: 'user',
      content: [{ type: 'input_text', text }],
    };
    says(world, { type: 'conversation.item.create', item });
  }
  const ids = () => world.state.items.map(({ id }) => id);
  expect(ids()).toEqual(Array.from({ length: 16 }, (_, at) => `item_${at + 4}`));
  const content = [{ type: 'input_text', text: text.repeat(17) }];
  says(world, {
    type: 'conversation.item.create',
    item: { id: 'long', type: 'message', role: 'user', content },
  });
  expect(ids()).toEqual(['long']);
});

test('answers beside the conversation are as many as may be, and one more is told', () => {
  const world = ready();
  for (let count = 0; count < 70; count += 1) world.create({ conversation: 'none' });
  const refused = world.events.filter(({ type }) => type === 'error').map(({ error }) => error as JsonObject);
  expect(refused.map(({ event_id: id }) => id)).toEqual(
    [64, 65, 66, 67, 68, 69].map((count) => `mine_${count}`),
  );
  expect(refused[0]).toMatchObject({
    code: 'too_many_responses',
    message: expect.stringContaining('64 responses outside the conversation are under way, 64 at most'),
  });
});

test('an upstream that begins responses without end, or says one for ever, fills nothing', () => {
  const world = ready();
  for (let count = 0; count < 200; count += 1)
    step(world, { type: 'response.created', response: { id: `resp_${count}`, metadata: null } });
  expect(world.state.asidesAnswering.size).toBeLessThanOrEqual(64);
  const delta = 'x'.repeat(700_000);
  for (let count = 0; count < 3; count += 1)
    hears(world, { type: 'response.output_text.delta', item_id: 'item_1', delta });
  expect(world.state.partial.text.length).toBeLessThanOrEqual(1024 * 1024);
});

test('crumbs that wait in the lobby count as much as they cost: all of them go upstream at once', () => {
  const world = new BridgeWorld();
  for (let count = 0; count < 4100; count += 1) world.say({ type: 'output_audio_buffer.clear' });
  const refused = world.events.filter(({ type }) => type === 'error').map(({ error }) => error as JsonObject);
  expect(refused).toHaveLength(4);
  expect(refused[0]).toMatchObject({ code: 'lobby_full', message: expect.stringContaining('1024 at least') });
});
