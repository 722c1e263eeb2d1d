// Real clients through a bridge, over TLS upstream, as users start it: to another greenroom with its test call, and to
// the upstream that enforces OpenAI's rules.
import { readFileSync } from 'node:fs';
import { RealtimeAgent, RealtimeSession } from '@openai/agents-realtime';
import OpenAI from 'openai';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import { expect, test } from 'vitest';
import { Caller } from '../../support/caller.ts';
import { fixture, GatewayProcess } from '../../support/gateway-process.ts';
import { until } from '../../support/poll.ts';
import { ScriptedUpstream } from '../../support/upstream/scripted.ts';

const cert = fixture('tls/cert.pem');
const ca = readFileSync(cert, 'utf8');
const tls = { cert, key: fixture('tls/key.pem') };

const bridgeTo = (url: string, more: object = {}) =>
  GatewayProcess.start({
    config: { engines: {}, pipelines: { default: { kind: 'bridge', url } }, ...more },
    env: { NODE_EXTRA_CA_CERTS: cert },
  });

/** With the agents SDK: a line, and the answer spoken. */
async function agentsCall(url: string, answer: string): Promise<void> {
  const session = new RealtimeSession(new RealtimeAgent({ name: 'echo', instructions: 'Echo.' }), {
    transport: 'websocket',
  });
  const errors: unknown[] = [];
  let audioBytes = 0;
  session.on('error', (error) => errors.push(error));
  session.on('audio', ({ data }) => {
    audioBytes += data.byteLength;
  });
  await session.connect({ apiKey: 'none', url: `${url.replace('http', 'ws')}/v1/realtime` });
  session.sendMessage('Hello from the agents SDK');
  const said = () =>
    JSON.stringify(session.history.filter((item) => item.type === 'message' && item.role === 'assistant'));
  await until(() => said().includes(answer) && audioBytes > 4800, {
    timeoutMs: 20_000,
    what: `the spoken answer (history: ${JSON.stringify(session.history)}, errors: ${JSON.stringify(errors)})`,
  });
  // What is interrupted when nothing runs, or only just: the SDK cancels and truncates.
  session.interrupt();
  session.sendMessage('And again');
  await until(
    () => session.history.filter((item) => item.type === 'message' && item.role === 'assistant').length > 1,
    {
      timeoutMs: 20_000,
      what: `the second answer (history: ${JSON.stringify(session.history)})`,
    },
  );
  session.close();
  expect(errors).toEqual([]);
}

test('the OpenAI agents SDK, through a bridge over TLS, to the test call of another greenroom', async () => {
  await using upstream = await GatewayProcess.start({
    config: {
      tls,
      engines: { voice: { builtin: 'flite' }, activity: { builtin: 'silero' } },
      pipelines: { default: { kind: 'echo', speak: 'voice', vad: 'activity' } },
    },
  });
  await upstream.event('ready');
  await using gateway = await bridgeTo(`${await upstream.url()}/v1/realtime`);
  await agentsCall(await gateway.url(), 'Hello from the agents SDK');
  expect(gateway.stderr).toBe('');
});

test('the OpenAI agents SDK, through a bridge over TLS, to an upstream that enforces the rules', async () => {
  await using upstream = await ScriptedUpstream.start({
    tls: { cert: ca, key: readFileSync(tls.key, 'utf8') },
  });
  await using gateway = await bridgeTo(upstream.url);
  await agentsCall(await gateway.url(), 'so so so');
  expect(upstream.violations).toEqual([]);
});

test('the OpenAI SDK speaks through a bridge, before upstream is there', async () => {
  await using upstream = await ScriptedUpstream.start();
  await using gateway = await bridgeTo(upstream.url, { tls });
  const client = new OpenAI({ apiKey: 'none', baseURL: `${await gateway.url()}/v1` });
  const realtime = await OpenAIRealtimeWS.create(client, { model: 'default', options: { ca } });
  const types: string[] = [];
  const errors: unknown[] = [];
  realtime.on('event', (event) => types.push(event.type));
  realtime.on('error', (error) => errors.push(error));
  await new Promise((resolve) => realtime.socket.once('open', resolve));
  realtime.send({
    type: 'conversation.item.create',
    item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Hello' }] },
  });
  realtime.send({ type: 'response.create' });
  await until(() => types.includes('response.done'), {
    timeoutMs: 20_000,
    what: `the answer (so far: ${types.join(' ')}; ${JSON.stringify(errors)})`,
  });
  realtime.close();
  expect(errors).toEqual([]);
  expect(types.filter((type) => type === 'session.created')).toHaveLength(1);
  expect(upstream.violations).toEqual([]);
});

test('Ctrl+C in the middle of bridged calls: callers and upstream are told, and it takes no three seconds', async () => {
  await using upstream = await ScriptedUpstream.start({ responds: 'told' });
  await using gateway = await bridgeTo(upstream.url);
  const url = await gateway.url();
  const callers = await Promise.all(Array.from({ length: 20 }, () => Caller.call(url)));
  await using all = new AsyncDisposableStack();
  for (const caller of callers) all.use(caller);
  for (const caller of callers) caller.send({ type: 'response.create' });
  await Promise.all(callers.map((caller) => caller.event('response.created')));
  const began = performance.now();
  gateway.child.kill('SIGINT');
  const { code, ms } = await gateway.end(began);
  expect(code).toBe(0);
  expect(ms).toBeLessThan(3000);
  for (const caller of callers) expect((await caller.ended()).code).toBe(1001);
  for (const connection of upstream.connections) expect((await connection.ended()).code).toBe(1001);
});
