// Ctrl+C while calls are bridged to an upstream, in each of their situations: in time, exit 0, callers and upstream told,
// every stage in the log, nothing left behind.
import { expect, test } from 'vitest';
import { Caller } from '../support/caller.ts';
import { GatewayEngine } from '../support/gateway-engine.ts';
import { fixture, GatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';
import { alive } from '../support/processes.ts';
import { ScriptedUpstream, type ScriptedUpstreamOptions } from '../support/upstream/scripted.ts';

const budgetMs = 3000;

function configOf(url: string): object {
  const assessment = { think: 'mind', tool: 'trigger_assessment', instructions: 'ASSESS.' };
  return {
    engines: { mind: { worker: fixture('tasks/mind.mjs'), options: { assess: { waitMs: 20_000 } } } },
    pipelines: { default: { kind: 'bridge', url, tasks: { assessment } } },
  };
}

interface Situation {
  readonly name: string;
  readonly upstream?: ScriptedUpstreamOptions;
  /** How upstream is told; `cut`: it could not listen. Default: with a close of 1001. */
  readonly upstreamEnds?: 'told' | 'cut';
  readonly reach: (gateway: GatewayProcess, upstream: ScriptedUpstream) => Promise<readonly Caller[]>;
}

async function call(gateway: GatewayProcess): Promise<Caller> {
  const caller = await Caller.call(await gateway.url());
  await caller.lobby('ready');
  return caller;
}

/** Callers that hear the middle of an answer. */
async function answered(gateway: GatewayProcess, upstream: ScriptedUpstream, count: number) {
  const callers = await Promise.all(Array.from({ length: count }, () => call(gateway)));
  for (const caller of callers) caller.say('Hello');
  await Promise.all(callers.map((caller) => caller.event('response.created')));
  for (const connection of upstream.connections) connection.step(2);
  await Promise.all(callers.map((caller) => caller.event('response.output_audio.delta')));
  return callers;
}

const situations: readonly Situation[] = [
  { name: 'idle, a caller being there', reach: async (gateway) => [await call(gateway)] },
  {
    name: 'while upstream does not answer the upgrade',
    upstream: { opens: 'never' },
    reach: async (gateway, upstream) => {
      const caller = await Caller.call(await gateway.url());
      caller.say('early');
      await until(() => upstream.unanswered.length === 1, { timeoutMs: 5000, what: 'the upgrade' });
      return [caller];
    },
  },
  {
    name: 'while upstream gives no session',
    upstream: { opens: 'mute' },
    reach: async (gateway, upstream) => {
      const caller = await Caller.call(await gateway.url());
      caller.say('early');
      await upstream.connection();
      return [caller];
    },
  },
  {
    name: 'while an assessment runs that the model has triggered',
    reach: async (gateway, upstream) => {
      const caller = await call(gateway);
      const connection = await upstream.connection();
      connection.model.kind = 'call';
      caller.say('Assess me.');
      await new GatewayEngine(gateway, 'mind').shows(({ activeCalls }) => activeCalls === 1, 'to be asked');
      return [caller];
    },
  },
  {
    name: 'while a call of a function of ours is answered, and upstream keeps silent',
    upstream: { responds: 'told' },
    reach: async (gateway, upstream) => {
      const caller = await call(gateway);
      const connection = await upstream.connection();
      connection.model.kind = 'call';
      caller.say('Assess me.');
      await connection.get('response.create');
      connection.step(5);
      await connection.get('conversation.item.create', 2);
      return [caller];
    },
  },
  {
    name: 'while a call of a function of the caller is pending',
    upstream: { responds: 'told' },
    reach: async (gateway, upstream) => {
      const caller = await call(gateway);
      const connection = await upstream.connection();
      const tools = [{ type: 'function', name: 'interview_guidance', parameters: { type: 'object' } }];
      caller.send({ type: 'session.update', session: { type: 'realtime', tools } });
      connection.model.kind = 'call';
      caller.say('Begin.');
      await connection.get('response.create');
      connection.step(5);
      await caller.event('response.done');
      return [caller];
    },
  },
  {
    name: 'while fifty callers are answered',
    upstream: { responds: 'told' },
    reach: (gateway, upstream) => answered(gateway, upstream, 50),
  },
  {
    name: 'while an upstream does not read any more',
    upstream: { responds: 'told' },
    upstreamEnds: 'cut',
    reach: async (gateway, upstream) => {
      const callers = await answered(gateway, upstream, 3);
      for (const { socket } of upstream.connections) socket.pause();
      return callers;
    },
  },
];

test.each(situations)('Ctrl+C $name', async ({ upstream: options, upstreamEnds = 'told', reach }) => {
  await using upstream = await ScriptedUpstream.start(options);
  await using gateway = await GatewayProcess.start({ config: configOf(upstream.url) });
  await gateway.event('ready');
  const callers = await reach(gateway, upstream);
  const family = await gateway.family();
  const began = performance.now();
  gateway.child.kill('SIGINT');
  const end = await gateway.end(began);
  expect({ code: end.code, signal: end.signal, stderr: gateway.stderr }).toEqual({
    ...{ code: 0, signal: null, stderr: '' },
  });
  expect(end.ms).toBeLessThan(budgetMs);
  const report = end.report as unknown as { readonly stages: readonly { readonly name: string }[] };
  expect(report).toMatchObject({ forced: [], exitCode: 0 });
  const stages = report.stages.map(({ name }) => name);
  expect(stages).toEqual(expect.arrayContaining(['sessions', 'engines', 'flush']));
  for (const caller of callers) {
    expect((await caller.ended()).code).toBe(1001);
    expect(caller.all('greenroom.notice')).toMatchObject([{ code: 'server_shutdown' }]);
  }
  for (const connection of upstream.connections) {
    connection.socket.resume();
    const { code } = await connection.ended();
    if (upstreamEnds === 'told') expect(code).toBe(1001);
  }
  expect(upstream.violations).toEqual([]);
  const logged = await gateway.lastLogged();
  expect((logged['stages'] as { name: string }[]).map(({ name }) => name).toSorted()).toEqual(
    stages.filter((name) => name !== 'flush').toSorted(),
  );
  if (process.env['SHOW']) console.log(Math.round(end.ms), JSON.stringify(report.stages));
  await until(async () => !family.some(alive), { timeoutMs: 1000, what: `the family ${family} to be gone` });
});
