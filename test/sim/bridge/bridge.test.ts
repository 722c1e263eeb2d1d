// Random schedules of what a caller sends, what its upstream does by itself and when frames travel: no rule of upstream's
// is ever broken, and nobody waits for an answer that never comes. GREENROOM_SIM_RUNS says how many; default 10,000.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import type { BridgeInput } from '../../../src/bridge/state.ts';
import type { JsonObject } from '../../../src/wire/json.ts';
import type { ResponseKind } from '../../support/upstream/model.ts';
import { expectEverythingAnswered, expectNobodyWaits } from './answers.ts';
import { BridgeWorld } from './world.ts';

const runs = Number(process.env['GREENROOM_SIM_RUNS'] ?? 10_000);

type Step = (world: BridgeWorld) => void;

const named = (name: string, step: Step): fc.Arbitrary<Step> =>
  fc.constant(Object.assign((world: BridgeWorld) => step(world), { toString: () => name }));

const say = (event: JsonObject): fc.Arbitrary<Step> =>
  named(JSON.stringify(event), (world) => void world.say(event));

const audio = Buffer.alloc(48).toString('base64');

/** An item that the caller was shown, or one that nobody knows. */
const aboutItem = (event: JsonObject): fc.Arbitrary<Step> =>
  fc.integer({ min: 0, max: 6 }).map((index) =>
    Object.assign(
      (world: BridgeWorld) => {
        const ids = world.events
          .filter(({ type }) => type === 'conversation.item.added')
          .map(({ item }) => (item as JsonObject)['id']);
        world.say({ ...event, item_id: ids.at(-1 - index) ?? 'item_nobody' });
      },
      { toString: () => `${JSON.stringify(event)} of item -${index}` },
    ),
  );

const create = (response: JsonObject = {}): fc.Arbitrary<Step> =>
  named(`create ${JSON.stringify(response)}`, (world) => world.create(response));

const kind = (is: ResponseKind): fc.Arbitrary<Step> =>
  named(`responses are ${is}`, ({ upstream }) => {
    upstream.kind = is;
  });

const step = fc.oneof(
  { weight: 12, arbitrary: named('up', (world) => void world.deliverUp()) },
  { weight: 14, arbitrary: named('down', (world) => void world.deliverDown()) },
  { weight: 8, arbitrary: named('step', ({ upstream }) => void upstream.step()) },
  { weight: 1, arbitrary: named('aside', ({ upstream }) => void upstream.step(true)) },
  { weight: 4, arbitrary: named('vad', ({ upstream }) => upstream.speak()) },
  { weight: 3, arbitrary: named('connect', (world) => world.connect()) },
  { weight: 3, arbitrary: named('open', (world) => world.openUpstream()) },
  { weight: 8, arbitrary: create() },
  { weight: 1, arbitrary: create({ audio: { output: { voice: 'alloy' } } }) },
  { weight: 1, arbitrary: create({ conversation: 'none' }) },
  { weight: 6, arbitrary: say({ type: 'response.cancel' }) },
  { weight: 1, arbitrary: say({ type: 'response.cancel', response_id: 'resp_nobody' }) },
  {
    weight: 2,
    arbitrary: say({ type: 'session.update', session: { type: 'realtime', instructions: 'Brief.' } }),
  },
  {
    weight: 3,
    arbitrary: say({
      type: 'session.update',
      session: { type: 'realtime', model: 'x', audio: { output: { voice: 'alloy' } } },
    }),
  },
  {
    weight: 1,
    arbitrary: say({ type: 'session.update', session: { audio: { input: { turn_detection: null } } } }),
  },
  { weight: 4, arbitrary: say({ type: 'input_audio_buffer.append', audio }) },
  { weight: 2, arbitrary: say({ type: 'input_audio_buffer.commit' }) },
  { weight: 1, arbitrary: say({ type: 'input_audio_buffer.clear' }) },
  { weight: 3, arbitrary: named('item', (world) => world.createItem()) },
  { weight: 2, arbitrary: aboutItem({ type: 'conversation.item.retrieve' }) },
  { weight: 2, arbitrary: aboutItem({ type: 'conversation.item.delete' }) },
  {
    weight: 4,
    arbitrary: aboutItem({ type: 'conversation.item.truncate', content_index: 0, audio_end_ms: 9000 }),
  },
  {
    weight: 4,
    arbitrary: aboutItem({ type: 'conversation.item.truncate', content_index: 0, audio_end_ms: 250 }),
  },
  { weight: 2, arbitrary: named('speak', (world) => void world.speak('Say this.')) },
  { weight: 1, arbitrary: named('speak as alloy', (world) => void world.speak('Say this.', 'alloy')) },
  { weight: 2, arbitrary: kind('speech') },
  { weight: 1, arbitrary: kind('text') },
  { weight: 1, arbitrary: kind('call') },
);

const schedule = fc.record({
  /** From the lobby on, or with an upstream that is there. */
  begins: fc.constantFrom('lobby' as const, 'ready' as const),
  /** Whether the gateway has a tool of its own, which it declares before anybody says a word. */
  tool: fc.boolean(),
  steps: fc.array(step, { minLength: 1, maxLength: 80, size: 'max' }),
});

interface Schedule {
  readonly begins: 'lobby' | 'ready';
  readonly tool: boolean;
  readonly steps: readonly Step[];
}

function played({ begins, tool, steps }: Schedule, world = new BridgeWorld()): BridgeWorld {
  if (tool) world.declareTool();
  if (begins === 'ready') world.answer();
  for (const each of steps) each(world);
  return world;
}

test(`${runs} schedules break no rule, and leave nobody waiting`, () => {
  fc.assert(
    fc.property(schedule, (given) => {
      const world = played(given);
      world.settle();
      expectEverythingAnswered(world);
    }),
    { numRuns: runs },
  );
});

test('an upstream that shows no metadata leaves nobody waiting either', () => {
  fc.assert(
    fc.property(schedule, (given) => {
      const world = new BridgeWorld();
      world.upstream.echoes = false;
      played(given, world).settle();
      expectNobodyWaits(world);
    }),
    { numRuns: runs / 10 },
  );
});

const ends = fc.constantFrom<BridgeInput>(
  { type: 'upstream_closed', code: 1006, reason: '' },
  { type: 'upstream_closed', code: 1001, reason: 'Your session hit the maximum duration of 60 minutes.' },
  { type: 'upstream_closed', code: 1000, reason: '' },
  { type: 'upstream_failed', code: 'upstream_unreachable', message: 'nobody there' },
  { type: 'engine_failed', code: 'engine_exited', message: 'gone' },
  { type: 'timer', name: 'silence', message: 'silent' },
  { type: 'timer', name: 'open', message: 'late' },
);

test('whenever upstream ends: who waits is told, and nothing is told after', () => {
  fc.assert(
    fc.property(schedule, ends, schedule, (given, end, after) => {
      const world = played(given);
      world.feed(end);
      if (!world.ended) return;
      expectNobodyWaits(world);
      const told = world.events.length;
      for (const each of after.steps) each(world);
      assert.equal(world.events.length, told, 'an ended call is silent');
    }),
    { numRuns: runs / 5 },
  );
});
