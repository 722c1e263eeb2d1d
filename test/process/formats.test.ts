// Echo calls in the formats of telephones and sound cards, over real sockets, with real speech and real engines.
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Coding, StreamDecoder, StreamEncoder } from '../../src/audio/coding.ts';
import { concatPcm } from '../../src/audio/pcm.ts';
import { resample } from '../../src/audio/resample.ts';
import { parseWav } from '../../src/audio/wav.ts';
import { Caller } from '../support/caller.ts';
import { bin, GatewayProcess } from '../support/gateway-process.ts';
import { type WireEvent, whyNotUnderstood } from '../unit/wire/agents-schema.ts';

const insideHz = 24_000;

interface Side {
  readonly format: object;
  readonly coding: Coding;
}

const pcm = (rateHz: number): Side => ({
  format: { type: 'audio/pcm', rate: rateHz },
  coding: { law: 'linear', rateHz },
});
const pcmu: Side = { format: { type: 'audio/pcmu' }, coding: { law: 'ulaw', rateHz: 8000 } };
const pcma: Side = { format: { type: 'audio/pcma' }, coding: { law: 'alaw', rateHz: 8000 } };

/** A WAV of a spoken line, as samples at 24 kHz. */
async function speechOf(gateway: GatewayProcess): Promise<Int16Array> {
  const args = ['talk', '--text', 'The quick brown fox jumps over the lazy dog.', '--out', 'speech.wav'];
  const child = spawn(process.execPath, [bin, ...args], { cwd: gateway.folder.path, stdio: 'ignore' });
  expect(await new Promise((resolve) => child.on('close', resolve))).toBe(0);
  const { pcm: speech, rateHz } = parseWav(await readFile(join(gateway.folder.path, 'speech.wav')));
  return resample(speech, rateHz, insideHz);
}

/** In packets of 20 ms and a bit, so that they cut samples in two. */
function append(caller: Caller, speech: Int16Array, { coding }: Side): void {
  const encoder = new StreamEncoder(insideHz, coding);
  const bytes = Buffer.concat([encoder.push(speech), encoder.flush()]);
  const packetBytes = Math.round((bytes.length * 20) / (speech.length / 24)) | 1;
  for (let at = 0; at < bytes.length; at += packetBytes) {
    const audio = bytes.subarray(at, at + packetBytes).toString('base64');
    caller.send({ type: 'input_audio_buffer.append', audio });
  }
}

function heard(caller: Caller, { coding }: Side): { readonly pcm: Int16Array; readonly longestMs: number } {
  const decoder = new StreamDecoder(coding, insideHz);
  const deltas = caller
    .all('response.output_audio.delta')
    .map(({ delta }) => Buffer.from(String(delta), 'base64'));
  expect(deltas.every(({ length }) => length > 0)).toBe(true);
  const parts = deltas.map((delta) => decoder.push(delta));
  return {
    pcm: concatPcm([...parts, decoder.flush()]),
    longestMs: Math.max(...parts.map(({ length }) => length)) / 24,
  };
}

/** As a line of so many Hz passes it on. */
const through = (speech: Int16Array, rateHz: number) =>
  resample(resample(speech, insideHz, rateHz), rateHz, insideHz);

/** 1 when both are the same but for their loudness; nothing is shifted against the other. */
function likeness(one: Int16Array, other: Int16Array): number {
  let [product, mine, theirs] = [0, 0, 0];
  for (let at = 0; at < Math.min(one.length, other.length); at++) {
    const [a, b] = [one[at] ?? 0, other[at] ?? 0];
    product += a * b;
    mine += a * a;
    theirs += b * b;
  }
  return product / Math.sqrt(mine * theirs);
}

function expectUnderstood(caller: Caller): void {
  for (const event of caller.events) expect(whyNotUnderstood(event as WireEvent)).toBeNull();
}

test('speech goes in as µ-law and comes back as A-law, in at 16 kHz and back at 48 kHz: as long, and the same speech', async () => {
  await using gateway = await GatewayProcess.start();
  await gateway.event('ready');
  const speech = await speechOf(gateway);
  const calls = [
    // What a telephone passes on has no more than 3.6 kHz; G.711 twice is some 35 dB below it.
    { speaks: pcmu, listens: pcma, lineHz: 8000, least: 0.998 },
    { speaks: pcm(16_000), listens: pcm(48_000), lineHz: 16_000, least: 0.99999 },
    { speaks: pcm(44_100), listens: pcm(22_050), lineHz: 22_050, least: 0.99999 },
  ];
  for (const { speaks, listens, lineHz, least } of calls) {
    await using caller = await Caller.call(await gateway.url(), '');
    const input = { format: speaks.format, turn_detection: null };
    caller.send({
      type: 'session.update',
      session: { audio: { input, output: { format: listens.format } } },
    });
    append(caller, speech, speaks);
    caller.send({ type: 'input_audio_buffer.commit' });
    caller.send({ type: 'response.create' });
    expect(await caller.event('session.updated')).toMatchObject({
      session: { audio: { input: { format: speaks.format }, output: { format: listens.format } } },
    });
    expect(await caller.event('response.done')).toMatchObject({
      response: { status: 'completed', audio: { output: { format: listens.format } } },
    });
    const back = heard(caller, listens);
    expect(Math.abs(back.pcm.length - speech.length) / 24).toBeLessThan(back.longestMs);
    // More than a delta: to a sample of the slowest line on the way.
    expect(Math.abs(back.pcm.length - speech.length)).toBeLessThanOrEqual(insideHz / 8000);
    expect(likeness(back.pcm, through(speech, lineHz))).toBeGreaterThan(least);
    // And against the speech as it was spoken, with the highs that the line cuts off.
    expect(likeness(back.pcm, speech)).toBeGreaterThan(0.95);
    expectUnderstood(caller);
  }
});

test('a telephone call: turns are heard where they are, and an answer that is cut short counts in real time', async () => {
  await using gateway = await GatewayProcess.start();
  await gateway.event('ready');
  const speech = await speechOf(gateway);
  const turns: { readonly startMs: number; readonly endMs: number }[] = [];
  for (const side of [pcm(24_000), pcmu]) {
    await using caller = await Caller.call(await gateway.url(), '');
    caller.send({
      type: 'session.update',
      session: { audio: { input: { format: side.format }, output: { format: side.format } } },
    });
    append(caller, concatPcm([new Int16Array(12_000), speech, new Int16Array(24_000)]), side);
    const started = await caller.event('input_audio_buffer.speech_started');
    const stopped = await caller.event('input_audio_buffer.speech_stopped');
    turns.push({ startMs: Number(started['audio_start_ms']), endMs: Number(stopped['audio_end_ms']) });
    await caller.event('response.done');
    const item = (await caller.event('response.output_item.done'))['item'] as { id: string };
    const { length } = heard(caller, side).pcm;
    caller.send({
      type: 'conversation.item.truncate',
      item_id: item.id,
      content_index: 0,
      audio_end_ms: 3_600_000,
    });
    const truncated = await caller.event('conversation.item.truncated');
    expect(Math.abs(Number(truncated['audio_end_ms']) - length / 24)).toBeLessThan(1);
    expectUnderstood(caller);
  }
  const [wide, telephone] = turns;
  // Two frames of the detector: it hears a little otherwise without the highs.
  expect(Math.abs((wide?.startMs ?? 0) - (telephone?.startMs ?? 0))).toBeLessThanOrEqual(96);
  expect(Math.abs((wide?.endMs ?? 0) - (telephone?.endMs ?? 0))).toBeLessThanOrEqual(96);
});
