// However an upstream fails, ends or keeps silent: its caller is told why and never hangs, and the gateway holds nothing
// of the call any more.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startGateway } from '../../../src/testing/index.ts';
import { objectAt } from '../../../src/wire/json.ts';
import { Caller, type WireEvent } from '../../support/caller.ts';
import { until } from '../../support/poll.ts';
import { type BridgedCall, bridgedCall, bridgeTo } from '../../support/upstream/bridged-call.ts';

const codeOf = (event: WireEvent) => objectAt(event, 'error')?.['code'];
const messageOf = (event: WireEvent) => String(objectAt(event, 'error')?.['message']);

async function expectNothingLeft({ gateway, upstream }: Pick<BridgedCall, 'gateway' | 'upstream'>) {
  await until(() => gateway.gateway.sessions().length === 0, {
    timeoutMs: 5000,
    what: 'the session to be gone',
  });
  for (const connection of upstream.connections) await connection.ended();
  for (const socket of upstream.unanswered)
    await until(() => socket.closed || socket.readableEnded, {
      timeoutMs: 5000,
      what: 'the upgrade to be given up',
    });
  const sessions = gateway.gateway.tree().children?.find(({ name }) => name === 'sessions');
  expect(sessions?.children ?? []).toEqual([]);
}

test.each([401, 403, 429, 500])(
  'upstream refuses with %i: its reason is told, without the key',
  async (status) => {
    const body = JSON.stringify({ error: { message: `no entry for sk-very-secret-key (${status})` } });
    await using here = await bridgedCall({ refuses: { status, body }, bridge: { key: 'env:KEY' } });
    const error = await here.caller.event('error');
    expect(codeOf(error)).toBe('upstream_refused');
    expect(messageOf(error)).toContain(`HTTP ${status}: no entry for *** (${status})`);
    const { code, reason } = await here.caller.ended();
    expect(code).toBe(4410);
    expect(reason).not.toContain('secret');
    expect(here.caller.all('session.created')).toHaveLength(1);
    await expectNothingLeft(here);
  },
);

test('an answer that waits gets the error, with its own id', async () => {
  await using here = await bridgedCall({ opens: 'never', bridge: { openTimeout: '300ms' } });
  here.caller.send({ type: 'response.create', event_id: 'r1' });
  const error = await here.caller.event('error');
  expect(objectAt(error, 'error')).toMatchObject({ code: 'upstream_stalled', event_id: 'r1' });
  expect(messageOf(error)).toContain('within 300 ms');
  expect((await here.caller.ended()).code).toBe(4410);
  await expectNothingLeft(here);
});

test('an upstream that opens and gives no session is given up', async () => {
  await using here = await bridgedCall({ opens: 'mute', bridge: { openTimeout: '300ms' } });
  expect(codeOf(await here.caller.event('error'))).toBe('upstream_stalled');
  expect((await here.caller.ended()).code).toBe(4410);
  await expectNothingLeft(here);
});

test('nobody listens there: told at once', async () => {
  await using gateway = await bridgeTo('ws://127.0.0.1:9/v1/realtime');
  await using caller = await Caller.call(gateway.url);
  const error = await caller.event('error');
  expect(codeOf(error)).toBe('upstream_unreachable');
  expect(messageOf(error)).toContain('ECONNREFUSED');
  expect((await caller.ended()).code).toBe(4410);
  // Whoever runs the gateway has to see it as well.
  const log = join(gateway.folder, 'data', 'logs', 'greenroom.log');
  await until(
    async () => /closed: engine_failed: upstream .*ECONNREFUSED/.test(await readFile(log, 'utf8')),
    {
      timeoutMs: 5000,
      what: 'the reason in the log',
    },
  );
});

test('a plain door behind wss: is told as that, with the next step', async () => {
  await using plain = await startGateway({ config: { engines: {}, pipelines: {} } });
  await using gateway = await bridgeTo(plain.url.replace('http', 'wss'));
  await using caller = await Caller.call(gateway.url);
  expect(messageOf(await caller.event('error'))).toMatch(
    /cannot be reached: it does not speak TLS; is ws: meant\?$/,
  );
});

test('upstream errors before it opens, and says why: the reason is passed on', async () => {
  await using here = await bridgedCall({ opens: 'mute' });
  here.connection.model.error('beta_api_shape_disabled', 'The beta is over.');
  here.connection.flush();
  here.connection.socket.close(4000, 'The beta is over.');
  expect(codeOf(await here.caller.event('error'))).toBe('beta_api_shape_disabled');
  const { code, reason } = await here.caller.ended();
  expect(code).toBe(4410);
  expect(reason).toContain('4000: The beta is over.');
});

test('upstream dies during a response: the response ends as failed, then the call does', async () => {
  await using here = await bridgedCall({ responds: 'told' });
  await here.caller.lobby('ready');
  here.caller.send({ type: 'response.create' });
  await here.caller.event('response.created');
  here.connection.step(3);
  await here.caller.event('response.output_audio.delta');
  here.connection.socket.terminate();
  const done = await here.caller.event('response.done');
  expect(objectAt(done, 'response', 'status_details', 'error')).toMatchObject({ code: 'upstream_closed' });
  expect(codeOf(await here.caller.event('error'))).toBe('upstream_closed');
  const { code, reason } = await here.caller.ended();
  expect(code).toBe(4410);
  expect(reason).toContain('1006');
  await expectNothingLeft(here);
});

test.each([
  [1000, 'all said'],
  [1001, 'going'],
  [1012, 'restart'],
  [1013, 'full'],
])('upstream closes with %i: code and reason are handed on', async (code, reason) => {
  await using here = await bridgedCall();
  await here.caller.lobby('ready');
  here.connection.socket.close(code, reason);
  expect(await here.caller.ended()).toEqual({ code, reason });
  expect(here.caller.all('error')).toHaveLength(code === 1000 ? 0 : 1);
  await expectNothingLeft(here);
});

test('an expired session is announced, also where upstream does not', async () => {
  await using here = await bridgedCall();
  await here.caller.lobby('ready');
  const reason = 'Your session hit the maximum duration of 60 minutes.';
  here.connection.socket.close(1001, reason);
  const error = await here.caller.event('error');
  expect(objectAt(error, 'error')).toMatchObject({ code: 'session_expired', message: reason });
  expect(await here.caller.ended()).toEqual({ code: 1001, reason });
});

test('an upstream that answers no ping is lost', async () => {
  await using here = await bridgedCall({ config: { sessions: { keepalive: '1s' } } });
  await here.caller.lobby('ready');
  here.connection.socket.pause();
  const error = await here.caller.event('error');
  expect(codeOf(error)).toBe('upstream_stalled');
  expect(messageOf(error)).toMatch(/gave no sign of life for \d+ ms/);
  expect((await here.caller.ended()).code).toBe(4410);
});

test('the caller vanishes in the middle of a response: upstream is closed with it', async () => {
  await using here = await bridgedCall({ responds: 'told' });
  await here.caller.lobby('ready');
  here.caller.send({ type: 'response.create' });
  await here.caller.event('response.created');
  here.caller.socket.terminate();
  expect((await here.connection.ended()).code).toBe(1000);
  await expectNothingLeft(here);
});

test('the caller vanishes while upstream is being opened: nothing is left of the attempt', async () => {
  await using here = await bridgedCall({ opens: 'never' });
  await until(() => here.upstream.unanswered.length === 1, {
    timeoutMs: 5000,
    what: 'the upgrade to be asked for',
  });
  here.caller.socket.terminate();
  await expectNothingLeft(here);
});

test('at shutdown callers and upstreams are closed with 1001, in their time', async () => {
  await using here = await bridgedCall({ responds: 'told' });
  await using other = await Caller.call(here.gateway.url);
  await here.upstream.connection(1);
  await other.lobby('ready');
  // One of the upstreams does not answer its close.
  here.upstream.connections[1]?.socket.pause();
  const began = performance.now();
  await here.gateway.gateway.close();
  expect(performance.now() - began).toBeLessThan(3000);
  expect((await here.connection.ended()).code).toBe(1001);
  expect((await here.caller.ended()).code).toBe(1001);
  expect((await other.ended()).code).toBe(1001);
});

test('what upstream must know goes along, and nothing of the beta', async () => {
  const bridge = { key: 'env:KEY', headers: { 'X-Team': 'red' }, instructions: 'Be kind.', voice: 'cedar' };
  await using here = await bridgedCall({ bridge });
  await here.caller.lobby('ready');
  const setup = await here.connection.get('session.update');
  expect(setup['session']).toMatchObject({ instructions: 'Be kind.', audio: { output: { voice: 'cedar' } } });
  const { headers, url } = here.connection;
  expect(headers.authorization).toBe('Bearer sk-very-secret-key');
  expect(headers['x-team']).toBe('red');
  expect(headers['openai-beta']).toBeUndefined();
  expect(url).toBe('/v1/realtime?model=up-1');
});
