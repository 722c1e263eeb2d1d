// Sessions with background work, in virtual time and any order of things: triggers at once and late, engines that answer,
// lie, hang, die, callers who type, hang up, a gateway that leaves. One run each, one end each, saved first, nothing left.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { TaskRow } from '../../../src/store/store.ts';
import { resultReader } from '../../../src/tasks/result.ts';
import { type CascadeCaller, CascadeWorld } from '../../support/cascade-world.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { type Step, sound, stop, word } from '../../support/scripted-engine.ts';

const schema = { type: 'object', properties: { level: { type: 'string' } }, required: ['level'] };
const call: Step = { toolCall: { id: 'call_0', name: 'assess', arguments: '{}' } };

const wait = fc.constantFrom(0, 1, 50, 999, 3000, 4000);
const assessing = fc
  .tuple(
    wait,
    wait,
    fc.constantFrom<readonly Step[]>(
      ...([
        [word('{"level":"B2"}'), stop],
        [word('{"level":"B2"}'), stop],
        [word('no'), stop],
        [stop],
      ] as const),
      ...([['dies'], ['hangs'], [new Error('it refuses')]] as const),
    ),
  )
  .map(([before, after, end]): readonly Step[] => [before, word(''), after, ...end]);
const thinking = fc
  .tuple(
    wait,
    fc.constantFrom<readonly Step[]>([call, stop], [word('Yes. '), call, stop], [word('Yes.'), stop]),
  )
  .map(([before, end]): readonly Step[] => [before, ...end]);

const action = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('trigger' as const), who: fc.nat({ max: 2 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('say' as const), who: fc.nat({ max: 2 }) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: wait }) },
  fc.record({ do: fc.constant('cancel' as const), who: fc.nat({ max: 2 }) }),
  fc.record({ do: fc.constant('hang up' as const), who: fc.nat({ max: 2 }) }),
);

const idOf = ({ transport }: CascadeCaller) =>
  (transport.sent[0] as unknown as { readonly session: { readonly id: string } }).session.id;

function act(world: CascadeWorld, callers: readonly CascadeCaller[], given: { do: string; who?: number }) {
  const caller = callers[given.who ?? 0];
  if (!caller) return;
  const { transport } = caller;
  const content = [{ type: 'input_text', text: 'Hello.' }];
  switch (given.do) {
    case 'trigger': {
      const tasks = world.sessions.registry.tasks.live(idOf(caller));
      if (tasks?.open) tasks.trigger('assessment', 'api');
      return;
    }
    case 'say':
      transport.says({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content } });
      return transport.says({ type: 'response.create' });
    case 'cancel':
      return transport.says({ type: 'response.cancel' });
    case 'hang up':
      return transport.gone();
  }
}

test('whatever comes in whatever order', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(action, { maxLength: 25 }),
      fc.array(assessing, { minLength: 6, maxLength: 6 }),
      fc.array(thinking, { minLength: 6, maxLength: 6 }),
      fc.constantFrom('end' as const, undefined),
      async (actions, assess, think, on) => {
        const store = new MemoryStore();
        const world = new CascadeWorld({
          ...{ hear: null, notices: true, store, assess, think: [...think, [word('Yes.'), stop]] },
          speak: [[10, sound(100)]],
          tasks: (assessor) => [
            {
              ...{ name: 'assessment', think: assessor, instructions: 'Assess.', schema, limitMs: 8000, on },
              ...{ read: resultReader(schema), tool: { name: 'assess', description: 'Now.' } },
              speak: { voice: undefined, instructions: undefined },
            },
          ],
        });
        const callers = [await world.call(), await world.call(), await world.call()];
        for (const given of actions) {
          act(world, callers, given);
          await world.advance('ms' in given ? given.ms : 0);
        }
        for (const { transport } of callers) transport.gone();
        await world.advance(20_000);
        await world.end();
        const rows = store.writes.flatMap((write) => (write.type === 'task' ? [write.row as TaskRow] : []));
        for (const caller of callers)
          expectSound(
            caller,
            rows.filter((row) => row.sessionId === idOf(caller)),
          );
      },
    ),
    { numRuns: 150 },
  );
}, 60_000);

function expectSound({ transport }: CascadeCaller, rows: readonly TaskRow[]): void {
  const ends = rows.filter(({ endedAtMs }) => endedAtMs !== null);
  expect(new Set(rows.map(({ id }) => id)).size).toBe(ends.length);
  expect(ends.length).toBeLessThanOrEqual(1);
  expect(rows.at(-1)).toBe(ends.at(-1));
  const told = transport.all('greenroom.task').map(({ state }) => state);
  expect(told.filter((state) => state === 'started').length).toBeLessThanOrEqual(1);
  const over = told.findIndex((state) => state !== 'started' && state !== 'progress');
  if (over !== -1) expect([over, told[over]]).toEqual([told.length - 1, ends[0]?.state]);
  const summaries = transport
    .all('response.created')
    .filter((event) => (event['response'] as { readonly metadata: object | null }).metadata !== null);
  expect(summaries.length).toBeLessThanOrEqual(ends[0]?.state === 'cancelled' ? 0 : 1);
  expect(transport.sent.filter(({ type }) => type.includes('function_call'))).toEqual([]);
}
