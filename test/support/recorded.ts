// A gateway that records, its callers, and what it has recorded.
import { join } from 'node:path';
import { Caller } from './caller.ts';
import type { TestFolder } from './folder.ts';
import { fixture, type GatewayAsked, GatewayProcess, type GatewayProcessOptions } from './gateway-process.ts';
import { until } from './poll.ts';

const config = {
  engines: {
    voice: { worker: fixture('gateway/tone.mjs'), options: { chunkMs: 20 } },
    activity: { builtin: 'silero' },
  },
  pipelines: { default: { kind: 'echo', speak: 'voice', vad: 'activity' } },
};
export const recorded = { ...config, sessions: { record: true } };

export interface Take {
  readonly id: string;
  readonly session: string;
  readonly take: number;
  readonly state: string;
  readonly reason: string | null;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly caller: { readonly samples: number; readonly durationMs: number };
  readonly assistant: { readonly samples: number };
  readonly events: number;
  readonly bytes: number;
}

export function up(folder: TestFolder, options: GatewayProcessOptions = {}): Promise<GatewayProcess> {
  return GatewayProcess.start({ config, args: ['--data', join(folder.path, 'data')], ...options });
}

export const recordings = (folder: TestFolder) => join(folder.path, 'data', 'recordings');

export async function takes(gateway: GatewayAsked, query = ''): Promise<readonly Take[]> {
  return ((await gateway.json(`/api/recordings${query}`)).body as { data: readonly Take[] }).data;
}

export async function take(gateway: GatewayAsked, fits: (take: Take) => boolean): Promise<Take> {
  return until(async () => (await takes(gateway)).find(fits), { timeoutMs: 10_000, what: 'the recording' });
}

export function post(gateway: GatewayAsked, session: string, on: boolean) {
  const init = { method: 'POST', body: JSON.stringify({ on }) };
  return gateway.json(`/api/sessions/${session}/recording`, init);
}

/** Without turn detection, so that the buffer is the caller's own. */
export async function quietCaller(gateway: GatewayAsked): Promise<{ caller: Caller; session: string }> {
  const caller = await Caller.call(await gateway.url());
  const { session } = await caller.event('session.created');
  caller.send({
    type: 'session.update',
    session: { type: 'realtime', audio: { input: { turn_detection: null } } },
  });
  await caller.event('session.updated');
  return { caller, session: String((session as { id: string }).id) };
}

export function noise(samples: number, seed = 1): Int16Array {
  let state = seed;
  return Int16Array.from({ length: samples }, () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return (state >> 8) % 20_000;
  });
}

/** In pieces of an odd length of bytes, as a stream may be cut. */
export function speak(caller: Caller, pcm: Int16Array, pieceBytes = 961): void {
  const bytes = Buffer.from(pcm.buffer, pcm.byteOffset, pcm.byteLength);
  for (let at = 0; at < bytes.length; at += pieceBytes)
    caller.send({
      type: 'input_audio_buffer.append',
      audio: bytes.subarray(at, at + pieceBytes).toString('base64'),
    });
}

export async function fetched(gateway: GatewayAsked, path: string, headers: Record<string, string> = {}) {
  const response = await fetch(`${await gateway.url()}${path}`, { headers });
  return { response, bytes: Buffer.from(await response.arrayBuffer()) };
}

export async function answered(caller: Caller, text: string): Promise<void> {
  const before = caller.all('response.done').length;
  caller.say(text);
  await until(() => caller.all('response.done').length > before, { timeoutMs: 10_000, what: 'the answer' });
}

export async function leave(gateway: GatewayProcess, signal: NodeJS.Signals = 'SIGTERM') {
  const askedMs = performance.now();
  gateway.child.kill(signal);
  return gateway.end(askedMs);
}
