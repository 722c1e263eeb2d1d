// Background work of a bridged call: upstream triggers it and tells its result; its caller sees neither call nor tool.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import type { TestGateway } from '../../../src/testing/index.ts';
import { Caller } from '../../support/caller.ts';
import { fixture } from '../../support/gateway-process.ts';
import { until } from '../../support/poll.ts';
import { type BridgedCall, bridgedCall } from '../../support/upstream/bridged-call.ts';
import type { ScriptedUpstreamOptions } from '../../support/upstream/scripted.ts';

interface Options {
  /** What the mind does when it is asked to assess. */
  readonly assess?: object;
  /** Of the task, over the usual. */
  readonly task?: object;
  readonly upstream?: ScriptedUpstreamOptions;
}

async function call({ assess = {}, task = {}, upstream }: Options = {}): Promise<BridgedCall> {
  const assessment = {
    ...{ tool: 'trigger_assessment', think: 'mind', instructions: 'ASSESS the caller.' },
    ...{
      schema: { type: 'object', required: ['level'] },
      speak: { voice: 'alloy', instructions: 'Be kind.' },
    },
    ...task,
  };
  const here = await bridgedCall({
    ...upstream,
    bridge: { tasks: { assessment }, transcribe: 'whisper-1' },
    config: { engines: { mind: { worker: fixture('tasks/mind.mjs'), options: { assess } } } },
  });
  await here.caller.lobby('ready');
  await here.gateway.ready();
  return here;
}

const idOf = async (caller: Caller) =>
  String(((await caller.event('session.created'))['session'] as { readonly id: string }).id);
const task = (caller: Caller, state: string) =>
  caller.event('greenroom.task', (event) => event['state'] === state);
const words = (caller: Caller) => caller.all('greenroom.task').map(({ state }) => state);

async function trigger({ gateway, caller }: BridgedCall) {
  const path = `/api/sessions/${await idOf(caller)}/tasks/assessment`;
  const response = await fetch(`${gateway.url}${path}`, { method: 'POST' });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

/** What is on disk at this moment. */
function rows({ folder }: TestGateway): readonly Record<string, unknown>[] {
  const store = new DatabaseSync(join(folder, 'data', 'greenroom.db'), { readOnly: true });
  try {
    return store.prepare('SELECT trigger, state, result, message FROM tasks ORDER BY seq').all();
  } finally {
    store.close();
  }
}

const row = (gateway: TestGateway, state: string) =>
  until(() => rows(gateway).find((each) => each['state'] === state), {
    timeoutMs: 5000,
    what: `a task to be ${state} on disk`,
  });

/** What the mind was given, as it has logged it. */
function asked({ folder }: TestGateway): Promise<string> {
  const logs = join(folder, 'data', 'engines', 'mind');
  const read = () =>
    readdirSync(logs)
      .map((name) => readFileSync(join(logs, name), 'utf8'))
      .join('')
      .split('\n')
      .find((line) => line.includes('ASSESS the caller'));
  return until(read, { timeoutMs: 5000, what: 'the mind to be asked' });
}

const asking = (here: BridgedCall, state: number) =>
  until(() => here.gateway.engine('mind')?.activeCalls === state, {
    timeoutMs: 5000,
    what: `the mind to have ${state} calls`,
  });

/** The item of something that was said, which upstream has not written down yet. */
function heard({ connection }: BridgedCall, id: string): void {
  const content = [{ type: 'input_audio', transcript: null }];
  const item = { id, object: 'realtime.item', type: 'message', status: 'completed', role: 'user', content };
  for (const stage of ['added', 'done'])
    connection.model.say({ type: `conversation.item.${stage}`, previous_item_id: null, item });
  connection.flush();
}

function written({ connection }: BridgedCall, item_id: string, transcript: string): void {
  const type = 'conversation.item.input_audio_transcription.completed';
  connection.model.say({ type, item_id, content_index: 0, transcript });
  connection.flush();
}

test('upstream triggers it behind the back of the caller, and tells what is saved by then', async () => {
  await using here = await call({ assess: { waitMs: 200 } });
  const { caller, connection, gateway, upstream } = here;
  caller.say('I have lived in Leeds.');
  await caller.event('response.done');
  caller.send({ type: 'session.update', session: { tools: [{ type: 'function', name: 'weather' }] } });
  const updated = await caller.event('session.updated', ({ session }) =>
    JSON.stringify(session).includes('weather'),
  );
  expect(updated['session']).toMatchObject({ tools: [{ name: 'weather' }] });
  caller.send({ type: 'session.update', session: { tools: [] } });
  await connection.get('session.update', 3);
  connection.model.kind = 'call';
  caller.say('Please assess me.');
  const output = (await connection.get('conversation.item.create', 3))['item'] as { readonly output: string };
  expect(JSON.parse(output.output)).toMatchObject({ task: 'assessment', state: 'started' });
  const summary = await connection.get('response.create', 4);
  expect(rows(gateway)).toMatchObject([{ trigger: 'tool', state: 'done', result: '{"level":"B2"}' }]);
  // Its audio is in the conversation by now.
  expect(summary['response']).toMatchObject({
    instructions: expect.stringMatching(
      /^Be kind\.[\s\S]*\{"level":"B2"\}[\s\S]*manner of the voice "alloy"/,
    ),
  });
  const told = await caller.event('response.done', (event) => JSON.stringify(event).includes('task_id'));
  const done = await task(caller, 'done');
  expect(told).toMatchObject({ response: { status: 'completed', metadata: { task_id: done['id'] } } });
  expect(words(caller)).toEqual(['started', 'progress', 'done']);
  const seen = JSON.stringify(caller.events);
  for (const hidden of ['trigger_assessment', 'function_call', 'greenroom_create'])
    expect(seen).not.toContain(hidden);
  expect(await asked(gateway)).toContain('user: I have lived in Leeds.\\nassistant: so so so');
  expect(upstream.violations).toEqual([]);
});

test('in the voice of the task, where nobody has spoken yet', async () => {
  await using here = await call();
  await trigger(here);
  const { response } = await here.connection.get('response.create');
  expect(response).toMatchObject({ audio: { output: { voice: 'alloy' } }, tool_choice: 'none' });
  await here.caller.event('response.done');
  expect(here.upstream.violations).toEqual([]);
});

test('a voice that upstream refuses loses neither the result nor the summary', async () => {
  await using here = await call({ task: { speak: { voice: 'grandfather' } } });
  here.connection.model.voices = ['marin'];
  await trigger(here);
  const told = await here.caller.event('response.done');
  expect(told).toMatchObject({ response: { status: 'completed', metadata: { task: 'assessment' } } });
  const again = await here.connection.get('response.create', 2);
  expect(again['response']).toMatchObject({
    instructions: expect.stringContaining('manner of the voice "grandfather"'),
  });
  expect(here.caller.all('error')).toEqual([]);
  expect(rows(here.gateway)).toMatchObject([{ state: 'done', result: '{"level":"B2"}' }]);
});

test('the transcript is of the trigger: what was said by then is waited for, what comes later is not in it', async () => {
  await using here = await call();
  heard(here, 'item_before');
  await here.caller.event('conversation.item.done');
  await trigger(here);
  heard(here, 'item_after');
  written(here, 'item_after', 'And this was later.');
  expect(here.gateway.engine('mind')?.activeCalls).toBe(0);
  written(here, 'item_before', 'I have lived in Leeds.');
  const question = await asked(here.gateway);
  expect(question).toContain('user: I have lived in Leeds.');
  expect(question).not.toContain('later');
});

test('a sign of life every 3 s while upstream has nothing to say', async () => {
  await using here = await call({ assess: { waitMs: 6500 }, task: { speak: false } });
  await trigger(here);
  await task(here.caller, 'done');
  const alive = here.caller.all('greenroom.keepalive').map(({ elapsed_ms: ms }) => Number(ms));
  expect(alive.map((ms) => Math.round(ms / 1000))).toEqual([3, 6]);
}, 20_000);

test('by the model and by the API: one task; the model is told that it runs', async () => {
  await using here = await call({ assess: { waitMs: 300 }, task: { speak: false } });
  const first = await trigger(here);
  expect([first.status, (await trigger(here)).status]).toEqual([202, 409]);
  here.connection.model.kind = 'call';
  here.caller.say('Please assess me.');
  const { item } = await here.connection.get('conversation.item.create', 2);
  const { output } = item as { readonly output: string };
  expect(JSON.parse(output)).toMatchObject({
    id: first.body['id'],
    message: expect.stringContaining('once'),
  });
  await task(here.caller, 'done');
  expect(rows(here.gateway)).toHaveLength(1);
});

test('a caller that leaves half-way: cancelled, the engine left, on record', async () => {
  await using here = await call({ assess: { waitMs: 20_000 } });
  await trigger(here);
  await asking(here, 1);
  here.caller.socket.terminate();
  await asking(here, 0);
  expect(await row(here.gateway, 'cancelled')).toMatchObject({
    message: expect.stringContaining('client_left'),
  });
  await here.connection.ended();
});

test('an upstream that dies half-way takes its session along, and the task with it: told, and on record', async () => {
  await using here = await call({ assess: { waitMs: 20_000 } });
  await trigger(here);
  await asking(here, 1);
  here.connection.socket.terminate();
  expect((await here.caller.ended()).code).toBe(4410);
  expect(await task(here.caller, 'cancelled')).toMatchObject({ error: { code: 'cancelled' } });
  await asking(here, 0);
  expect(await row(here.gateway, 'cancelled')).toMatchObject({
    message: expect.stringContaining('engine_failed'),
  });
});

test('at the end of a session, however that came: by its caller, or by upstream', async () => {
  for (const who of ['caller', 'upstream'] as const) {
    await using here = await call({
      task: { tool: undefined, on: 'end', speak: undefined },
      assess: { waitMs: 200 },
    });
    expect(here.connection.received('session.update')).toMatchObject([{ session: { audio: {} } }]);
    heard(here, 'item_said');
    await here.caller.event('conversation.item.done');
    written(here, 'item_said', 'I have lived in Leeds.');
    await here.caller.event('conversation.item.input_audio_transcription.completed');
    (who === 'caller' ? here.caller : here.connection).socket.terminate();
    await here.caller.ended();
    expect(await row(here.gateway, 'done')).toMatchObject({ trigger: 'end', result: '{"level":"B2"}' });
    expect(await asked(here.gateway)).toContain('user: I have lived in Leeds.');
  }
});

test('a gateway that leaves half-way: cancelled, told, on record, upstream closed', async () => {
  await using here = await call({ assess: { waitMs: 20_000 } });
  await trigger(here);
  await asking(here, 1);
  const began = performance.now();
  await here.gateway.gateway.close();
  expect(performance.now() - began).toBeLessThan(3000);
  expect(await task(here.caller, 'cancelled')).toMatchObject({
    message: expect.stringContaining('server_shutdown'),
  });
  expect((await here.caller.ended()).code).toBe(1001);
  expect((await here.connection.ended()).code).toBe(1001);
  expect(rows(here.gateway)).toMatchObject([{ state: 'cancelled' }]);
});

test('what a client secret says of the audio stands beside what the pipeline says of it', async () => {
  await using here = await bridgedCall({ bridge: { voice: 'cedar', transcribe: 'whisper-1' } });
  const made = await fetch(`${here.gateway.url}/v1/realtime/client_secrets`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ session: { type: 'realtime', audio: { input: { turn_detection: null } } } }),
  });
  const { value } = (await made.json()) as { readonly value: string };
  await using _ = await Caller.call(here.gateway.url, '', ['realtime', `openai-insecure-api-key.${value}`]);
  const connection = await here.upstream.connection(1);
  expect((await connection.get('session.update'))['session']).toMatchObject({
    audio: {
      input: { turn_detection: null, transcription: { model: 'whisper-1' } },
      output: { voice: 'cedar' },
    },
  });
});
