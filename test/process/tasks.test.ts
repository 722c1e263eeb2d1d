// Background work of a session, on a real gateway: triggered, told, saved, spoken, and every way in which it can go wrong.
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { Caller, type WireEvent } from '../support/caller.ts';
import { fixture, GatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';

const schema = {
  type: 'object',
  properties: { level: { enum: ['A1', 'A2', 'B1', 'B2'] } },
  required: ['level'],
  additionalProperties: false,
};

interface Options {
  /** What the mind does when it is asked to assess. */
  readonly assess?: object;
  /** Of the task, over the usual. */
  readonly task?: object;
  readonly pipeline?: object;
  readonly engines?: object;
}

function config({ assess = {}, task = {}, pipeline = {}, engines = {} }: Options = {}) {
  const assessment = {
    tool: 'trigger_assessment',
    think: 'mind',
    instructions: 'ASSESS the caller.',
    schema,
  };
  return {
    engines: { mind: { worker: fixture('tasks/mind.mjs'), options: { assess } }, ...engines },
    pipelines: {
      default: {
        kind: 'cascade',
        think: 'mind',
        tasks: { assessment: { ...assessment, ...task } },
        ...pipeline,
      },
    },
  };
}

const start = (options: Options = {}) => GatewayProcess.start({ config: config(options) });

async function ready(gateway: GatewayProcess, query?: string): Promise<Caller> {
  const caller = await Caller.call(await gateway.url(), query);
  await caller.lobby('ready');
  return caller;
}

const idOf = async (caller: Caller) =>
  String(((await caller.event('session.created'))['session'] as { readonly id: string }).id);

const words = (caller: Caller) => caller.all('greenroom.task').map(({ state }) => state);
const task = (caller: Caller, state: string, timeoutMs?: number) =>
  caller.event('greenroom.task', (event) => event['state'] === state, timeoutMs);

function answered(caller: Caller, text: string): Promise<WireEvent> {
  return caller.event('response.done', (event) => JSON.stringify(event).includes(text));
}

/** What is on disk at this moment, as another process sees it. */
function rows(gateway: GatewayProcess): readonly Record<string, unknown>[] {
  const store = new DatabaseSync(join(gateway.folder.path, '.greenroom', 'greenroom.db'), { readOnly: true });
  try {
    return store
      .prepare('SELECT name, trigger, state, result, raw, code, message, session_id FROM tasks ORDER BY seq')
      .all();
  } finally {
    store.close();
  }
}

async function trigger(gateway: GatewayProcess, session: string, name = 'assessment') {
  return gateway.json(`/api/sessions/${session}/tasks/${name}`, { method: 'POST' });
}

describe('background work of a session', () => {
  test('the model triggers it: the caller sees no call, hears that it runs, and is told its result', async () => {
    await using gateway = await start();
    await using caller = await ready(gateway);
    caller.say('Please assess me.');
    await answered(caller, 'So be it: started.');
    const done = await task(caller, 'done');
    expect(done).toMatchObject({ name: 'assessment', result: { level: 'B2' } });
    await answered(caller, 'Told: B2.');
    expect(words(caller)).toEqual(['started', 'progress', 'done']);
    expect(JSON.stringify(caller.events)).not.toContain('trigger_assessment');
    const { body } = await gateway.json(`/api/sessions/${await idOf(caller)}/tasks`);
    expect(body).toMatchObject({
      data: [{ name: 'assessment', trigger: 'tool', state: 'done', result: { level: 'B2' } }],
    });
    expect(rows(gateway)).toMatchObject([{ state: 'done', result: '{"level":"B2"}', raw: null }]);
  });
});
