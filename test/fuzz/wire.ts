// Random calls on a real gateway: events of every kind, right and wrong, in any order, at any speed, by callers that
// leave when they like. Every frame that comes back must be one that the client library of @openai/agents-realtime
// knows; every refusal has a code; the gateway lives and is empty afterwards.
import WebSocket from 'ws';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';
import { type WireEvent, whyNotUnderstood } from '../unit/wire/agents-schema.ts';
import { mutate, seeded, someText } from './mutate.ts';

type Random = (below: number) => number;

const audio = (random: Random) => Buffer.alloc(2 * (1 + random(4800)), random(256)).toString('base64');
const ids = ['a', 'b', 'c', 'item_1', 'item_2', 'root'];
const id = (random: Random) => ids[random(ids.length)];

const makers: readonly ((random: Random) => Record<string, unknown>)[] = [
  (random) => ({ type: 'input_audio_buffer.append', audio: audio(random) }),
  () => ({ type: 'input_audio_buffer.commit' }),
  () => ({ type: 'input_audio_buffer.clear' }),
  (random) => ({
    type: 'conversation.item.create',
    ...(random(3) === 0 && { previous_item_id: id(random) }),
    item: {
      ...(random(2) === 0 && { id: id(random) }),
      type: 'message',
      role: ['user', 'assistant', 'system'][random(3)],
      content: [
        { type: ['input_text', 'output_text', 'input_audio'][random(3)], text: someText(random(1e6)) },
      ],
    },
  }),
  (random) => ({
    type: 'conversation.item.create',
    item: { type: 'function_call', name: 'f', arguments: '{}', call_id: id(random) },
  }),
  (random) => ({ type: 'conversation.item.delete', item_id: id(random) }),
  (random) => ({ type: 'conversation.item.retrieve', item_id: id(random) }),
  (random) => ({
    type: 'conversation.item.truncate',
    item_id: id(random),
    content_index: random(2),
    audio_end_ms: random(2000),
  }),
  (random) => ({ type: 'response.create', ...(random(2) && { response: { output_modalities: ['text'] } }) }),
  () => ({ type: 'response.cancel' }),
  (random) => ({
    type: 'session.update',
    session: {
      type: 'realtime',
      instructions: someText(random(1e6)),
      audio: {
        input: {
          turn_detection: [
            null,
            { type: 'server_vad', silence_duration_ms: random(900) },
            { type: 'semantic_vad', eagerness: 'high' },
          ][random(3)],
        },
      },
    },
  }),
  () => ({ type: 'output_audio_buffer.clear' }),
];

export interface WireReport {
  readonly calls: number;
  readonly frames: number;
}

/** @throws Error with the seed of the call that found something */
export async function fuzzWire(
  gateway: GatewayProcess,
  options: { readonly seed: number; readonly untilMs: number },
): Promise<WireReport> {
  const url = `${(await gateway.url()).replace('http', 'ws')}/v1/realtime`;
  let calls = 0;
  let frames = 0;
  const worker = async (lane: number) => {
    for (let number = 0; performance.now() < options.untilMs; number += 1) {
      const seed = options.seed + lane * 1_000_000 + number;
      frames += await oneCall(url, seed);
      calls += 1;
      if (gateway.child.exitCode !== null || gateway.stderr !== '')
        throw new Error(
          `wire seed ${seed}: the gateway said: ${gateway.stderr} (exit ${gateway.child.exitCode})`,
        );
    }
  };
  await Promise.all([0, 1, 2, 3].map(worker));
  await until(
    async () => {
      const { body } = await gateway.json('/api/sessions');
      return (body as { data: unknown[] }).data.length === 0;
    },
    { timeoutMs: 30_000, what: 'every session to be gone' },
  );
  return { calls, frames };
}

async function oneCall(url: string, seed: number): Promise<number> {
  const random = seeded(seed);
  const socket = new WebSocket(url);
  let frames = 0;
  let fault: Error | undefined;
  socket.on('error', () => undefined);
  socket.on('message', (data) => {
    frames += 1;
    const frame = JSON.parse(String(data)) as WireEvent & { readonly error?: { readonly code?: unknown } };
    const uncoded = frame.type === 'error' && (!frame.error?.code || frame.error.code === 'internal_error');
    const why = uncoded ? String(data).slice(0, 500) : whyNotUnderstood(frame);
    if (why) fault ??= new Error(`wire seed ${seed}: ${why}`);
  });
  const closed = new Promise<number>((resolve) => socket.once('close', resolve));
  await Promise.race([new Promise((resolve) => socket.once('open', resolve)), closed]);
  const count = 1 + random(60);
  for (let sent = 0; sent < count && socket.readyState === WebSocket.OPEN; sent += 1) {
    send(socket, random);
    if (random(5) === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  if (random(2) === 0) socket.terminate();
  else socket.close(1000);
  const code = await closed;
  if (![1000, 1002, 1005, 1006, 1007, 1009, 4408].includes(code))
    fault ??= new Error(`wire seed ${seed}: closed with ${code}`);
  if (fault) throw fault;
  return frames;
}

function send(socket: WebSocket, random: Random): void {
  const make = makers[random(makers.length)] ?? makers[0];
  const event = make?.(random);
  switch (random(10)) {
    case 0:
      return socket.send(JSON.stringify(event).slice(0, random(200)));
    case 1:
      return socket.send(Buffer.from(JSON.stringify(event)));
    case 2:
    case 3:
    case 4:
      return socket.send(JSON.stringify(mutate(event, random, 1 + random(3))) ?? 'undefined');
    default:
      return socket.send(JSON.stringify(event));
  }
}
