// A load that fails: who, why and the last lines are told where people and programs look; the rest goes on working.
import { expect, test } from 'vitest';
import { Caller } from '../support/caller.ts';
import { fixture, GatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';

const activity = { builtin: 'silero' };
const works = { kind: 'echo', speak: 'good', vad: 'activity' };
const broken = { kind: 'echo', speak: 'bad', vad: 'activity' };
const needing = { kind: 'echo', speak: 'good', vad: 'activity', needs: ['bad'] };

interface Failing {
  readonly name: string;
  readonly engine: object;
  readonly pipeline?: object;
  readonly code: string;
  readonly says: readonly string[];
  /** A passing cause is tried again; the reason is told meanwhile. */
  readonly state: 'failed' | 'backoff';
}

const cases: readonly Failing[] = [
  {
    name: 'a missing program',
    engine: { run: ['no-such-program-anywhere', '--serve'] },
    pipeline: needing,
    code: 'engine_program_missing',
    says: ['no-such-program-anywhere', 'PATH'],
    state: 'failed',
  },
  {
    name: 'a worker that throws in load',
    engine: { worker: fixture('gateway/fails.mjs'), options: { how: 'throw' } },
    code: 'engine_load_failed',
    says: ['the model is corrupt at byte 4096', 'reading the model'],
    state: 'failed',
  },
  {
    name: 'a worker that breaks the contract',
    engine: { worker: fixture('gateway/fault.mjs') },
    code: 'engine_module_invalid',
    says: ['no default export'],
    state: 'failed',
  },
  {
    name: 'a worker that offers something else than is needed',
    engine: { worker: fixture('gateway/tone.mjs') },
    pipeline: { kind: 'cascade', think: 'bad' },
    code: 'engine_module_invalid',
    says: ['it offers speak, but pipelines.broken.think needs chat'],
    state: 'failed',
  },
  {
    name: 'a worker that crashes while it loads',
    engine: { worker: fixture('gateway/fails.mjs'), options: { how: 'exit' } },
    code: 'engine_exited',
    says: ['exited with code 17', 'CUDA error: out of memory'],
    state: 'backoff',
  },
  {
    name: 'a program that is not ready by its deadline',
    engine: {
      run: [process.execPath, fixture('gateway/http-engine.mjs'), '--port', '${port}', '--after', '60000'],
      ready: { total: '700ms' },
    },
    pipeline: needing,
    code: 'engine_deadline',
    says: ['not ready after 700 ms', 'HTTP 503'],
    state: 'backoff',
  },
];

for (const { name, engine, pipeline = broken, code, says, state } of cases) {
  test(`${name} is told on /readyz and in the lobby with its reason, and other pipelines work`, async () => {
    await using gateway = await GatewayProcess.start({
      config: {
        engines: { good: { worker: fixture('gateway/tone.mjs') }, bad: engine, activity },
        pipelines: { default: works, broken: pipeline },
        sessions: { lobby: { wait: '3s' } },
      },
    });
    const url = await gateway.url();
    const seen = await until(
      async () => {
        const { body } = await gateway.json('/readyz');
        const { error } = body as {
          error?: { details: { missing: { name: string; state: string; failure: unknown }[] } };
        };
        return error?.details.missing.find(
          ({ name: engine, state: word }) => engine === 'bad' && word === state,
        );
      },
      { timeoutMs: 10_000, what: 'the failure on /readyz' },
    );
    expect(seen.failure).toMatchObject({ code });
    for (const words of says) expect(JSON.stringify(seen.failure)).toContain(words);

    await using caller = await Caller.call(url, '?notices=1&model=broken');
    caller.send({ type: 'response.create', event_id: 'mine' });
    const error = await caller.event('error');
    const blamed = { error: { event_id: state === 'failed' ? expect.anything() : 'mine' } };
    expect(JSON.stringify(error)).toContain(says[0]);
    if (state === 'backoff') expect(error).toMatchObject(blamed);
    const lobby = JSON.stringify(caller.all('greenroom.lobby'));
    for (const words of state === 'failed' ? says : says.slice(0, 1)) expect(lobby).toContain(words);
    if (state === 'failed') expect((await caller.ended()).code).toBe(4410);

    await using other = await Caller.call(url);
    // The lobby of this gateway waits for three seconds, which an engine may need on a busy machine.
    await other.lobby('ready');
    other.say('still here');
    expect(await other.event('response.done')).toMatchObject({ response: { status: 'completed' } });
    expect(other.samples).toBeGreaterThan(0);
    expect((await gateway.json('/healthz')).status).toBe(200);
  });
}

test('an engine that dies under an answer fails that answer with the reason, comes back, and answers again', async () => {
  await using gateway = await GatewayProcess.start({
    config: {
      engines: { voice: { worker: fixture('gateway/tone.mjs'), options: { chunkMs: 20 } }, activity },
      pipelines: { default: { kind: 'echo', speak: 'voice', vad: 'activity' } },
    },
  });
  const ready = await gateway.event('engine', ({ name, state }) => name === 'voice' && state === 'ready');
  await gateway.event('ready');
  await using caller = await Caller.call(await gateway.url());
  caller.say('a'.repeat(500));
  await caller.event('response.output_audio.delta');
  process.kill(Number(ready['pid']), 'SIGKILL');
  const failed = await caller.event('response.done');
  expect(failed).toMatchObject({
    response: { status: 'failed', status_details: { error: { code: 'engine_exited' } } },
  });
  expect(JSON.stringify(failed)).toContain('SIGKILL');
  // The next one waits in the lobby for the engine to come back.
  caller.say('again');
  const again = await caller.event('response.done', (event) => event !== failed);
  expect(again).toMatchObject({ response: { status: 'completed' } });
  expect(caller.closed).toBeUndefined();
});
