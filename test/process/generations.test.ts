// Pipelines that are restarted under their callers: who was there keeps what they have, who comes gets the next.

import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { slowWatcher } from '../../src/testing/watcher/slow-watcher.ts';
import { Caller } from '../support/caller.ts';
import { GatewayEngine } from '../support/gateway-engine.ts';
import { GatewayPipeline } from '../support/gateway-pipeline.ts';
import { fixture, GatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';
import { alive } from '../support/processes.ts';

const config = {
  engines: {
    voice: {
      run: [process.execPath, fixture('engines/http-engine.mjs'), '--port', '${port}'],
      offers: ['speak'],
    },
    activity: { builtin: 'silero' },
  },
  pipelines: { default: { kind: 'echo', speak: 'voice', vad: 'activity' } },
};

/** Loads as the file `mode` in the folder of the gateway says. */
const fromFile = {
  run: [process.execPath, fixture('engines/obeys-file.mjs'), '--port', '${port}'],
  offers: ['speak'],
};

/** Of those that the kernel gives to outgoing connections: no engine with `port: auto` gets one of them. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const two = { ...config.pipelines, other: config.pipelines.default };

const answers = async (caller: Caller, text: string) => {
  const before = caller.all('response.done').length;
  caller.say(text);
  await until(() => caller.all('response.done').length > before, {
    timeoutMs: 20_000,
    what: 'the answer',
  });
  return caller.all('response.done').at(-1)?.['response'] as { readonly status: string };
};

const rows = (gateway: GatewayProcess) => {
  using reader = {
    database: new DatabaseSync(join(gateway.folder.path, '.greenroom', 'greenroom.db'), { readOnly: true }),
    [Symbol.dispose]() {
      this.database.close();
    },
  };
  return reader.database
    .prepare('SELECT id, generation, close_code AS code FROM sessions ORDER BY seq')
    .all();
};

test('a call is answered across a replacement, the next gets the next generation, and each is recorded under its own', async () => {
  await using gateway = await GatewayProcess.start({ config });
  await gateway.event('ready');
  const pipeline = new GatewayPipeline(gateway);
  await using first = await Caller.call(await gateway.url());
  await first.lobby('ready');
  expect((await answers(first, 'before')).status).toBe('completed');
  expect(await pipeline.restart()).toMatchObject({
    status: 202,
    body: { generation: 2, pipeline: { generation: 2 } },
  });
  expect(await pipeline.generations()).toEqual([
    [1, 'draining'],
    [2, 'current'],
  ]);
  const notice = await first.event('greenroom.notice', ({ code }) => code === 'pipeline_restarted');
  expect(notice).toMatchObject({ generation: 1, current: 2, drain_ms: 600_000 });
  expect((await answers(first, 'after')).status).toBe('completed');
  await using second = await Caller.call(await gateway.url());
  await second.lobby('ready');
  expect((await answers(second, 'new')).status).toBe('completed');
  const sessions: { readonly data: readonly { readonly generation: number }[] } = (
    await gateway.json('/api/sessions')
  ).body;
  // The newest first.
  expect(sessions.data.map(({ generation }) => generation)).toEqual([2, 1]);
  first.socket.close();
  await pipeline.shows(({ generations }) => generations.length === 1, 'to have one generation');
  expect(await pipeline.generations()).toEqual([[2, 'current']]);
  expect((await answers(second, 'still')).status).toBe('completed');
  second.socket.close();
  await until(() => rows(gateway).filter(({ code }) => code !== null).length === 2, {
    timeoutMs: 10_000,
    what: 'both records',
  });
  expect(rows(gateway).map(({ generation }) => generation)).toEqual([1, 2]);
});

test('a restart that makes no sense is answered with its code, and changes nothing', async () => {
  await using gateway = await GatewayProcess.start({ config });
  await gateway.event('ready');
  const unknown = await new GatewayPipeline(gateway, 'nobody').restart();
  expect(unknown).toMatchObject({ status: 404, body: { error: { code: 'not_found' } } });
  const pipeline = new GatewayPipeline(gateway);
  const odd = await pipeline.restart({ mode: 'never' as 'replace' });
  expect(odd).toMatchObject({ status: 400, body: { error: { code: 'invalid_request' } } });
  expect(await pipeline.generations()).toEqual([[1, 'current']]);
});

test('a seamless restart leaves new callers with the old one until the next is ready, and for good when it fails', async () => {
  await using gateway = await GatewayProcess.start({
    config: {
      ...config,
      engines: { ...config.engines, voice: { ...fromFile, ready: { total: '60s' } } },
    },
    prepare: (folder) => folder.write('mode', 'good').then(() => undefined),
  });
  await gateway.event('ready');
  const pipeline = new GatewayPipeline(gateway);
  const before = (await pipeline.shown()).generations[0]?.engines.find(({ name }) => name === 'voice')?.pid;
  // The next instance does not load until it is told to.
  await gateway.folder.write('mode', 'hold');
  expect(await pipeline.restart({ mode: 'seamless', engines: true })).toMatchObject({
    status: 202,
    body: { generation: 2, pipeline: { generation: 1 } },
  });
  await using early = await Caller.call(await gateway.url());
  await early.lobby('ready');
  expect((await answers(early, 'meanwhile')).status).toBe('completed');
  expect(await pipeline.restart({ mode: 'seamless' })).toMatchObject({
    status: 409,
    body: { error: { code: 'restart_under_way' } },
  });
  await gateway.folder.write('mode', 'fail');
  const failed = await pipeline.shows(({ failure }) => failure !== null, 'to have failed', 40_000);
  expect(failed).toMatchObject({ generation: 1, failure: { generation: 2 } });
  expect((await answers(early, 'still')).status).toBe('completed');
  await gateway.folder.write('mode', 'good');
  expect(await pipeline.restart({ mode: 'seamless', engines: true })).toMatchObject({ status: 202 });
  const now = await pipeline.shows(({ generation }) => generation === 3, 'to be in generation 3');
  const voiceOf = (number: number) =>
    now.generations.find((each) => each.number === number)?.engines.find(({ name }) => name === 'voice');
  expect(voiceOf(1)).toMatchObject({ pid: before, state: 'ready' });
  expect(voiceOf(3)?.pid).not.toBe(before);
  expect((await answers(early, 'old')).status).toBe('completed');
});

test('with its engines a pipeline gets other processes, and the old one lives until its last call has ended', async () => {
  await using gateway = await GatewayProcess.start({ config: { ...config, pipelines: two } });
  await gateway.event('ready');
  const pipeline = new GatewayPipeline(gateway);
  const voice = new GatewayEngine(gateway, 'voice');
  const { pid: before } = await voice.status();
  await using first = await Caller.call(await gateway.url());
  await first.lobby('ready');
  const { body } = await pipeline.restart({ engines: true });
  expect(body.engines).toMatchObject([
    { name: 'voice', way: 'beside', why: null },
    { name: 'activity', way: 'beside', why: null },
  ]);
  const { pid: after } = await voice.reaches('ready');
  expect(after).not.toBe(before);
  expect(alive(before ?? 0)).toBe(true);
  expect((await answers(first, 'old')).status).toBe('completed');
  await using second = await Caller.call(await gateway.url());
  await second.lobby('ready');
  expect((await answers(second, 'new')).status).toBe('completed');
  // Who has the engine too gets the new one, in a generation of its own.
  const other = await new GatewayPipeline(gateway, 'other').shown();
  expect(other.generations).toMatchObject([{ number: 2, engines: [{ name: 'voice', pid: after }, {}] }]);
  first.socket.close();
  await until(() => !alive(before ?? 0), { timeoutMs: 10_000, what: `pid ${before} to be gone` });
  expect(alive(after ?? 0)).toBe(true);
  expect(await pipeline.generations()).toEqual([[2, 'current']]);
  expect((await answers(second, 'still')).status).toBe('completed');
});

test('an engine whose port is fixed starts anew in its place, and says why', async () => {
  const port = await freePort();
  const voice = { ...config.engines.voice, port };
  await using gateway = await GatewayProcess.start({
    config: { ...config, engines: { ...config.engines, voice } },
  });
  await gateway.event('ready');
  await using caller = await Caller.call(await gateway.url());
  await caller.lobby('ready');
  const { body } = await new GatewayPipeline(gateway).restart({ engines: true });
  expect(body.engines.find(({ name }) => name === 'voice')).toMatchObject({
    way: 'in_place',
    why: expect.stringContaining(`port is always ${port}`),
  });
  await new GatewayEngine(gateway, 'voice').reaches('ready', 2, 20_000);
  expect((await answers(caller, 'after')).status).toBe('completed');
});

test('who stays in a generation for longer than it may is told, and closed with 1012', async () => {
  await using gateway = await GatewayProcess.start({
    config: { ...config, sessions: { drain: '300ms' } },
  });
  await gateway.event('ready');
  const pipeline = new GatewayPipeline(gateway);
  // A strict client: it has asked for no notices, and gets an error as OpenAI has it.
  await using caller = await Caller.call(await gateway.url(), '');
  await caller.event('session.created');
  expect((await pipeline.restart()).status).toBe(202);
  const error = await caller.event('error');
  expect(error['error']).toMatchObject({ code: 'pipeline_restarted' });
  const { code, reason } = await caller.ended();
  expect(code).toBe(1012);
  expect(reason).toContain('generation 1 ends after 300 ms');
  await pipeline.shows(({ generations }) => generations.length === 1, 'to have one generation');
  await until(() => rows(gateway)[0]?.['code'] === 1012, { timeoutMs: 10_000, what: 'its record' });
});

test('what becomes of generations is told to those who watch', async () => {
  await using gateway = await GatewayProcess.start({ config });
  await gateway.event('ready');
  const url = await gateway.url();
  await using watcher = await slowWatcher({ url, topics: ['greenroom.pipeline.>'], how: 'well' });
  await using caller = await Caller.call(url);
  await caller.lobby('ready');
  await new GatewayPipeline(gateway).restart();
  caller.socket.close();
  await until(() => watcher.events.length === 3, { timeoutMs: 10_000, what: 'three events' });
  expect(watcher.events).toMatchObject([
    { topic: 'greenroom.pipeline.current', data: { pipeline: 'default', generation: 2, code: null } },
    { topic: 'greenroom.pipeline.draining', data: { generation: 1, sessions: 1 } },
    { topic: 'greenroom.pipeline.closed', data: { generation: 1, sessions: 0 } },
  ]);
});

test('a restart while the gateway leaves is refused, and does not hold it up', async () => {
  await using gateway = await GatewayProcess.start({ config });
  await gateway.event('ready');
  const pipeline = new GatewayPipeline(gateway);
  await using caller = await Caller.call(await gateway.url());
  await caller.lobby('ready');
  const askedMs = performance.now();
  const asked = Array.from({ length: 20 }, () => pipeline.restart({ engines: true }).catch(() => undefined));
  gateway.child.kill('SIGTERM');
  const outcomes = await Promise.all(asked);
  for (const outcome of outcomes) if (outcome) expect([202, 409, 503]).toContain(outcome.status);
  const end = await gateway.end(askedMs);
  expect(end.code).toBe(0);
  expect(await gateway.family()).toEqual([]);
});
