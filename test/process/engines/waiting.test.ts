// Who waits for an engine, or shares what it needs with another, behind a real gateway: the line and its end, a load that
// fails in the middle of a wait, one model file for two, one configuration for two gateways, a name that nobody has.
import { readFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import OpenAI, { APIError, NotFoundError } from 'openai';
import { expect, test } from 'vitest';
import type { EngineStatus } from '../../../src/engines/status.ts';
import { type FaultyEngineOptions, faultyEngine } from '../../../src/testing/faulty-engine.ts';
import { tinyModel } from '../../../src/testing/gguf/tiny-model.ts';
import { GatewayEngine } from '../../support/gateway-engine.ts';
import { GatewayProcess } from '../../support/gateway-process.ts';
import { until } from '../../support/poll.ts';
import { type AskOptions, ask, begin } from '../engine-requests/desk.ts';

type Section = Readonly<Record<string, unknown>>;

const start = (engines: Readonly<Record<string, Section>>) =>
  GatewayProcess.start({ config: { engines, pipelines: {} } });

const path = '/v1/chat/completions';
const messages = [{ role: 'user' as const, content: 'Hello' }];
const chat = (model: string, stream = false): AskOptions => ({
  method: 'POST',
  body: JSON.stringify({ model, stream, messages }),
});

const waits = (engine: GatewayEngine, count: number): Promise<EngineStatus> =>
  engine.shows(({ waitingCalls }) => waitingCalls === count, `to have ${count} who wait`);

test('64 wait; the 65th is told so at once, and has the place of the first who leaves', async () => {
  await using gateway = await start({ llm: faultyEngine({ loadMs: 60_000 }) });
  const url = await gateway.url();
  const engine = new GatewayEngine(gateway, 'llm');
  await engine.shows(({ rung }) => rung === 'http', 'to answer');
  const waiting = Array.from({ length: 64 }, () => begin(url, path, chat('llm')));
  await waits(engine, 64);
  const askedMs = performance.now();
  const refused = await ask(url, path, chat('llm'));
  expect(performance.now() - askedMs).toBeLessThan(2000);
  expect(refused.status).toBe(503);
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
  expect(await refused.json()).toMatchObject({
    error: {
      code: 'engine_busy',
      message: expect.stringMatching(
        /^engine llm is starting \(http\) and 64 callers wait for it, as many as may$/,
      ),
      details: {
        engine: 'llm',
        state: 'starting',
        rung: 'http',
        position: 65,
        elapsedMs: expect.any(Number),
      },
    },
  });
  waiting[0]?.destroy();
  await waits(engine, 63);
  const late = begin(url, path, chat('llm'));
  await waits(engine, 64);
  const leftMs = performance.now();
  gateway.child.kill('SIGTERM');
  const { code, ms } = await gateway.end(leftMs);
  expect(code).toBe(0);
  expect(ms).toBeLessThan(2000);
  for (const request of [...waiting, late]) request.destroy();
});

test('the first who asks may leave: the load that he began goes on for the second', async () => {
  await using gateway = await start({ llm: { ...faultyEngine({ loadMs: 1500 }), start: 'lazy' } });
  const url = await gateway.url();
  const engine = new GatewayEngine(gateway, 'llm');
  const first = begin(url, path, chat('llm'));
  await waits(engine, 1);
  first.destroy();
  await waits(engine, 0);
  expect((await engine.status()).state).toBe('starting');
  const second = await ask(url, path, chat('llm'));
  expect([second.status, await second.json()]).toMatchObject([
    200,
    { choices: [{ message: { content: 'This is a test.' } }] },
  ]);
  expect((await engine.status()).attempt).toBe(1);
});

test('a load that fails after the stream was opened is an error in the stream, for good or for now', async () => {
  const fails = (words: string): Section => ({
    run: ['sh', '-c', `sleep 1.4; echo '${words}' >&2; exit 1`],
    offers: ['chat'],
    start: 'lazy',
  });
  await using gateway = await start({
    broken: fails('error loading model: 3 of 7 tensors are missing'),
    unlucky: { ...fails('std::bad_alloc'), waiting: { time: '3s' } },
  });
  const client = new OpenAI({ baseURL: `${await gateway.url()}/v1`, apiKey: 'none', maxRetries: 0 });
  const told = async (model: string): Promise<unknown> => {
    const stream = await client.chat.completions.create({ model, messages, stream: true });
    return (async () => {
      for await (const _ of stream) throw new Error('a word came');
    })().catch((thrown: unknown) => thrown);
  };
  const [broken, unlucky] = await Promise.all([told('broken'), told('unlucky')]);
  for (const error of [broken, unlucky]) expect(error).toBeInstanceOf(APIError);
  expect(broken).toMatchObject({
    code: 'engine_exited',
    message: expect.stringMatching(
      /its model cannot be used \(error loading model: 3 of 7 tensors are missing\); load the file/,
    ),
  });
  expect(unlucky).toMatchObject({
    code: 'engine_not_ready',
    message: expect.stringMatching(
      /^engine unlucky is still .+ after 3\d\d\d ms of waiting; last failure: .*: out of memory \(std::bad_alloc\); use a smaller model/,
    ),
  });
});

/** Has its model open from its start to its end. */
function reads(options: FaultyEngineOptions = {}): Section {
  const { run, ...section } = faultyEngine(options);
  const words = run as readonly string[];
  const script = 'exec 9<"$1"; shift; exec "$@"';
  return { ...section, run: ['sh', '-c', script, 'sh', '${model}', ...words], model: 'm.gguf' };
}

test('two engines share a model file; it is said, and one that wants it alone is told whose it is', async () => {
  await using gateway = await GatewayProcess.start({
    config: {
      engines: {
        one: reads({ says: 'One.' }),
        other: { ...reads({ says: 'Other.' }), start: 'lazy' },
        alone: { ...reads(), start: 'lazy', exclusive: true },
      },
      pipelines: {},
    },
    prepare: async (folder) => {
      await folder.write('m.gguf', tinyModel({ behaviour: { kind: 'silent' } }));
    },
  });
  const url = await gateway.url();
  const { pid } = await new GatewayEngine(gateway, 'one').reaches('ready');
  for (const [model, content] of [
    ['other', 'Other.'],
    ['one', 'One.'],
  ] as const) {
    const answer = await ask(url, path, chat(model));
    expect(await answer.json()).toMatchObject({ choices: [{ message: { content } }] });
  }
  const log = await readFile(join(gateway.folder.path, '.greenroom', 'logs', 'greenroom.log'), 'utf8');
  expect(log).toMatch(
    new RegExp(
      `engine other: its model \\S+m\\.gguf is also open by pid ${pid} \\(.*; engine one of this gateway"`,
    ),
  );
  const refused = await ask(url, path, chat('alone'));
  expect(refused.status).toBe(503);
  const { error } = (await refused.json()) as { error: { code: string; message: string } };
  expect(error.code).toBe('model_file_unusable');
  for (const name of ['one', 'other']) expect(error.message).toContain(`; engine ${name} of this gateway`);
  expect(error.message).toContain('end that, or take `exclusive` away');
});

test('two gateways that start at once with one configuration: each has its own engines, and a fixed port is one’s alone', async () => {
  const names = ['a', 'b', 'c'] as const;
  const port = await freePort();
  const engines = {
    ...Object.fromEntries(names.map((name) => [name, faultyEngine()])),
    fixed: { ...faultyEngine(), port },
  };
  await using first = await start(engines);
  await using second = await start(engines);
  const gateways = [first, second];
  const settled = (gateway: GatewayProcess) =>
    new GatewayEngine(gateway, 'fixed').shows(
      ({ state }) => state === 'ready' || state === 'failed',
      'to settle',
    );
  const ports = new Set<number | null>();
  for (const gateway of gateways)
    for (const name of names) {
      const status = await new GatewayEngine(gateway, name).reaches('ready');
      expect(status.attempt).toBe(1);
      ports.add(status.port);
      const answer = await ask(await gateway.url(), path, chat(name));
      expect(answer.status).toBe(200);
      await answer.end();
    }
  expect(ports.size).toBe(6);
  const fixed = await Promise.all(gateways.map(settled));
  expect(fixed.map(({ state }) => state).sort()).toEqual(['failed', 'ready']);
  const winner = fixed.find(({ state }) => state === 'ready');
  const loser = fixed.find(({ state }) => state === 'failed');
  expect(loser?.failure).toMatchObject({ code: 'engine_port_taken', cause: 'port_in_use' });
  for (const gateway of gateways) gateway.child.kill('SIGTERM');
  expect((await Promise.all(gateways.map(({ exited }) => exited))).map(({ code }) => code)).toEqual([0, 0]);
  expect(loser?.failure?.message).toContain(`pid ${winner?.pid} (`);
});

/** Of those that the kernel gives to outgoing connections: no engine with `port: auto` gets one of them. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test('a model name that nobody has is refused at once, with those there are', async () => {
  await using gateway = await start({
    llm: faultyEngine({ loadMs: 60_000 }),
    voice: { ...faultyEngine(), offers: ['speak'], start: 'lazy' },
  });
  const url = await gateway.url();
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 2 });
  const beganMs = performance.now();
  const refusals = await Promise.all(
    [
      client.chat.completions.create({ model: 'gpt-9', messages }),
      client.chat.completions.create({ model: 'gpt-9', messages, stream: true }),
      client.embeddings.create({ model: 'gpt-9', input: 'Hello' }),
      client.audio.speech.create({ model: 'gpt-9', voice: 'alloy', input: 'Hello' }),
    ].map((asked) => Promise.resolve(asked).then(undefined, (thrown: unknown) => thrown)),
  );
  expect(performance.now() - beganMs).toBeLessThan(1000);
  for (const error of refusals) {
    expect(error).toBeInstanceOf(NotFoundError);
    expect(error).toMatchObject({ code: 'model_not_found', message: expect.stringContaining('gpt-9') });
    expect(String(error)).toContain('llm');
  }
  const direct = await gateway.json('/engines/gpt-9/health');
  expect(direct).toMatchObject({ status: 404, body: { error: { code: 'not_found' } } });
  // Nobody was started for it.
  expect(await new GatewayEngine(gateway, 'voice').status()).toMatchObject({ state: 'idle', attempt: 0 });
  await until(async () => (await gateway.json('/v1/models')).status === 200, {
    timeoutMs: 2000,
    what: 'models',
  });
});
