// Ctrl+C while a cascade is at work, in each of its situations: in time, exit 0, callers told, every stage in the log.
import { expect, test } from 'vitest';
import { Caller } from '../support/caller.ts';
import { lettersToAudio, startLettered } from '../support/cascade-process.ts';
import { fixture, type GatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';
import { alive } from '../support/processes.ts';

const budgetMs = 3000;
const loading = {
  engines: {
    all: { worker: fixture('engines/scripted.mjs') },
    slow: { worker: fixture('gateway/tone.mjs'), options: { burnMs: 20_000 } },
    activity: { builtin: 'silero' },
  },
  pipelines: {
    default: { kind: 'cascade', hear: 'all', think: 'all', speak: 'all', vad: 'activity', needs: ['slow'] },
  },
};

interface Situation {
  readonly name: string;
  readonly config?: object;
  readonly reach: (gateway: GatewayProcess) => Promise<readonly Caller[]>;
}

async function call(gateway: GatewayProcess): Promise<Caller> {
  const caller = await Caller.call(await gateway.url());
  const turn_detection = null;
  caller.send({
    type: 'session.update',
    session: { instructions: 'Ada:', audio: { input: { turn_detection } } },
  });
  return caller;
}

const situations: readonly Situation[] = [
  {
    name: 'idle, a caller being there',
    reach: async (gateway) => {
      await gateway.event('ready');
      const caller = await call(gateway);
      await caller.lobby('ready');
      return [caller];
    },
  },
  {
    name: 'in mid-conversation: one answer spoken, others beside it, speech coming in',
    reach: async (gateway) => {
      await gateway.event('ready');
      const caller = await call(gateway);
      caller.say('slowly');
      for (let count = 0; count < 3; count += 1)
        caller.send({ type: 'response.create', response: { conversation: 'none' } });
      await until(async () => caller.all('response.output_audio.delta').length > 10, {
        timeoutMs: 10_000,
        what: 'the answers to be spoken',
      });
      caller.send({ type: 'input_audio_buffer.append', audio: lettersToAudio('and another thing') });
      return [caller];
    },
  },
  {
    name: 'while sessions are being opened, and one waits in the lobby for its answer',
    config: loading,
    reach: async (gateway) => {
      const waiting = await call(gateway);
      waiting.say('early');
      await waiting.event('conversation.item.added');
      await gateway.event('engine', ({ name, rung }) => name === 'slow' && rung === 'alive');
      const others = await Promise.all(Array.from({ length: 5 }, () => call(gateway)));
      return [waiting, ...others];
    },
  },
  {
    name: 'while a tool call is pending',
    reach: async (gateway) => {
      await gateway.event('ready');
      const caller = await call(gateway);
      const tools = [{ type: 'function', name: 'look', parameters: { type: 'object' } }];
      caller.send({ type: 'session.update', session: { tools } });
      caller.say('look');
      await caller.event('response.function_call_arguments.done');
      await caller.event('response.done');
      return [caller];
    },
  },
  {
    name: 'while sixty callers are answered',
    reach: async (gateway) => {
      await gateway.event('ready');
      const callers = await Promise.all(Array.from({ length: 60 }, () => call(gateway)));
      for (const caller of callers) caller.say('slowly');
      await Promise.all(callers.map((caller) => caller.event('response.output_audio.delta')));
      return callers;
    },
  },
];

test.each(situations)('Ctrl+C $name', async ({ config, reach }) => {
  await using gateway = await startLettered(config);
  const callers = await reach(gateway);
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
    // Beside who answered and what was heard.
    const told = caller.all('greenroom.notice').filter(({ code }) => code === 'server_shutdown');
    expect(told).toHaveLength(1);
  }
  const logged = await gateway.lastLogged();
  expect((logged['stages'] as { name: string }[]).map(({ name }) => name).toSorted()).toEqual(
    stages.filter((name) => name !== 'flush').toSorted(),
  );
  await until(async () => !family.some(alive), { timeoutMs: 1000, what: `the family ${family} to be gone` });
});
