// Callers who send WebM/Opus as a browser's recorder gives it: heard as PCM is, kept as it came, and brought along.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseWav } from '../../src/audio/wav.ts';
import type { Caller } from '../support/caller.ts';
import { testFolder } from '../support/folder.ts';
import { fixture } from '../support/gateway-process.ts';
import { fetched, noise, post, quietCaller, recorded, recordings, speak, take, up } from '../support/recorded.ts';

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
  expect(await gateway.json(`/api/recordings/${session}/1`, { method: 'DELETE' })).toMatchObject({ status: 200 });
});
