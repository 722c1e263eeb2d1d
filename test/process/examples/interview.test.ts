// The interview of examples/, both of its configurations as they are but for what answers: a scripted upstream in place of
// OpenAI's, scripted engines in place of those that need weights.
import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { Caller } from '../../support/caller.ts';
import { fixture, GatewayProcess } from '../../support/gateway-process.ts';
import { ScriptedUpstream } from '../../support/upstream/scripted.ts';

const examples = fileURLToPath(new URL('../../../examples/interview/', import.meta.url));

const result = { recommendation: 'invite', strengths: ['calm'], concerns: [], summary: 'A good cook.' };
const mind = {
  worker: fixture('tasks/mind.mjs'),
  options: { assess: { says: [JSON.stringify(result)] } },
};

interface Written {
  readonly engines: Record<string, unknown>;
  readonly pipelines: { readonly default: Record<string, unknown> };
}

async function start(name: string, config: (written: Written) => object, env = {}) {
  const written = parse(await readFile(join(examples, name), 'utf8')) as Written;
  return GatewayProcess.start({
    env,
    config: config(written),
    prepare: ({ path }) =>
      copyFile(join(examples, 'assessment.schema.json'), join(path, 'assessment.schema.json')),
  });
}

const done = (caller: Caller) => caller.event('greenroom.task', ({ state }) => state === 'done');

async function resultOf(gateway: GatewayProcess, caller: Caller) {
  const { id } = (await caller.event('session.created'))['session'] as { readonly id: string };
  return (await gateway.json(`/api/sessions/${id}/tasks`)).body;
}

test('greenroom.yaml: upstream holds the interview, an engine here assesses it, upstream tells the result', async () => {
  await using upstream = await ScriptedUpstream.start();
  await using gateway = await start(
    'greenroom.yaml',
    ({ pipelines }) => ({
      engines: { assessor: mind },
      pipelines: { default: { ...pipelines.default, url: upstream.url } },
    }),
    { OPENAI_API_KEY: 'sk-of-a-test' },
  );
  await using caller = await Caller.call(await gateway.url());
  await caller.lobby('ready');
  const connection = await upstream.connection();
  expect(connection.headers.authorization).toBe('Bearer sk-of-a-test');
  expect((await connection.get('session.update'))['session']).toMatchObject({
    instructions: expect.stringContaining('call trigger_assessment'),
    audio: { input: { transcription: { model: 'gpt-4o-mini-transcribe' } }, output: { voice: 'marin' } },
    tools: [{ type: 'function', name: 'trigger_assessment' }],
  });
  caller.say('I have cooked for ten years.');
  await caller.event('response.done');
  connection.model.kind = 'call';
  caller.say('That was the fifth.');
  expect(await done(caller)).toMatchObject({ name: 'assessment', result });
  const told = await connection.get('response.create', 4);
  expect(told['response']).toMatchObject({
    instructions: expect.stringMatching(/^Tell the result kindly[\s\S]*A good cook\.[\s\S]*voice "alloy"/),
  });
  expect(await resultOf(gateway, caller)).toMatchObject({
    data: [{ trigger: 'tool', state: 'done', result }],
  });
  expect(JSON.stringify(caller.events)).not.toContain('trigger_assessment"');
  expect(upstream.violations).toEqual([]);
});

test('local.yaml: engines of this machine do all of it', async () => {
  await using gateway = await start('local.yaml', ({ engines, pipelines }) => ({
    engines: { ...engines, mind, ears: { worker: fixture('engines/ears.mjs'), options: { text: 'Hello.' } } },
    pipelines,
  }));
  await using caller = await Caller.call(await gateway.url());
  await caller.lobby('ready');
  caller.say('I have cooked for ten years; now assess me.');
  expect(await done(caller)).toMatchObject({ result });
  const summary = await caller.event('response.done', (event) =>
    JSON.stringify(event).includes('Told: invite.'),
  );
  expect(summary).toMatchObject({
    response: { status: 'completed', metadata: { task: 'assessment' }, audio: { output: { voice: 'rms' } } },
  });
  expect(caller.samples).toBeGreaterThan(10_000);
  expect(await resultOf(gateway, caller)).toMatchObject({ data: [{ state: 'done', result }] });
});
