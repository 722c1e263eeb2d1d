// Recordings of a real gateway: what was sent is what is kept, and what is found, heard and removed.
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseWav } from '../../src/audio/wav.ts';
import { testFolder } from '../support/folder.ts';
import { until } from '../support/poll.ts';
import {
  fetched,
  leave,
  noise,
  post,
  quietCaller,
  recorded,
  recordings,
  speak,
  type Take,
  take,
  takes,
  up,
} from '../support/recorded.ts';

test('a recorded echo: the caller and the answer, sample for sample, with every event', async () => {
  await using folder = await testFolder();
  await using gateway = await up(folder, { config: recorded });
  await gateway.event('ready');
  const { caller, session } = await quietCaller(gateway);
  await using _ = caller;
  const pcm = noise(24_000 * 3 + 7);
  speak(caller, pcm);
  caller.send({ type: 'input_audio_buffer.commit' });
  caller.send({ type: 'response.create' });
  await caller.event('response.done');
  const heard = Buffer.concat(
    caller.all('response.output_audio.delta').map(({ delta }) => Buffer.from(String(delta), 'base64')),
  );
  expect(heard.length).toBeGreaterThan(0);
  caller.socket.close();
  const done = await take(gateway, ({ state }) => state === 'finished');
  expect(done).toMatchObject({ id: `${session}/1`, session, take: 1, reason: 'client_left', error: null });
  expect(done.caller.samples).toBe(pcm.length);

  const path = `/api/recordings/${session}/1`;
  expect((await gateway.json(path)).body).toEqual(done);
  const { response, bytes } = await fetched(gateway, `${path}/audio`);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('audio/wav');
  const wav = parseWav(bytes);
  expect(wav.rateHz).toBe(24_000);
  expect(
    Buffer.from(wav.pcm.buffer, wav.pcm.byteOffset, wav.pcm.byteLength).equals(Buffer.from(pcm.buffer)),
  ).toBe(true);
  const assistant = parseWav((await fetched(gateway, `${path}/audio?part=assistant`)).bytes).pcm;
  expect(Buffer.from(assistant.buffer, assistant.byteOffset, assistant.byteLength).equals(heard)).toBe(true);

  // Players ask for parts.
  const part = await fetched(gateway, `${path}/audio`, { range: 'bytes=40-99' });
  expect(part.response.status).toBe(206);
  expect(part.response.headers.get('content-range')).toBe(`bytes 40-99/${bytes.length}`);
  expect(part.bytes.equals(bytes.subarray(40, 100))).toBe(true);
  const end = await fetched(gateway, `${path}/audio`, { range: 'bytes=-1000' });
  expect(end.bytes.equals(bytes.subarray(-1000))).toBe(true);
  const outside = await fetched(gateway, `${path}/audio`, { range: `bytes=${bytes.length}-` });
  expect(outside.response.status).toBe(416);
  expect(outside.response.headers.get('content-range')).toBe(`bytes */${bytes.length}`);
  const head = await fetch(`${await gateway.url()}${path}/audio`, { method: 'HEAD' });
  expect(head.status).toBe(200);
  expect(head.headers.get('content-length')).toBe(String(bytes.length));
  expect(head.headers.get('accept-ranges')).toBe('bytes');

  // As it lies on the disk: every event once, in order, without its audio.
  const inside = join(recordings(folder), session, '1');
  const lines = (await readFile(join(inside, 'events.jsonl'), 'utf8')).trimEnd().split('\n');
  const events = lines.map(
    (line) => JSON.parse(line) as { from: string; ms: number; event: { type: string } },
  );
  expect(events.length).toBe(done.events);
  const told = events.filter(({ from }) => from === 'gateway').map(({ event }) => event.type);
  expect(told).toEqual(caller.events.map(({ type }) => type));
  const said = events.filter(({ from }) => from === 'caller').map(({ event }) => event);
  expect(said.filter(({ type }) => type === 'input_audio_buffer.append')[1]).toEqual({
    type: 'input_audio_buffer.append',
    audio: { bytes: 961, samples: 481, at_sample: 480 },
  });
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(8000);
  for (const [index, { ms }] of events.entries())
    expect(ms).toBeGreaterThanOrEqual(events[index - 1]?.ms ?? 0);

  // Nobody else's business.
  for (const name of [
    ...(await readdir(recordings(folder), { recursive: true })).map((one) => join(recordings(folder), one)),
    recordings(folder),
  ]) {
    const { mode } = await stat(name);
    expect((mode & 0o777).toString(8), name).toBe((await stat(name)).isDirectory() ? '700' : '600');
  }

  const removed = await gateway.json(path, { method: 'DELETE' });
  expect(removed).toEqual({ status: 200, body: { id: `${session}/1`, deleted: true } });
  expect(await readdir(recordings(folder))).toEqual(['.take-numbers']);
  const { status, body } = await gateway.json(path);
  expect(status).toBe(404);
  expect(body).toMatchObject({
    error: { code: 'not_found', message: expect.stringContaining(`no recording ${session}/1`) },
  });
});

test('switched while it runs: two takes, each with what was said then; the caller is told each time', async () => {
  await using folder = await testFolder();
  await using gateway = await up(folder);
  await gateway.event('ready');
  const { caller, session } = await quietCaller(gateway);
  await using _ = caller;
  const record = (on: boolean) =>
    caller.send({ type: 'session.update', session: { type: 'realtime', greenroom: { record: on } } });
  const state = (wanted: string, number: number) =>
    caller.event('greenroom.notice', (event) => event['state'] === wanted && event['take'] === number);
  const pieces = [noise(5000, 1), noise(6001, 2), noise(7000, 3)];
  speak(caller, pieces[0] as Int16Array, 960);
  record(true);
  await state('on', 1);
  speak(caller, pieces[1] as Int16Array, 960);
  record(false);
  await state('off', 1);
  speak(caller, pieces[0] as Int16Array, 960);
  expect(await post(gateway, session, true)).toMatchObject({ status: 200, body: { state: 'on', take: 2 } });
  expect(await post(gateway, session, true)).toMatchObject({ status: 200, body: { state: 'on', take: 2 } });
  speak(caller, pieces[2] as Int16Array, 960);
  // What the session shows stays the API's own.
  record(true);
  await until(() => caller.all('session.updated').length === 4, { timeoutMs: 5000, what: 'the update' });
  for (const { session: shown } of caller.all('session.updated'))
    expect(shown).not.toHaveProperty('greenroom');
  const underWay = await gateway.json(`/api/recordings/${session}/2`, { method: 'DELETE' });
  expect(underWay).toMatchObject({ status: 409, body: { error: { code: 'recording_under_way' } } });
  expect(await post(gateway, session, false)).toMatchObject({ status: 200, body: { state: 'off', take: 2 } });

  expect(await takes(gateway, `?session=${session}`)).toMatchObject([
    { take: 2, state: 'finished', reason: 'switched_off', caller: { samples: 7000 } },
    { take: 1, state: 'finished', reason: 'switched_off', caller: { samples: 6001 } },
  ]);
  for (const [number, expected] of [
    [1, pieces[1]],
    [2, pieces[2]],
  ] as const) {
    const { bytes } = await fetched(gateway, `/api/recordings/${session}/${number}/audio`);
    expect([...parseWav(bytes).pcm], `take ${number}`).toEqual([...(expected ?? [])]);
  }
  // A number that was used is not used again.
  await gateway.json(`/api/recordings/${session}/2`, { method: 'DELETE' });
  expect(await post(gateway, session, true)).toMatchObject({ body: { state: 'on', take: 3 } });
  const odd = await post(gateway, 'sess_nobody', true);
  expect(odd).toMatchObject({ status: 404, body: { error: { code: 'not_found' } } });
  caller.send({ type: 'session.update', session: { type: 'realtime', greenroom: { record: 'yes' } } });
  expect(await caller.event('error')).toMatchObject({
    error: { code: 'invalid_value', param: 'session.greenroom.record' },
  });
});

test('G.711: what is kept is what the session heard', async () => {
  await using folder = await testFolder();
  await using gateway = await up(folder, { config: recorded });
  await gateway.event('ready');
  const { caller, session } = await quietCaller(gateway);
  await using _ = caller;
  caller.send({
    type: 'session.update',
    session: {
      type: 'realtime',
      audio: { input: { format: { type: 'audio/pcmu' } }, output: { format: { type: 'audio/pcmu' } } },
    },
  });
  // At once: the format holds for what follows.
  const ulaw = Buffer.alloc(8000, 0x55);
  caller.send({ type: 'input_audio_buffer.append', audio: ulaw.toString('base64') });
  caller.send({ type: 'input_audio_buffer.commit' });
  caller.send({ type: 'response.create' });
  await caller.event('response.done');
  caller.socket.close();
  const done = await take(gateway, (one) => one.session === session && one.state === 'finished');
  expect(done.caller).toMatchObject({ samples: 24_000, durationMs: 1000, formats: ['audio/pcmu'] });
  expect(done.assistant).toMatchObject({ samples: 24_000, formats: ['audio/pcmu'] });
});

test('leaving ends what is recorded in order, well within its time', async () => {
  await using folder = await testFolder();
  await using gateway = await up(folder, { config: recorded });
  await gateway.event('ready');
  const sessions: string[] = [];
  await using callers = new AsyncDisposableStack();
  for (let index = 0; index < 10; index += 1) {
    const { caller, session } = await quietCaller(gateway);
    callers.use(caller);
    sessions.push(session);
    speak(caller, noise(24_000, index + 1), 960);
  }
  await until(
    async () => (await takes(gateway)).filter(({ caller }) => caller.samples === 24_000).length === 10,
    {
      timeoutMs: 5000,
      what: 'all of it to be heard',
    },
  );
  const end = await leave(gateway);
  expect(end).toMatchObject({ code: 0, report: { forced: [] } });
  expect(end.ms).toBeLessThan(3000);
  for (const [index, session] of sessions.entries()) {
    const inside = join(recordings(folder), session, '1');
    const facts = JSON.parse(await readFile(join(inside, 'metadata.json'), 'utf8')) as Take;
    expect(facts).toMatchObject({
      state: 'finished',
      reason: 'server_shutdown',
      caller: { samples: 24_000 },
    });
    const bytes = await readFile(join(inside, 'raw_stream.wav'));
    expect(bytes.readUInt32LE(40)).toBe(48_000);
    expect([...parseWav(bytes).pcm]).toEqual([...noise(24_000, index + 1)]);
  }
});
