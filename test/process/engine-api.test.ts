// The engines over the API of a real gateway: asked to stop, start, restart and unload, and what they write, live.
import { expect, test } from 'vitest';
import { GatewayEngine } from '../support/gateway-engine.ts';
import { fixture, GatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';

const config = {
  engines: {
    program: {
      run: [process.execPath, fixture('engines/http-engine.mjs'), '--port', '${port}'],
      offers: ['speak'],
    },
    lines: { run: [process.execPath, fixture('engines/says-lines.mjs'), '--port', '${port}'] },
  },
  pipelines: {},
};

test('an engine is stopped, started, restarted and unloaded; each answer says where it stands', async () => {
  await using gateway = await GatewayProcess.start({ config });
  const program = new GatewayEngine(gateway, 'program');
  const { pid } = await program.reaches('ready', 1);
  expect(await program.ask('stop')).toMatchObject({ status: 202, body: { name: 'program' } });
  expect(await program.reaches('stopped')).toMatchObject({ pid: null, failure: null });
  await program.ask('stop');
  await program.ask('start');
  await program.ask('start');
  const second = await program.reaches('ready', 2);
  expect(second.pid).not.toBe(pid);
  await program.ask('restart');
  await program.reaches('ready', 3);
  await program.ask('unload');
  await program.reaches('idle');
  // Unloaded on purpose keeps nobody waiting.
  await until(async () => (await gateway.json('/readyz')).status === 200, {
    timeoutMs: 5000,
    what: 'readiness',
  });
  const missing = await gateway.json('/api/engines/nobody/start', { method: 'POST' });
  expect(missing).toMatchObject({ status: 404, body: { error: { code: 'not_found' } } });
});

test('what it writes can be read, and followed while it comes, over a restart as well', async () => {
  await using gateway = await GatewayProcess.start({ config });
  const lines = new GatewayEngine(gateway, 'lines');
  await lines.reaches('ready');
  const { body } = await gateway.json('/api/engines/lines/log?lines=3');
  expect((body as { data: string[] }).data).toEqual(['line 1 of 2', 'line 2 of 2', 'listening']);
  expect((await gateway.json('/api/engines/lines/log?lines=-1')).status).toBe(400);
  const response = await fetch(`${await gateway.url()}/api/engines/lines/log?follow=1&lines=1`);
  expect(response.headers.get('content-type')).toBe('text/event-stream');
  let text = '';
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? [])
      text += decoder.decode(chunk as Uint8Array, { stream: true });
  })();
  await lines.ask('restart');
  await until(() => text.includes('data: "line 2 of 2"'), {
    timeoutMs: 10_000,
    what: 'the second run',
  });
  expect(text.match(/data: "listening"/g)).toHaveLength(1);
  expect(text.match(/data: "line 1 of 2"/g)).toHaveLength(1);
  // The stream ends with the gateway, and holds nothing up.
  const askedMs = performance.now();
  gateway.child.kill('SIGTERM');
  const end = await gateway.end(askedMs);
  expect(end.code).toBe(0);
  await reading;
});

test('a lazy engine starts when somebody asks, and only then', async () => {
  const { program } = config.engines;
  await using gateway = await GatewayProcess.start({
    config: { engines: { program: { ...program, start: 'lazy', idle: '300ms' } }, pipelines: {} },
  });
  const lazy = new GatewayEngine(gateway, 'program');
  await gateway.event('ready');
  expect(await lazy.status()).toMatchObject({ state: 'idle', start: 'lazy', attempt: 0, pid: null });
  await lazy.ask('start');
  await lazy.reaches('ready', 1);
  await lazy.reaches('idle');
});
