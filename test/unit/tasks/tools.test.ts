// The function by which a model triggers a task, beside the functions of its caller.
import { expect, test } from 'vitest';
import type { ChatCall } from '../../../src/engines/instance.ts';
import { resultReader } from '../../../src/tasks/result.ts';
import { type CascadeCaller, CascadeWorld } from '../../support/cascade-world.ts';
import { type Step, stop, word } from '../../support/scripted-engine.ts';

const triggering: Step = { toolCall: { id: 'call_0', name: 'assess', arguments: '{}' } };

/** What the model says, answer by answer. */
const worldOf = (think: readonly (readonly Step[])[]) =>
  new CascadeWorld({
    ...{ assess: [[word('Good.'), stop]], hear: null, think },
    tasks: (assessor) => [
      {
        ...{ name: 'assessment', think: assessor, instructions: 'Assess.', schema: undefined },
        ...{ read: resultReader(undefined), tool: { name: 'assess', description: 'Call it at the end.' } },
        ...{ on: undefined, speak: undefined, limitMs: 120_000 },
      },
    ],
  });

async function say(world: CascadeWorld, caller: CascadeCaller, text: string): Promise<void> {
  const content = [{ type: 'input_text', text }];
  const item = { type: 'message', role: 'user', content };
  caller.transport.says({ type: 'conversation.item.create', item });
  caller.transport.says({ type: 'response.create' });
  await world.advance(1000);
}

const asked = (world: CascadeWorld, at: number) => world.think.asked[at]?.call as ChatCall | undefined;

test('a caller that wants a call and has no function does not make the model trigger it', async () => {
  const world = worldOf([
    [word('Yes.'), stop],
    [word('No.'), stop],
  ]);
  const caller = await world.call();
  const session = { type: 'realtime', tool_choice: 'required' };
  caller.transport.says({ type: 'session.update', session });
  await say(world, caller, 'Hello.');
  expect(asked(world, 0)).toMatchObject({ tools: [{ function: { name: 'assess' } }] });
  expect(asked(world, 0)?.extra).toBeUndefined();
  const tools = [{ type: 'function', name: 'weather' }];
  caller.transport.says({ type: 'session.update', session: { type: 'realtime', tools } });
  await say(world, caller, 'And now?');
  expect(asked(world, 1)?.extra).toEqual({ tool_choice: 'required' });
  await world.end(caller);
});

test('a call of the caller’s with the same id as the hidden one keeps its own result, and so does the hidden one', async () => {
  const weather: Step = { toolCall: { id: 'call_0', name: 'weather', arguments: '{}' } };
  const world = worldOf([
    [word('Yes.'), triggering, stop],
    [weather, stop],
    [word('Sunny.'), stop],
  ]);
  const caller = await world.call();
  const tools = [{ type: 'function', name: 'weather' }];
  caller.transport.says({ type: 'session.update', session: { type: 'realtime', tools } });
  await say(world, caller, 'Assess me.');
  await say(world, caller, 'And the weather?');
  const [call] = caller.transport.all('response.function_call_arguments.done') as unknown as readonly {
    readonly call_id: string;
  }[];
  const item = { type: 'function_call_output', call_id: call?.call_id, output: 'sun' };
  caller.transport.says({ type: 'conversation.item.create', item });
  caller.transport.says({ type: 'response.create' });
  await world.advance(1000);
  const results = asked(world, 2)?.messages.filter(
    (message) => (message as { role: string }).role === 'tool',
  );
  expect(results).toMatchObject([
    { content: expect.stringContaining('"state":"started"') },
    { content: 'sun' },
  ]);
  await world.end(caller);
});

test('a caller whose function has the name of a task’s is told so, and the rest of its update holds', async () => {
  const world = worldOf([[word('Yes.'), stop]]);
  const caller = await world.call();
  const tools = ['assess', 'weather'].map((name) => ({ type: 'function', name }));
  const session = { type: 'realtime', instructions: 'Be kind.', tools };
  caller.transport.says({ type: 'session.update', event_id: 'mine', session });
  expect(caller.transport.all('session.updated')).toMatchObject([{ session: { instructions: 'Be kind.' } }]);
  expect(caller.transport.all('error')).toMatchObject([
    { error: { code: 'tool_name_taken', param: 'session.tools', event_id: 'mine' } },
  ]);
  expect(JSON.stringify(caller.transport.all('error'))).toContain("'assess'");
  await world.end(caller);
});
