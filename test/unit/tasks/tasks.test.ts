// The tasks of sessions over a cascade of scripted engines, in virtual time: what is told and saved when, and that nothing
// is left of them.
import { expect, test } from 'vitest';
import type { ChatCall, SpeakCall } from '../../../src/engines/instance.ts';
import { Deadline } from '../../../src/lifecycle/deadline.ts';
import { GreenroomError } from '../../../src/lifecycle/errors.ts';
import type { Flushed, TaskRow } from '../../../src/store/store.ts';
import type { TaskPlan } from '../../../src/tasks/plan.ts';
import { resultReader } from '../../../src/tasks/result.ts';
import { type CascadeCaller, CascadeWorld, type Scripts } from '../../support/cascade-world.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { type Step, sound, stop, word } from '../../support/scripted-engine.ts';

const schema = { type: 'object', properties: { level: { type: 'string' } }, required: ['level'] };
const good: readonly Step[] = [500, word('{"level":'), 500, word('"B2"}'), stop];

const triggering: Step = { toolCall: { id: 'call_0', name: 'assess', arguments: '{}' } };

class SlowStore extends MemoryStore {
  flushed = Promise.withResolvers<Flushed>();
  override flush(): Promise<Flushed> {
    return this.flushed.promise;
  }
}

function worldOf(plan: Partial<TaskPlan> = {}, scripts: Scripts = {}) {
  const store = scripts.store ?? new MemoryStore();
  const world = new CascadeWorld({
    ...{ assess: [good], notices: true, store, hear: null },
    tasks: (think) => [
      {
        ...{ name: 'assessment', think, instructions: 'Assess.', schema, read: resultReader(schema) },
        tool: { name: 'assess', description: 'Call it at the end.' },
        ...{ on: undefined, speak: { voice: undefined, instructions: 'Be kind.' }, limitMs: 120_000 },
        ...plan,
      },
    ],
    ...scripts,
  });
  return { world, store };
}

const idOf = ({ transport }: CascadeCaller) =>
  (transport.all('session.created')[0] as unknown as { readonly session: { readonly id: string } }).session
    .id;

function trigger(world: CascadeWorld, caller: CascadeCaller) {
  const tasks = world.sessions.registry.tasks.live(idOf(caller));
  if (!tasks) throw new Error('the session has no tasks');
  return tasks.trigger('assessment', 'api');
}

async function say(world: CascadeWorld, caller: CascadeCaller, text: string): Promise<void> {
  const content = [{ type: 'input_text', text }];
  caller.transport.says({
    type: 'conversation.item.create',
    item: { type: 'message', role: 'user', content },
  });
  caller.transport.says({ type: 'response.create' });
  await world.advance(0);
}

const told = ({ transport }: CascadeCaller) => transport.all('greenroom.task').map(({ state }) => state);
const spokenBy = (world: CascadeWorld) => world.speak.asked.map(({ call }) => (call as SpeakCall).voice);
const asked = (world: CascadeWorld, at: number) => world.think.asked[at]?.call as ChatCall | undefined;
const rows = (store: MemoryStore) =>
  store.writes.flatMap((write) => (write.type === 'task' ? [write.row as TaskRow] : []));

test('is asked for the conversation as it was, tells, saves, and has its summary spoken', async () => {
  const { world, store } = worldOf();
  const caller = await world.call();
  await say(world, caller, 'Hello.');
  await world.advance(500);
  const { state, task } = trigger(world, caller);
  expect([state, task.state]).toEqual(['begun', 'started']);
  await say(world, caller, 'And this came later.');
  await world.advance(3000);
  expect(told(caller)).toEqual(['started', 'progress', 'done']);
  const call = world.assessor.asked[0]?.call as ChatCall;
  expect(call).toMatchObject({ responseSchema: schema, messages: [{ role: 'system' }, { role: 'user' }] });
  expect(JSON.stringify(call.messages)).toContain('user: Hello.\\nassistant: Good day. How are you?');
  expect(JSON.stringify(call.messages)).not.toContain('later');
  expect(rows(store).map((row) => [row.state, row.result])).toEqual([
    ['started', null],
    ['done', '{"level":"B2"}'],
  ]);
  const summary = caller.transport.all('response.created').at(-1);
  expect(summary).toMatchObject({ response: { metadata: { task: 'assessment', task_id: task.id } } });
  expect(asked(world, 2)?.messages).toMatchObject([
    { role: 'system', content: 'Be kind.\n\nThe result of assessment:\n{"level":"B2"}' },
    ...[{ role: 'user' }, { role: 'assistant' }, { role: 'user' }, { role: 'assistant' }],
    { role: 'user', content: expect.stringContaining('The result of assessment is there') },
  ]);
  expect(asked(world, 2)?.tools).toBeUndefined();
  await world.end(caller);
});

test('nothing is told or spoken of a result before it is on disk', async () => {
  const store = new SlowStore();
  const { world } = worldOf({}, { store });
  const caller = await world.call();
  trigger(world, caller);
  await world.advance(4000);
  expect(rows(store).at(-1)).toMatchObject({ state: 'done' });
  expect(told(caller)).toEqual(['started', 'progress']);
  expect(caller.types()).not.toContain('response.created');
  store.flushed.resolve({ state: 'saved' });
  await world.advance(0);
  expect(told(caller)).toEqual(['started', 'progress', 'done']);
  expect(caller.types()).toContain('response.created');
  await world.end(caller);
});

test('a disk that does not take it keeps nobody from it for longer than 5 s', async () => {
  const { world } = worldOf({}, { store: new SlowStore() });
  const caller = await world.call();
  trigger(world, caller);
  await world.advance(5900);
  expect(told(caller)).not.toContain('done');
  await world.advance(200);
  expect(told(caller)).toContain('done');
  await world.end(caller);
});

test('keepalives come every 3 s while the engine says nothing for 15 s, and end with the task', async () => {
  const { world } = worldOf({}, { assess: [[15_500, word('{"level":"A1"}'), stop]] });
  const caller = await world.call();
  const { task } = trigger(world, caller);
  await world.advance(30_000);
  const alive = caller.transport.all('greenroom.keepalive');
  expect(alive.map(({ elapsed_ms: ms }) => ms)).toEqual([3000, 6000, 9000, 12_000, 15_000]);
  expect(alive[0]).toMatchObject({ task: task.id });
  await world.end(caller);
});

test('the summary waits for the answer under way', async () => {
  const { world } = worldOf(
    {},
    {
      think: [
        [word('One. '), 4000, word('Two.'), stop],
        [word('B2!'), stop],
      ],
    },
  );
  const caller = await world.call();
  trigger(world, caller);
  await say(world, caller, 'Hello.');
  await world.advance(3000);
  expect(told(caller)).toContain('done');
  expect(caller.answers()).toEqual([]);
  await world.advance(3000);
  expect(caller.answers()).toMatchObject([
    { status: 'completed', said: ['One. Two.'] },
    { status: 'completed', said: ['B2!'] },
  ]);
  await world.end(caller);
});

/** A word now and then: it has not stalled. */
const stillThinking = Array.from({ length: 9 }, () => [10_000, word('and ')] as const).flat();

test('a summary that nobody can be told for a minute is given up, with a line in the log; the result is kept', async () => {
  const { world } = worldOf({}, { think: [[word('One. '), ...stillThinking, word('Two.'), stop]] });
  const caller = await world.call();
  trigger(world, caller);
  await say(world, caller, 'Hello.');
  await world.advance(100_000);
  expect(caller.answers()).toHaveLength(1);
  expect(world.sessions.faults).toMatchObject([{ session: idOf(caller), error: expect.any(Error) }]);
  expect(await world.sessions.registry.tasks.of(idOf(caller))).toMatchObject([{ result: { level: 'B2' } }]);
  await world.end(caller);
});

test('the voice is switched for the summary alone; one that the engine refuses costs the voice, not the summary', async () => {
  for (const refused of [false, true]) {
    const fine = [10, sound(500)] as const;
    const speak = refused ? [fine, [new Error('no voice called rms')], fine] : [fine];
    const think = [
      [word('Hello.'), stop],
      [word('You are at B2. '), word('Well done.'), stop],
    ] as const;
    const { world } = worldOf({ speak: { voice: 'rms', instructions: undefined } }, { speak, think });
    const caller = await world.call();
    await say(world, caller, 'Hello.');
    await world.advance(500);
    trigger(world, caller);
    await world.advance(3000);
    expect(caller.answers().at(-1)).toMatchObject({
      status: 'completed',
      said: ['You are at B2. Well done.'],
    });
    expect(spokenBy(world)).toEqual(refused ? [null, 'rms', null, null] : [null, 'rms', 'rms']);
    expect(world.warned).toHaveLength(refused ? 1 : 0);
    await world.end(caller);
  }
});

test('the model triggers it and its caller sees nothing of that; later answers know of the call', async () => {
  const think = [
    [triggering, stop],
    [word('I will.'), stop],
    [word('As I said.'), stop],
  ];
  const { world } = worldOf({ speak: undefined }, { think });
  const caller = await world.call();
  await say(world, caller, 'Assess me.');
  await world.advance(100);
  expect(caller.answers()).toMatchObject([{ status: 'completed', said: ['I will.'] }]);
  expect(caller.transport.all('response.done')[0]).toMatchObject({
    response: { usage: { total_tokens: 20 } },
  });
  expect(caller.types().filter((type) => type.includes('function'))).toEqual([]);
  expect(asked(world, 0)?.tools).toMatchObject([{ type: 'function', function: { name: 'assess' } }]);
  expect(asked(world, 1)?.tools).toBeUndefined();
  const call = { role: 'assistant', tool_calls: [{ function: { name: 'assess' } }] };
  const result = { role: 'tool', content: expect.stringContaining('"state":"started"') };
  expect(asked(world, 1)?.messages).toMatchObject([{}, { content: 'Assess me.' }, call, result]);
  await say(world, caller, 'Really?');
  await world.advance(3000);
  expect(asked(world, 2)?.messages).toMatchObject([
    ...[{}, { content: 'Assess me.' }, call, result],
    ...[{ content: 'I will.' }, { content: 'Really?' }],
  ]);
  expect(told(caller)).toEqual(['started', 'progress', 'done']);
  await world.end(caller);
});

test('a model that says something beside its call is not asked again; the functions of the caller stay its own', async () => {
  const other: Step = { toolCall: { id: 'call_1', name: 'weather', arguments: '{}' } };
  const { world } = worldOf({ speak: undefined }, { think: [[word('Yes.'), triggering, other, stop]] });
  const caller = await world.call();
  const tools = ['assess', 'weather'].map((name) => ({ type: 'function', name }));
  caller.transport.says({ type: 'session.update', session: { type: 'realtime', tools } });
  await say(world, caller, 'Assess me.');
  await world.advance(3000);
  expect(world.think.asked).toHaveLength(1);
  expect(asked(world, 0)?.tools).toMatchObject([
    { function: { name: 'weather' } },
    { function: { name: 'assess', description: 'Call it at the end.' } },
  ]);
  const calls = caller.transport.all('response.function_call_arguments.done');
  expect(calls).toMatchObject([{ name: 'weather' }]);
  expect(told(caller)).toContain('done');
  await world.end(caller);
});

test('runs once, whoever triggers it and however often; also after its end', async () => {
  const { world, store } = worldOf(
    { speak: undefined },
    {
      think: [
        [triggering, stop],
        [word('I will.'), stop],
      ],
    },
  );
  const caller = await world.call();
  const { task } = trigger(world, caller);
  await say(world, caller, 'Assess me.');
  expect(trigger(world, caller)).toMatchObject({ state: 'again', task: { id: task.id } });
  await world.advance(3000);
  expect(trigger(world, caller)).toMatchObject({ state: 'again', task: { id: task.id, state: 'done' } });
  expect(world.assessor.asked).toHaveLength(1);
  expect(new Set(rows(store).map(({ id }) => id)).size).toBe(1);
  const tasks = world.sessions.registry.tasks.live(idOf(caller));
  expect(() => tasks?.trigger('unheard of', 'api')).toThrow(/there are: assessment/);
  await world.end(caller);
});

const wrong = [word('It is B2.'), stop];
const failing: readonly (readonly [string, Partial<TaskPlan>, Scripts, object])[] = [
  [
    'twice what does not fit',
    {},
    { assess: [wrong, wrong] },
    { code: 'task_result_invalid', raw: 'It is B2.', message: expect.stringContaining('it is not JSON') },
  ],
  [
    'an engine that dies',
    {},
    { assess: [[100, word('{"le'), 'dies']] },
    { code: 'engine_exited', raw: '{"le' },
  ],
  [
    'an engine that refuses',
    {},
    { assess: [[new GreenroomError('engine_busy', 'too many wait')]] },
    { code: 'engine_busy', raw: null },
  ],
  [
    'an engine that is silent',
    { limitMs: 2000 },
    { assess: [['hangs']] },
    {
      code: 'deadline_exceeded',
      message: 'engine assessor gave no result within 2000 ms (limit of the task)',
    },
  ],
];

test.each(failing)('fails, with why: %s', async (_what, plan, scripts, row) => {
  const { world, store } = worldOf(plan, scripts);
  const caller = await world.call();
  trigger(world, caller);
  await world.advance(10_000);
  expect(told(caller).at(-1)).toBe('failed');
  expect(rows(store).at(-1)).toMatchObject({ state: 'failed', result: null, ...row });
  expect(caller.types()).not.toContain('response.created');
  expect(world.assessor.running).toBe(0);
  const { counts, durations } = world.sessions.registry.tasks.measures;
  expect([counts.get('failed'), durations.get('failed')?.count]).toEqual([1, 1]);
  await world.end(caller);
});

test('an engine that has failed for good fails it at once, with that', async () => {
  const { world } = worldOf();
  const caller = await world.call();
  world.assessor.fail();
  await world.advance(0);
  trigger(world, caller);
  await world.advance(0);
  expect(caller.transport.all('greenroom.task').at(-1)).toMatchObject({
    ...{ state: 'failed', error: { code: 'engine_exited', message: 'it died for good' } },
  });
  await world.end(caller);
});

test('what does not fit is asked for once more, with what was wrong', async () => {
  const { world } = worldOf({ speak: undefined }, { assess: [wrong, good] });
  const caller = await world.call();
  trigger(world, caller);
  await world.advance(3000);
  expect(told(caller).at(-1)).toBe('done');
  const again = world.assessor.asked[1]?.call as ChatCall;
  expect(again.messages.slice(2)).toMatchObject([
    { role: 'assistant', content: 'It is B2.' },
    { role: 'user', content: expect.stringContaining('it is not JSON') },
  ]);
  await world.end(caller);
});

test('ends with its session: the engine is left, the keepalive too, and the record says so', async () => {
  const { world, store } = worldOf({}, { assess: [['hangs']] });
  const caller = await world.call();
  trigger(world, caller);
  await world.advance(4000);
  expect(world.assessor.running).toBe(1);
  await world.end(caller);
  expect(rows(store).at(-1)).toMatchObject({
    state: 'cancelled',
    code: 'cancelled',
    endedAtMs: expect.any(Number),
  });
  expect(caller.transport.all('greenroom.keepalive')).toHaveLength(1);
});

test('begins at the end of a session, where somebody has said something; what was triggered before does not', async () => {
  for (const what of ['said', 'silent', 'triggered'] as const) {
    const { world, store } = worldOf({ on: 'end', speak: undefined });
    const caller = await world.call();
    if (what !== 'silent') await say(world, caller, 'Hello.');
    await world.advance(500);
    if (what === 'triggered') trigger(world, caller);
    await world.advance(2000);
    const id = idOf(caller);
    caller.transport.gone();
    await world.advance(500);
    if (what === 'said') {
      expect(world.sessions.registry.count).toBe(0);
      expect(world.sessions.registry.uses('assessor')).toBe(true);
      expect(await world.sessions.registry.tasks.of(id)).toMatchObject([
        { trigger: 'end', state: 'progress' },
      ]);
    }
    await world.advance(5000);
    const states = rows(store).map(({ trigger: by, state }) => `${by} ${state}`);
    const expected = {
      said: ['end started', 'end done'],
      silent: [],
      triggered: ['api started', 'api done'],
    };
    expect(states).toEqual(expected[what]);
    expect(await world.sessions.registry.tasks.of(id)).toEqual(
      what === 'silent' ? null : [expect.objectContaining({ state: 'done', result: { level: 'B2' } })],
    );
    await world.end();
  }
});

test('what is to be done at the end, and was triggered a moment before it, is done', async () => {
  const { world, store } = worldOf({ on: 'end' });
  const caller = await world.call();
  await say(world, caller, 'Hello.');
  await world.advance(500);
  trigger(world, caller);
  caller.transport.gone();
  await world.advance(5000);
  expect(world.sessions.registry.count).toBe(0);
  expect(rows(store).map(({ trigger: by, state }) => `${by} ${state}`)).toEqual(['api started', 'api done']);
  await world.end();
});

test('that it failed is said, where a model has promised a result', async () => {
  for (const speak of [{ voice: 'rms', instructions: undefined }, undefined]) {
    const think = [
      [triggering, stop],
      [word('I will.'), stop],
      [word('It did not work.'), stop],
    ];
    const { world } = worldOf({ speak }, { assess: [wrong, wrong], think });
    const caller = await world.call();
    await say(world, caller, 'Assess me.');
    await world.advance(10_000);
    expect(told(caller).at(-1)).toBe('failed');
    const said = caller.answers().map(({ said }) => said.join(''));
    expect(said).toEqual(speak ? ['I will.', 'It did not work.'] : ['I will.']);
    if (speak)
      expect(asked(world, 2)?.messages[0]).toMatchObject({
        content: expect.stringContaining('could not be done'),
      });
    // In the session's own voice: there is enough that went wrong.
    expect(spokenBy(world)).not.toContain('rms');
    await world.end(caller);
  }
});

test('a gateway that leaves cancels what began at the end of a session, and records what would have begun', async () => {
  const { world, store } = worldOf({ on: 'end' }, { assess: [['hangs']] });
  const [left, here] = [await world.call(), await world.call()];
  await say(world, left, 'Hello.');
  await say(world, here, 'Hello.');
  await world.advance(500);
  left.transport.gone();
  await world.advance(500);
  expect(world.assessor.running).toBe(1);
  // Sessions before engines, as a gateway that leaves.
  const { registry, clock, root } = world.sessions;
  const closed = registry
    .closeAll('server_shutdown', new Deadline(clock, 1000))
    .then(() => root.close('server_shutdown', { graceMs: 1000 }));
  await world.advance(1000);
  await closed;
  const last = new Map(rows(store).map((row) => [row.sessionId, row.state]));
  expect([...last.values()]).toEqual(['cancelled', 'cancelled']);
  expect(world.assessor.running).toBe(0);
  await world.advance(0);
  expect(world.sessions.clock.pending).toBe(0);
});
