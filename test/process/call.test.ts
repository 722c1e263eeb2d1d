// The echo call as a newcomer makes it: the built gateway, the built `talk`, real engines, real audio both ways.
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { resample } from '../../src/audio/resample.ts';
import { parseWav } from '../../src/audio/wav.ts';
import { Caller } from '../support/caller.ts';
import { bin, fixture, GatewayProcess } from '../support/gateway-process.ts';
import { paced } from '../support/poll.ts';

interface Talked {
  readonly code: number | null;
  readonly stderr: string;
  readonly events: readonly { readonly event: string; readonly [key: string]: unknown }[];
}

/** Runs `greenroom talk` beside the gateway, in its folder. */
async function talk(gateway: GatewayProcess, ...args: readonly string[]): Promise<Talked> {
  const child = spawn(process.execPath, [bin, 'talk', '--json', ...args], {
    cwd: gateway.folder.path,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk;
  });
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  const events = out
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { event: string });
  return { code, stderr, events };
}

async function audioOf(gateway: GatewayProcess, name: string): Promise<Int16Array> {
  const { pcm, rateHz } = parseWav(await readFile(join(gateway.folder.path, name)));
  return resample(pcm, rateHz, 24_000);
}

/** The best match of `part` somewhere in `whole`, 0 to 1: normalised correlation over a coarse search. */
function likeness(whole: Int16Array, part: Int16Array): number {
  let best = 0;
  const energy = (pcm: Int16Array, from: number) => {
    let sum = 0;
    for (let at = 0; at < part.length; at += 7) sum += (pcm[from + at] ?? 0) ** 2;
    return sum;
  };
  const own = energy(part, 0);
  for (let shift = 0; shift + part.length <= whole.length; shift += 1) {
    let dot = 0;
    for (let at = 0; at < part.length; at += 7) dot += (whole[shift + at] ?? 0) * (part[at] ?? 0);
    best = Math.max(best, dot / Math.sqrt(own * energy(whole, shift) || 1));
  }
  return best;
}

test('a typed line is spoken, and the speech sent back comes back as the same speech', async () => {
  await using gateway = await GatewayProcess.start();
  // By its address: the run record, by which it is found otherwise, is written a moment after the door is open.
  const url = await gateway.url();
  const line = 'Good morning. This is a real call.';
  const typed = await talk(gateway, '--url', url, '--text', line, '--out', 'speech.wav');
  expect({ code: typed.code, stderr: typed.stderr }).toMatchObject({ code: 0 });
  expect(typed.events.find(({ event }) => event === 'answer')).toMatchObject({
    transcript: 'Good morning. This is a real call.',
  });
  const speech = await audioOf(gateway, 'speech.wav');
  expect(speech.length / 24_000).toBeGreaterThan(1.5);

  const spoken = await talk(gateway, '--file', 'speech.wav', '--out', 'back.wav');
  expect(spoken).toMatchObject({ code: 0 });
  expect(spoken.events.filter(({ event }) => event === 'speech_started').length).toBeGreaterThan(0);
  const back = await audioOf(gateway, 'back.wav');
  expect(back.length / 24_000).toBeGreaterThan(1);
  // A stretch from the middle of what was said is in what came back, sample for sample.
  const middle = speech.subarray(Math.floor(speech.length / 3), Math.floor(speech.length / 3) + 4800);
  expect(likeness(back, middle)).toBeGreaterThan(0.99);
});

test('push to talk sends a whole file and gets all of it back', async () => {
  await using gateway = await GatewayProcess.start();
  await gateway.event('ready');
  await talk(gateway, '--text', 'One two three.', '--out', 'speech.wav');
  expect(await talk(gateway, '--file', 'speech.wav', '--push-to-talk', '--out', 'back.wav')).toMatchObject({
    code: 0,
  });
  expect(await audioOf(gateway, 'back.wav')).toEqual(await audioOf(gateway, 'speech.wav'));
});

test('new speech stops the answer under way', async () => {
  await using gateway = await GatewayProcess.start({
    config: {
      engines: {
        slow: { worker: fixture('gateway/tone.mjs'), options: { chunkMs: 50 } },
        voice: { builtin: 'flite' },
        activity: { builtin: 'silero' },
      },
      pipelines: {
        default: { kind: 'echo', speak: 'slow', vad: 'activity' },
        voice: { kind: 'echo', speak: 'voice', vad: 'activity' },
      },
    },
  });
  await gateway.event('ready');
  await talk(
    gateway,
    '--model',
    'voice',
    '--text',
    'Please stop talking now, I have something to say.',
    '--out',
    'speech.wav',
  );
  const speech = await audioOf(gateway, 'speech.wav');

  await using caller = await Caller.call(await gateway.url());
  caller.say('a'.repeat(400));
  await caller.event('response.output_audio.delta');
  let at = 0;
  for await (const _ of paced(20)) {
    const pcm = speech.slice(at, at + 480);
    caller.send({ type: 'input_audio_buffer.append', audio: Buffer.from(pcm.buffer).toString('base64') });
    at += 480;
    if (caller.all('response.done').length > 0 || at > speech.length) break;
  }
  const [started] = caller.all('input_audio_buffer.speech_started');
  expect(started).toBeDefined();
  const done = await caller.event('response.done');
  expect(done).toMatchObject({
    response: { status: 'cancelled', status_details: { reason: 'turn_detected' } },
  });
  const before = caller.events.indexOf(done);
  const late = caller.events
    .slice(before)
    .filter(
      (event) =>
        event.type === 'response.output_audio.delta' &&
        event['response_id'] === (done['response'] as { id: string }).id,
    );
  expect(late).toEqual([]);
});

test('wait answers 0 when the gateway is ready, and 69 with the reason when an engine has failed', async () => {
  const waits = (gateway: GatewayProcess) =>
    new Promise<{ code: number | null; stderr: string }>((resolve) => {
      const child = spawn(process.execPath, [bin, 'wait', '--timeout', '20s'], {
        cwd: gateway.folder.path,
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      let stderr = '';
      child.stderr.on('data', (chunk: Buffer) => {
        stderr += chunk;
      });
      child.on('close', (code) => resolve({ code, stderr }));
    });
  await using good = await GatewayProcess.start();
  expect(await waits(good)).toMatchObject({ code: 0 });
  await using bad = await GatewayProcess.start({
    config: {
      engines: {
        voice: { worker: fixture('gateway/fails.mjs'), options: { how: 'throw' } },
        activity: { builtin: 'silero' },
      },
      pipelines: { default: { kind: 'echo', speak: 'voice', vad: 'activity' } },
    },
  });
  const failed = await waits(bad);
  expect(failed.code).toBe(69);
  expect(failed.stderr).toContain('the model is corrupt at byte 4096');
});
