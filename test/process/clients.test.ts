// Real clients of the field hold an echo call.
import { RealtimeAgent, RealtimeSession } from '@openai/agents-realtime';
import { expect, test } from 'vitest';
import WebSocket from 'ws';
import { GatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';

test('the OpenAI agents SDK connects before anything has loaded, sends a line and hears it spoken', async () => {
  await using gateway = await GatewayProcess.start();
  const url = `${(await gateway.url()).replace('http', 'ws')}/v1/realtime`;
  const session = new RealtimeSession(new RealtimeAgent({ name: 'echo', instructions: 'Echo.' }), {
    transport: 'websocket',
  });
  const errors: unknown[] = [];
  let audioBytes = 0;
  session.on('error', (error) => errors.push(error));
  session.on('audio', ({ data }) => {
    audioBytes += data.byteLength;
  });
  await session.connect({ apiKey: 'none', url });
  session.sendMessage('Hello from the agents SDK');
  const said = () =>
    JSON.stringify(session.history.filter((item) => item.type === 'message' && item.role === 'assistant'));
  await until(() => said().includes('Hello from the agents SDK') && audioBytes > 48_000, {
    timeoutMs: 20_000,
    what: `the spoken answer (history: ${JSON.stringify(session.history)}, errors: ${JSON.stringify(errors)})`,
  });
  session.close();
  expect(errors).toEqual([]);
  expect(gateway.stderr).toBe('');
});

test('the OpenAI agents SDK holds a call in the format of a telephone, and measures it rightly', async () => {
  await using gateway = await GatewayProcess.start();
  await gateway.event('ready');
  const url = `${(await gateway.url()).replace('http', 'ws')}/v1/realtime`;
  // It translates the words of the beta itself.
  const audio = { input: { format: 'g711_ulaw' }, output: { format: 'g711_ulaw' } } as const;
  const session = new RealtimeSession(new RealtimeAgent({ name: 'echo', instructions: 'Echo.' }), {
    transport: 'websocket',
    config: { audio },
  });
  const errors: unknown[] = [];
  const formats: unknown[] = [];
  let audioBytes = 0;
  let done = false;
  session.on('error', (error) => errors.push(error));
  session.on('audio', ({ data }) => {
    audioBytes += data.byteLength;
  });
  session.on('transport_event', (event) => {
    if (event.type === 'response.done') {
      formats.push(event.response.audio?.output?.format);
      done = true;
    }
  });
  await session.connect({ apiKey: 'none', url });
  session.sendMessage('Hello from the telephone');
  await until(() => done, { timeoutMs: 20_000, what: `the answer (errors: ${JSON.stringify(errors)})` });
  session.close();
  expect(errors).toEqual([]);
  expect(formats).toEqual([{ type: 'audio/pcmu' }]);
  // One to three seconds of one byte a sample.
  expect(audioBytes / 8000).toBeGreaterThan(1);
  expect(audioBytes / 8000).toBeLessThan(3);
});

test('an upgrade is for /v1/realtime only, and an unknown model is refused before the connection is accepted', async () => {
  await using gateway = await GatewayProcess.start({
    config: {
      engines: { voice: { builtin: 'flite' }, activity: { builtin: 'silero' } },
      pipelines: { default: { kind: 'echo', speak: 'voice', vad: 'activity' } },
    },
  });
  const base = (await gateway.url()).replace('http', 'ws');
  const refusal = (path: string) =>
    new Promise((resolve) => {
      const socket = new WebSocket(`${base}${path}`);
      socket.on('unexpected-response', (_, response) => {
        resolve(response.statusCode);
        response.destroy();
      });
      socket.on('open', () => resolve('opened'));
      socket.on('error', () => undefined);
    });
  expect(await refusal('/v1/nope')).toBe(404);
  expect(await refusal('/healthz')).toBe(404);
  expect(await refusal('/v1/realtime?model=nobody')).toBe(404);
  expect(await refusal('/v1/realtime?model=default')).toBe('opened');
});
