// The configuration of a running gateway, read again: what is wrong changes nothing, what is different is applied, and
// nobody's call is dropped.
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Reloaded } from '../../src/gateway/reloads.ts';
import { Caller } from '../support/caller.ts';
import { GatewayEngine } from '../support/gateway-engine.ts';
import { GatewayPipeline } from '../support/gateway-pipeline.ts';
import { fixture, GatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';
import { alive } from '../support/processes.ts';

const program = (env: Readonly<Record<string, string>> = {}) => ({
  run: [process.execPath, fixture('engines/http-engine.mjs'), '--port', '${port}'],
  offers: ['speak'],
  env,
});

const echo = { kind: 'echo', speak: 'voice', vad: 'activity' };
const config = {
  engines: { voice: program(), activity: { builtin: 'silero' } },
  pipelines: { default: { ...echo, instructions: 'Old words.' } },
};

async function reload(gateway: GatewayProcess, next: object, request: object = {}) {
  await gateway.folder.write('greenroom.json', JSON.stringify(next));
  return ask(gateway, request);
}

const ask = (
  gateway: GatewayProcess,
  request: object = {},
): Promise<{ readonly status: number; readonly body: Reloaded }> =>
  gateway.json('/api/reload', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(request),
  });

const instructionsOf = async (caller: Caller) => {
  const created = await caller.event('session.created');
  return (created['session'] as { readonly instructions: string }).instructions;
};

const answered = async (caller: Caller, text: string) => {
  const before = caller.all('response.done').length;
  caller.say(text);
  await until(() => caller.all('response.done').length > before, { timeoutMs: 20_000, what: 'the answer' });
  const response = caller.all('response.done').at(-1)?.['response'] as { readonly status: string };
  return response.status;
};

test('a broken file changes nothing, and is told as at a start: with line and column', async () => {
  await using gateway = await GatewayProcess.start({ config });
  await gateway.event('ready');
  await gateway.folder.write('greenroom.json', '{\n  "pipelines": { "default": { "kind": "eccho" } }\n}\n');
  const { status, body } = (await ask(gateway)) as unknown as {
    readonly status: number;
    readonly body: { readonly error: { readonly code: string; readonly message: string } };
  };
  expect(status).toBe(422);
  expect(body.error.code).toBe('config_invalid');
  expect(body.error.message).toMatch(/greenroom\.json:2:\d+ /);
  expect(await new GatewayPipeline(gateway).generations()).toEqual([[1, 'current']]);
  await using caller = await Caller.call(await gateway.url());
  expect(await instructionsOf(caller)).toBe('Old words.');
});

test('a file that has gone is no wish for the embedded default: nothing changes', async () => {
  await using gateway = await GatewayProcess.start({ config });
  await gateway.event('ready');
  await rm(join(gateway.folder.path, 'greenroom.json'));
  expect(await ask(gateway)).toMatchObject({
    status: 422,
    body: { error: { code: 'config_not_found', message: expect.stringContaining('greenroom.json') } },
  });
  expect(await new GatewayPipeline(gateway).generations()).toEqual([[1, 'current']]);
});

test('an engine that is new is started once, under its name', async () => {
  await using gateway = await GatewayProcess.start({ config });
  await gateway.event('ready');
  const engines = { ...config.engines, second: program(), third: { builtin: 'flite' } };
  expect((await reload(gateway, { ...config, engines })).status).toBe(200);
  for (const name of ['second', 'third'])
    await gateway.event('engine', (event) => event['name'] === name && event['state'] === 'ready');
  const states = gateway.events
    .filter(({ event, name }) => event === 'engine' && (name === 'second' || name === 'third'))
    .map(({ state }) => state);
  expect(['idle', 'starting', 'ready']).toEqual(expect.arrayContaining([...new Set(states)]));
});

test('other instructions are for new callers; who is there keeps what they began with', async () => {
  await using gateway = await GatewayProcess.start({ config });
  await gateway.event('ready');
  const { pid } = await new GatewayEngine(gateway, 'voice').status();
  await using first = await Caller.call(await gateway.url());
  await first.lobby('ready');
  const next = {
    ...config,
    listen: '127.0.0.1:1',
    aliases: { 'gpt-*': 'default' },
    pipelines: { default: { ...echo, instructions: 'New words.' } },
  };
  const dry = await reload(gateway, next, { dryRun: true });
  expect(dry).toMatchObject({ status: 200, body: { applied: false, pipelines: [] } });
  expect(await new GatewayPipeline(gateway).generations()).toEqual([[1, 'current']]);
  const { body } = await ask(gateway);
  expect(body.applied).toBe(true);
  // `--listen` of the command line is over the file, then as now.
  expect(body.differences).toEqual([
    { path: 'pipelines.default', change: 'changed', keys: ['instructions'], applies: 'now' },
    { path: 'aliases', change: 'changed', keys: [], applies: 'now' },
  ]);
  expect(body).toMatchObject({ engines: [], pipelines: [{ name: 'default', generation: 2 }] });
  expect(await answered(first, 'still here')).toBe('completed');
  await using second = await Caller.call(await gateway.url(), '?notices=1&model=gpt-4o');
  expect(await instructionsOf(second)).toBe('New words.');
  expect((await new GatewayEngine(gateway, 'voice').status()).pid).toBe(pid);
  // Once more, and there is nothing to do.
  expect((await ask(gateway)).body).toMatchObject({ differences: [], pipelines: [] });
});

test('an engine that is another gets a process of its own; the old one serves whom it served', async () => {
  await using gateway = await GatewayProcess.start({ config });
  await gateway.event('ready');
  const voice = new GatewayEngine(gateway, 'voice');
  const { pid: before } = await voice.status();
  await using first = await Caller.call(await gateway.url());
  await first.lobby('ready');
  const next = { ...config, engines: { ...config.engines, voice: program({ SAY: 'another' }) } };
  const { body } = await reload(gateway, next);
  expect(body.differences).toEqual([
    { path: 'engines.voice', change: 'changed', keys: ['env'], applies: 'now' },
  ]);
  expect(body.engines).toEqual([{ name: 'voice', way: 'beside', why: null }]);
  const { pid: after } = await voice.reaches('ready');
  expect(after).not.toBe(before);
  expect(await answered(first, 'the old voice')).toBe('completed');
  expect(alive(before ?? 0)).toBe(true);
  await using second = await Caller.call(await gateway.url());
  await second.lobby('ready');
  expect(await answered(second, 'the new voice')).toBe('completed');
  first.socket.close();
  await until(() => !alive(before ?? 0), { timeoutMs: 10_000, what: `pid ${before} to be gone` });
  expect(await answered(second, 'still there')).toBe('completed');
});

test('a reload while the next engine loads is not undone by it', async () => {
  const program = (say: string, more: object = {}) => ({
    run: [process.execPath, fixture('engines/http-engine.mjs'), '--port', '${port}'],
    ...{ offers: ['speak'], model: './m.bin', env: { LOAD_MS: '2500', SAY: say }, ...more },
  });
  const engines = { ...config.engines, voice: program('old words') };
  await using gateway = await GatewayProcess.start({
    config: { ...config, engines },
    prepare: (folder) => folder.write('m.bin', 'weights').then(() => undefined),
  });
  await gateway.event('ready');
  const pipeline = new GatewayPipeline(gateway);
  expect(await pipeline.restart({ mode: 'seamless', engines: true })).toMatchObject({ status: 202 });
  const next = { ...config, engines: { ...engines, voice: program('new words', { exclusive: true }) } };
  const { body } = await reload(gateway, next);
  expect(body).toMatchObject({
    engines: [{ name: 'voice', way: 'in_place' }],
    pipelines: [{ generation: 3 }],
  });
  await pipeline.shows(
    ({ generation, state }) => generation === 3 && state === 'ready',
    'to be ready',
    30_000,
  );
  expect(await pipeline.generations()).toEqual([[3, 'current']]);
  const { pid } = await new GatewayEngine(gateway, 'voice').status();
  expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).toContain('SAY=new words');
  expect((await ask(gateway)).body).toMatchObject({ differences: [] });
});

test('a caller that was lost comes back to a pipeline that is not there any more, by the address it has', async () => {
  await using gateway = await GatewayProcess.start({
    config: { ...config, pipelines: { ...config.pipelines, old: echo } },
  });
  await gateway.event('ready');
  const url = await gateway.url();
  await using caller = await Caller.call(url, '?notices=1&model=old');
  await caller.lobby('ready');
  caller.send({ type: 'session.update', session: { type: 'realtime', resumption: { enabled: true } } });
  await caller.event('session.updated');
  const { conversation } = (await caller.event('conversation.created')) as {
    readonly conversation?: { readonly id: string };
  };
  caller.socket.terminate();
  expect((await reload(gateway, config)).status).toBe(200);
  const address = `?notices=1&model=old&conversation_id=${conversation?.id}`;
  await using again = await Caller.call(url, address);
  expect(await again.event('conversation.created')).toMatchObject({ conversation });
  expect(await answered(again, 'here again')).toBe('completed');
});

test('a pipeline that is removed is for those who are in it; a new one is there at once', async () => {
  await using gateway = await GatewayProcess.start({
    config: { ...config, pipelines: { ...config.pipelines, old: echo } },
  });
  await gateway.event('ready');
  const url = await gateway.url();
  await using caller = await Caller.call(url, '?notices=1&model=old');
  await caller.lobby('ready');
  const { body } = await reload(gateway, { ...config, pipelines: { ...config.pipelines, fresh: echo } });
  expect(body.differences.map(({ path, change }) => `${path} ${change}`)).toEqual([
    'pipelines.old removed',
    'pipelines.fresh added',
  ]);
  const notice = await caller.event('greenroom.notice', ({ code }) => code === 'pipeline_restarted');
  expect(notice).toMatchObject({ generation: 1, current: null });
  expect(await answered(caller, 'still here')).toBe('completed');
  await expect(Caller.call(url, '?model=old')).rejects.toThrow('404');
  await using other = await Caller.call(url, '?notices=1&model=fresh');
  await other.lobby('ready');
  const list = async () =>
    (
      (await gateway.json('/api/pipelines')).body as {
        readonly data: readonly { readonly name: string; readonly state: string }[];
      }
    ).data.map(({ name, state }) => `${name} ${state}`);
  expect(await list()).toEqual(['default ready', 'old removed', 'fresh ready']);
  caller.socket.close();
  await until(async () => (await list()).length === 2, { timeoutMs: 10_000, what: 'the old one to be gone' });
});

test('what is read only at a start is said to be so, and is said again', async () => {
  await using gateway = await GatewayProcess.start({ config });
  await gateway.event('ready');
  const next = { ...config, shutdown: { total: '5s' }, sessions: { max: 1 }, log: { level: 'debug' } };
  for (const expected of [['sessions.max now', 'log.level now', 'shutdown start'], ['shutdown start']]) {
    const { body } = await reload(gateway, next);
    expect(body.differences.map(({ path, applies }) => `${path} ${applies}`)).toEqual(expected);
  }
  expect((await gateway.json('/api/log')).body).toMatchObject({ level: 'debug' });
  await using first = await Caller.call(await gateway.url());
  await first.lobby('ready');
  await using second = await Caller.call(await gateway.url());
  expect((await second.event('error'))['error']).toMatchObject({ code: 'sessions_full' });
});
