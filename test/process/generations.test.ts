// Pipelines that are restarted under their callers: who was there keeps what they have, who comes gets the next.

import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { Caller } from '../support/caller.ts';
import { GatewayPipeline } from '../support/gateway-pipeline.ts';
import { fixture, GatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';

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
  expect(sessions.data.map(({ generation }) => generation)).toEqual([1, 2]);
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
