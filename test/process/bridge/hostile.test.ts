// Callers and upstreams of a bridge that mean harm: a real gateway stays up, and whoever sent it is told or passed over.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { WebSocket } from 'ws';
import { Caller } from '../../support/caller.ts';
import { GatewayProcess } from '../../support/gateway-process.ts';
import { ScriptedUpstream, type ScriptedUpstreamOptions } from '../../support/upstream/scripted.ts';

async function world(options: ScriptedUpstreamOptions = {}) {
  const stack = new AsyncDisposableStack();
  const upstream = stack.use(await ScriptedUpstream.start(options));
  const pipelines = { default: { kind: 'bridge', url: upstream.url, key: 'env:KEY' } };
  const env = { KEY: 'sk-very-secret-key' };
  const gateway = stack.use(await GatewayProcess.start({ config: { engines: {}, pipelines }, env }));
  const url = await gateway.url();
  const call = async () => stack.use(await Caller.call(url, '?notices=1'));
  return { stack, upstream, gateway, url, call };
}

/** Two hundred thousand levels of it: JSON.parse reads that, and JSON.stringify runs out of stack. */
const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
/** What no text can be made of. */
const untextable = { toString: 1, valueOf: 1 };

const alive = async (gateway: GatewayProcess) => expect((await gateway.json('/healthz')).status).toBe(200);

const refused = (caller: Caller, eventId: string) =>
  caller.event('error', ({ error }) => (error as { event_id?: unknown }).event_id === eventId, 5000);

test('what nests too deep, and what no text can be made of, is an error to its caller', async () => {
  const { stack, upstream, gateway, call } = await world({ opens: 'mute' });
  await using _ = stack;
  const caller = await call();
  const session = (what: string) => `{"type":"session.update","event_id":"a","session":${what}}`;
  const create = (what: string) => `{"type":"response.create","event_id":"b","response":${what}}`;
  for (const text of [
    session(`{"audio":{"input":{"turn_detection":${deep}}}}`),
    session(JSON.stringify({ audio: { input: { turn_detection: { type: untextable } } } })),
    session(JSON.stringify({ audio: { output: { voice: [untextable] } } })),
    create(`{"metadata":${deep}}`),
    create(JSON.stringify({ audio: { output: { voice: [untextable] } } })),
  ])
    caller.socket.send(text);
  await refused(caller, 'a');
  await alive(gateway);
  expect(upstream.violations).toEqual([]);
});

async function ready(options?: ScriptedUpstreamOptions) {
  const made = await world(options);
  const caller = await made.call();
  const { socket, model } = await made.upstream.connection();
  await caller.lobby('ready');
  return { ...made, caller, socket: socket as WebSocket, model };
}

test('garbage of an upstream does no harm, and is not handed on', async () => {
  const { stack, gateway, caller, socket } = await ready({ responds: 'told' });
  await using _ = stack;
  const created = (rest: string) => `{"type":"response.created","response":{"id":"resp_1",${rest}}}`;
  for (const frame of [
    '{"type":"response.created"',
    'null',
    '[]',
    '"text"',
    '{}',
    '{"type":{}}',
    `{"type":"session.updated","session":{"x":${deep}}}`,
    created(`"metadata":{"greenroom_create":"x","y":${deep}}`),
    JSON.stringify({ type: 'response.done', response: { id: 'resp_0', output: [{ id: untextable }] } }),
    JSON.stringify({
      type: 'session.updated',
      session: { tools: [null, untextable], instructions: untextable },
    }),
    JSON.stringify({ type: 'error', error: { code: untextable, message: untextable, event_id: untextable } }),
    JSON.stringify({ type: 'error', error: null }),
    JSON.stringify({
      type: 'conversation.item.added',
      item: { id: 'i', type: 'message', content: [untextable] },
    }),
    JSON.stringify({ type: 'response.output_audio.delta', item_id: 'nobody', delta: untextable }),
  ])
    socket.send(frame);
  socket.send(Buffer.alloc(1000), { binary: true });
  socket.send(JSON.stringify({ type: 'response.output_text.delta', item_id: 'nobody', delta: 'last' }));
  await caller.event('response.output_text.delta', () => true, 5000);
  await alive(gateway);
});

test('a key that upstream repeats is neither handed on nor logged', async () => {
  const { stack, gateway, caller, socket } = await ready();
  await using _ = stack;
  const message = 'Incorrect API key: sk-very-secret-key';
  socket.send(JSON.stringify({ type: 'error', error: { type: 'x', code: 'invalid_api_key', message } }));
  socket.send('sk-very-secret-key');
  await caller.event('error', () => true, 5000);
  socket.close(1001, 'bad sk-very-secret-key');
  await caller.ended();
  const shown = [
    caller.events,
    caller.closed,
    gateway.stderr,
    gateway.events,
    await gateway.json('/api/pipelines'),
  ];
  expect(JSON.stringify(shown)).not.toContain('sk-very-secret-key');
  expect(JSON.stringify(await gateway.lastLogged())).not.toContain('sk-very-secret-key');
});

test('a flood of garbage from upstream is one line of the log, and ends behind what it came before', async () => {
  const { stack, gateway, caller, socket } = await ready({ responds: 'told' });
  await using _ = stack;
  for (let count = 0; count < 5000; count += 1) socket.send('{"type":');
  socket.send(JSON.stringify({ type: 'response.output_text.delta', item_id: 'nobody', delta: 'last' }));
  socket.close(1012, 'restart');
  await caller.ended();
  expect(caller.all('response.output_text.delta')).toHaveLength(1);
  const log = await readFile(join(gateway.folder.path, '.greenroom', 'logs', 'greenroom.log'), 'utf8');
  expect(log.match(/a frame of upstream failed/g)).toHaveLength(1);
});
