// Callers who send WebM/Opus as a browser's recorder gives it: heard as PCM is, kept as it came, and brought along.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseWav, writeWav } from '../../src/audio/wav.ts';
import type { Caller } from '../support/caller.ts';
import { testFolder } from '../support/folder.ts';
import { fixture, type GatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';
import {
  fetched,
  noise,
  post,
  quietCaller,
  recorded,
  recordings,
  speak,
  type Take,
  take,
  up,
} from '../support/recorded.ts';

/** 2.94 s of 440 Hz: fixtures/webm/README.md. */
const tone = await readFile(fixture('webm/tone.webm'));
const toneSamples = 70_560;

const useFormat = (caller: Caller, format: object) =>
  caller.send({ type: 'session.update', session: { type: 'realtime', audio: { input: { format } } } });

function stream(caller: Caller, bytes: Buffer, pieceBytes = 280): void {
  for (let at = 0; at < bytes.length; at += pieceBytes)
    caller.send({
      type: 'input_audio_buffer.append',
      audio: bytes.subarray(at, at + pieceBytes).toString('base64'),
    });
}

test('a stream in pieces is heard whole before its commit, and kept as it came', async () => {
  await using folder = await testFolder();
  await using gateway = await up(folder, { config: recorded });
  await gateway.event('ready');
  const { caller, session } = await quietCaller(gateway);
  await using _ = caller;
  useFormat(caller, { type: 'audio/webm' });
  stream(caller, tone);
  caller.send({ type: 'input_audio_buffer.commit' });
  caller.send({ type: 'response.create' });
  await caller.event('response.done');
  expect(caller.all('error')).toEqual([]);
  const heard = Buffer.concat(
    caller.all('response.output_audio.delta').map(({ delta }) => Buffer.from(String(delta), 'base64')),
  );
  expect(heard.length / 2).toBe(toneSamples);
  caller.socket.close();
  const done = await take(gateway, ({ state }) => state === 'finished');
  expect(done.caller).toEqual({
    ...{ file: 'raw_stream.webm', container: 'webm', codec: 'opus', rateHz: 48_000 },
    ...{ samples: toneSamples * 2, durationMs: 2940, formats: ['audio/webm'] },
  });
  const { response, bytes } = await fetched(gateway, `/api/recordings/${session}/1/audio`);
  expect(response.headers.get('content-type')).toBe('audio/webm');
  expect(bytes.equals(tone)).toBe(true);
  const part = await fetched(gateway, `/api/recordings/${session}/1/audio`, { range: 'bytes=10-19' });
  expect(part.bytes.equals(tone.subarray(10, 20))).toBe(true);
  expect((await readFile(join(recordings(folder), session, '1', 'raw_stream.webm'))).equals(tone)).toBe(true);
});

test('PCM, WebM and PCM again: nothing is lost, each has a file', async () => {
  await using folder = await testFolder();
  await using gateway = await up(folder, { config: recorded });
  await gateway.event('ready');
  const { caller, session } = await quietCaller(gateway);
  await using _ = caller;
  const pcm = noise(4800);
  speak(caller, pcm, 960);
  useFormat(caller, { type: 'audio/webm' });
  stream(caller, tone, 1000);
  useFormat(caller, { type: 'audio/pcm', rate: 24_000 });
  speak(caller, pcm, 960);
  caller.send({ type: 'input_audio_buffer.commit' });
  caller.send({ type: 'response.create' });
  await caller.event('response.done');
  const heard = caller
    .all('response.output_audio.delta')
    .reduce((sum, { delta }) => sum + Buffer.byteLength(String(delta), 'base64'), 0);
  expect(heard / 2).toBe(toneSamples + 2 * 4800);
  expect(await post(gateway, session, false)).toMatchObject({ status: 200 });
  const done = await take(gateway, ({ state }) => state === 'finished');
  expect(done).toMatchObject({
    caller: { file: 'raw_stream.wav', samples: 4800 },
    callerMore: [
      { file: 'raw_stream.2.webm', samples: toneSamples * 2 },
      { file: 'raw_stream.3.wav', samples: 4800 },
    ],
  });
  const path = `/api/recordings/${session}/1/audio`;
  for (const piece of [1, 3]) {
    const { bytes } = await fetched(gateway, `${path}?piece=${piece}`);
    expect([...parseWav(bytes).pcm]).toEqual([...pcm]);
  }
  expect((await fetched(gateway, `${path}?piece=2`)).bytes.equals(tone)).toBe(true);
  expect((await fetched(gateway, `${path}?piece=4`)).response.status).toBe(404);
  expect(await gateway.json(`/api/recordings/${session}/1`, { method: 'DELETE' })).toMatchObject({
    status: 200,
  });
});

test('recorded from the middle of a stream on: the take can be played, from its first whole packet', async () => {
  await using folder = await testFolder();
  await using gateway = await up(folder);
  await gateway.event('ready');
  const { caller, session } = await quietCaller(gateway);
  await using _ = caller;
  useFormat(caller, { type: 'audio/webm' });
  // In the middle of a block.
  const cut = 3001;
  stream(caller, tone.subarray(0, cut));
  caller.send({ type: 'session.update', session: { type: 'realtime', greenroom: { record: true } } });
  await caller.event('greenroom.notice', (event) => event['state'] === 'on');
  stream(caller, tone.subarray(cut));
  expect(await sizeOf(caller)).toBe(toneSamples);
  expect(await post(gateway, session, false)).toMatchObject({ status: 200 });
  const done = await take(gateway, ({ state }) => state === 'finished');
  const { bytes } = await fetched(gateway, `/api/recordings/${session}/1/audio`);
  // What came after the cut is in it as it came, behind what a stream begins with.
  expect(bytes.subarray(bytes.length - (tone.length - cut)).equals(tone.subarray(cut))).toBe(true);
  const imported = await bring(gateway, bytes);
  expect(imported.status).toBe(201);
  const { caller: kept } = imported.body as Take;
  expect(kept.samples).toBe(done.caller.samples);
  expect(kept.samples).toBeGreaterThan(40_000);
  expect(kept.samples).toBeLessThan(toneSamples * 2);
});

test('a stream that breaks is told with its byte, once; the session goes on, and so does the next stream', async () => {
  await using folder = await testFolder();
  await using gateway = await up(folder);
  await gateway.event('ready');
  const { caller } = await quietCaller(gateway);
  await using _ = caller;
  useFormat(caller, { type: 'audio/webm' });
  stream(caller, tone.subarray(0, 2000));
  caller.send({
    ...{ type: 'input_audio_buffer.append', event_id: 'odd' },
    audio: Buffer.alloc(3000, 0x42).toString('base64'),
  });
  stream(caller, Buffer.alloc(3000, 0x43));
  expect(await caller.event('error')).toMatchObject({
    error: {
      ...{ type: 'invalid_request_error', code: 'invalid_audio', param: 'audio', event_id: 'odd' },
      message: expect.stringMatching(/broken at byte [0-9]+: .*begin a new stream/),
    },
  });
  caller.send({ type: 'input_audio_buffer.clear' });
  stream(caller, tone);
  expect(await sizeOf(caller)).toBe(toneSamples);
  expect(caller.all('error').length).toBe(1);
  useFormat(caller, { type: 'audio/webm' });
  caller.send({
    type: 'session.update',
    session: { type: 'realtime', audio: { output: { format: { type: 'audio/webm' } } } },
  });
  await until(() => caller.all('error').length === 2, { timeoutMs: 5000, what: 'the refusal' });
  expect(caller.all('error')[1]).toMatchObject({ error: { param: 'session.audio.output.format.type' } });
  // A whole stream in an item.
  const content = [{ type: 'input_audio', audio: tone.toString('base64') }];
  caller.send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content } });
  const added = await caller.event('conversation.item.done', ({ item }) =>
    JSON.stringify(item).includes('"input_audio"'),
  );
  caller.send({ type: 'conversation.item.retrieve', item_id: (added['item'] as { id: string }).id });
  const { item } = await caller.event('conversation.item.retrieved');
  const [part] = (item as { content: { audio: string }[] }).content;
  // Given back as PCM16 at 24 kHz.
  expect(Buffer.byteLength(String(part?.audio), 'base64') / 2).toBe(toneSamples);
});

test('recordings are brought along: WAV and WebM by their content, and nothing else', async () => {
  await using folder = await testFolder();
  await using gateway = await up(folder, { config: { ...recorded, recordings: { import: '64KiB' } } });
  await gateway.event('ready');
  const webm = await bring(gateway, tone);
  expect(webm).toMatchObject({
    status: 201,
    body: {
      ...{ id: expect.stringMatching(/^import_[0-9a-f]{32}\/1$/), source: 'import', state: 'finished' },
      ...{ reason: 'imported', bytes: tone.length, callerMore: [] },
      caller: { container: 'webm', codec: 'opus', rateHz: 48_000, durationMs: 2940 },
    },
  });
  const wavBytes = Buffer.from(writeWav(noise(22_050), 44_100));
  const wav = await bring(gateway, wavBytes);
  expect(wav.body).toMatchObject({
    caller: { container: 'wav', codec: 'pcm', rateHz: 44_100, samples: 22_050, durationMs: 500 },
  });
  const { id } = wav.body as Take;
  const { response, bytes } = await fetched(gateway, `/api/recordings/${id}/audio`);
  expect(response.headers.get('content-type')).toBe('audio/wav');
  expect(bytes.equals(wavBytes)).toBe(true);
  expect((await fetched(gateway, `/api/recordings/${id}/audio?part=assistant`)).response.status).toBe(404);

  const before = await readdir(recordings(folder), { recursive: true });
  const large = await bring(gateway, Buffer.alloc(65 * 1024));
  expect(large).toMatchObject({ status: 413, body: { error: { code: 'body_too_large' } } });
  const chunked = await bring(gateway, chunks(...new Array<Buffer>(10).fill(tone)));
  expect(chunked).toMatchObject({
    status: 413,
    body: { error: { code: 'body_too_large', message: expect.stringContaining('65536') } },
  });
  for (const [odd, message] of [
    [Buffer.from('OggS, which is another matter'), /begins with "OggS/],
    [Buffer.alloc(0), /begins with nothing/],
    [Buffer.concat([tone.subarray(0, 3000), Buffer.alloc(100)]), /broken at byte [0-9]+/],
    [Buffer.from(String(tone.toString('latin1')).replace('A_OPUS', 'A_VORB'), 'latin1'), /A_OPUS expected/],
    [tone.subarray(0, 150), /no sound in the 150 bytes/],
    [Buffer.from('RIFF____WAVEdata____'), /the WAV is broken/],
    [wavBytes.subarray(0, 1000), /it was cut: 956 of 44100 bytes of sound are there/],
  ] as const) {
    const refused = await bring(gateway, odd);
    expect(refused).toMatchObject({ status: 422, body: { error: { code: 'invalid_audio' } } });
    expect((refused.body as { error: { message: string } }).error.message).toMatch(message);
  }
  // What was refused has left nothing.
  expect(await readdir(recordings(folder), { recursive: true })).toEqual(before);
  // One that is cut is played as far as it goes.
  expect(await bring(gateway, tone.subarray(0, 3000))).toMatchObject({ status: 201 });
  expect(await gateway.json(`/api/recordings/${id}`, { method: 'DELETE' })).toMatchObject({ status: 200 });
  expect((await gateway.json(`/api/recordings/${id}`)).status).toBe(404);
});

test('killed in the middle of a stream: the next start cuts what is no whole block, and marks it', async () => {
  await using folder = await testFolder();
  const session = await (async () => {
    await using gateway = await up(folder, { config: recorded });
    await gateway.event('ready');
    const { caller, session } = await quietCaller(gateway);
    await using _ = caller;
    useFormat(caller, { type: 'audio/webm' });
    stream(caller, tone.subarray(0, 4001));
    await until(
      async () =>
        (await readFile(join(recordings(folder), session, '1', 'raw_stream.webm')).catch(() => '')).length ===
        4001,
      { timeoutMs: 10_000, what: 'the disk' },
    );
    gateway.child.kill('SIGKILL');
    await gateway.exited;
    return session;
  })();
  await using gateway = await up(folder, { config: recorded });
  const done = await take(gateway, ({ state }) => state === 'interrupted');
  expect(done).toMatchObject({
    session,
    reason: 'interrupted',
    caller: { file: 'raw_stream.webm', codec: 'opus' },
  });
  const { bytes } = await fetched(gateway, `/api/recordings/${session}/1/audio`);
  expect(bytes.length).toBeLessThan(4001);
  expect(bytes.equals(tone.subarray(0, bytes.length))).toBe(true);
  expect(((await bring(gateway, bytes)).body as Take).caller.samples).toBe(done.caller.samples);
});

async function* chunks(...all: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* all;
}

async function bring(gateway: GatewayProcess, body: Buffer | AsyncIterable<Buffer>) {
  const init = { method: 'POST', body, duplex: 'half' } as RequestInit;
  return gateway.json('/api/recordings', init);
}

/** How many samples of an echo come back for what was appended. */
async function sizeOf(caller: Caller): Promise<number> {
  const before = caller.all('response.done').length;
  caller.send({ type: 'input_audio_buffer.commit' });
  caller.send({ type: 'response.create' });
  await until(() => caller.all('response.done').length > before, { timeoutMs: 20_000, what: 'the answer' });
  const bytes = caller
    .all('response.output_audio.delta')
    .reduce((sum, { delta }) => sum + Buffer.byteLength(String(delta), 'base64'), 0);
  return bytes / 2;
}
