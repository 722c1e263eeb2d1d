// Recordings of a real gateway, played back: what is heard and answered is what was, and nothing of it is left.
import { readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { pcmToBase64 } from '../../src/audio/pcm.ts';
import { Caller, type WireEvent } from '../support/caller.ts';
import { lettersToAudio, speech, startCascade, startLettered } from '../support/cascade-process.ts';
import { testFolder } from '../support/folder.ts';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { conversation, notices, play, played, playing, stopPlaying } from '../support/played.ts';
import { until } from '../support/poll.ts';
import {
  leave,
  noise,
  quietCaller,
  recorded as recordedEcho,
  recordings,
  speak,
  take,
  takes,
  up,
} from '../support/recorded.ts';
import { bridgedCall } from '../support/upstream/bridged-call.ts';

const recorded = { sessions: { record: true } };

/** Two turns, each answered before the next one. Returns what the caller was told. */
async function twoTurns(gateway: GatewayProcess) {
  await using caller = await Caller.call(await gateway.url());
  await caller.lobby('ready');
  const pcm = await speech(gateway, 'is anybody there');
  for (const turn of [1, 2]) {
    for (let at = 0; at < pcm.length; at += 4800)
      caller.send({ type: 'input_audio_buffer.append', audio: pcmToBase64(pcm.slice(at, at + 4800)) });
    await caller.event('response.done', () => caller.all('response.done').length >= turn, 30_000);
    // Whoever speaks next has heard the answer: it lasts longer than it takes to be made.
    const heard = caller.samples / 24 + performance.now();
    await caller.event('response.done', () => performance.now() > heard, 30_000);
  }
  caller.socket.close();
  await caller.ended();
  const { id } = await take(gateway, ({ state }) => state === 'finished');
  return { id, said: conversation(caller.events) };
}

test('a session played back is heard and answered as it was: from its sound and turn by turn, fast and in its time', async () => {
  await using gateway = await startCascade('is anybody there', { config: recorded });
  await gateway.event('ready');
  const { id, said } = await twoTurns(gateway);
  expect(said).toHaveLength(4);
  for (const [mode, speed] of [
    ['full', 0],
    ['segments', 0],
    ['full', 1],
  ] as const) {
    await using caller = await Caller.call(await gateway.url());
    await caller.lobby('ready');
    const { session } = await caller.event('session.created');
    const sessionId = (session as { id: string }).id;
    const started = await play(gateway, { recordingId: id, mode, speed, sessionId });
    expect(started).toMatchObject({ status: 200, body: { recordingId: id, mode, speed, sessionId } });
    const { id: playback } = started.body as { id: string };
    const done = await played(gateway, playback);
    expect(done).toMatchObject({ state: 'finished', positionMs: done.durationMs });
    expect(conversation(caller.events), `${mode} at ${speed}`).toEqual(said);
    expect(caller.all('error')).toEqual([]);
    expect(notices(caller)[0]).toMatchObject({ id: playback, state: 'playing', position_ms: 0 });
    expect(notices(caller).at(-1)).toMatchObject({ id: playback, recording_id: id, state: 'finished' });
  }
}, 120_000);

/** What the recording of a session tells. */
async function events(gateway: GatewayProcess, session: string): Promise<readonly WireEvent[]> {
  await take(gateway, (one) => one.session === session && one.state === 'finished');
  const path = join(gateway.folder.path, '.greenroom', 'recordings', session, '1', 'events.jsonl');
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
  const all = lines.map((line) => JSON.parse(line) as { readonly from: string; readonly event: WireEvent });
  return all.filter(({ from }) => from === 'gateway').map(({ event }) => event);
}

test('push to talk is played back commit by commit, to the sample; also into a session that is opened for it alone', async () => {
  await using gateway = await startLettered(recorded);
  await gateway.event('ready');
  const { caller, session } = await quietCaller(gateway);
  await using _ = caller;
  for (const line of ['the first line', 'and another one']) {
    const count = caller.all('response.done').length;
    caller.send({ type: 'input_audio_buffer.append', audio: lettersToAudio(line) });
    caller.send({ type: 'input_audio_buffer.commit' });
    caller.send({ type: 'response.create' });
    await caller.event('response.done', () => caller.all('response.done').length > count);
  }
  const said = conversation(caller.events);
  expect(said).toEqual([
    ...['user: the first line', 'assistant: You said: the first line.'],
    ...['user: and another one', 'assistant: You said: and another one.'],
  ]);
  caller.socket.close();
  await take(gateway, ({ state }) => state === 'finished');
  const recordingId = `${session}/1`;
  for (const mode of ['full', 'segments'] as const) {
    const started = await play(gateway, { recordingId, mode, speed: 0 });
    expect(started.status).toBe(200);
    const { id, sessionId } = started.body as { id: string; sessionId: string };
    expect(await played(gateway, id)).toMatchObject({ state: 'finished' });
    expect(conversation(await events(gateway, sessionId)), mode).toEqual(said);
  }
  const open = (await gateway.json('/api/sessions')).body as { data: readonly object[] };
  expect(open.data).toEqual([]);
});

test('every refusal has its status and code, and leaves nothing playing', async () => {
  await using folder = await testFolder();
  await using gateway = await up(folder, { config: recordedEcho });
  await gateway.event('ready');
  const one = await quietCaller(gateway);
  await using _ = one.caller;
  speak(one.caller, noise(24_000));
  one.caller.send({ type: 'input_audio_buffer.commit' });
  await one.caller.event('input_audio_buffer.committed');
  const recordingId = `${one.session}/1`;
  const wav = join(recordings(folder), one.session, '1', 'raw_stream.wav');
  const refused = async (status: number, code: string, body: object | string) => {
    const init = { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) };
    const answer = await gateway.json('/api/playback/start', init);
    expect(answer, `${code} for ${init.body}`).toMatchObject({ status, body: { error: { code } } });
    expect(await playing(gateway)).toEqual([]);
  };
  await refused(409, 'recording_under_way', { recordingId });
  one.caller.socket.close();
  await take(gateway, ({ state }) => state === 'finished');

  for (const bad of ['', '{', '[]', {}, { recordingId: 7 }, { recordingId, mode: 'backwards' }])
    await refused(400, 'invalid_request', bad);
  for (const speed of [-1, 0.4, 8.1, '1', null])
    await refused(400, 'invalid_request', { recordingId, speed });
  await refused(400, 'invalid_request', { recordingId, sessionId: 'sess_1', model: 'default' });
  await refused(400, 'invalid_request', { recordingId, other: 1 });
  for (const name of ['sess_0/1', `${one.session}/2`, `../${one.session}/1`, `${one.session}/../1`, 'x'])
    await refused(404, 'not_found', { recordingId: name });
  await refused(404, 'model_not_found', { recordingId, model: 'nobody' });
  await refused(409, 'no_session', { recordingId, sessionId: one.session });

  const { caller, session: sessionId } = await quietCaller(gateway);
  await using __ = caller;
  speak(caller, noise(2400));
  caller.send({ type: 'input_audio_buffer.clear' });
  await caller.event('input_audio_buffer.cleared');
  await refused(409, 'session_listening', { recordingId, sessionId });
  await until(async () => (await play(gateway, { recordingId, sessionId })).status === 200, {
    timeoutMs: 10_000,
    what: 'the session to be quiet',
  });
  const twice = await play(gateway, { recordingId, sessionId });
  expect(twice).toMatchObject({ status: 409, body: { error: { code: 'playback_active' } } });
  expect(await stopPlaying(gateway)).toMatchObject({ status: 200, body: { status: 'stopped' } });
  for (const target of [{}, { sessionId }, { id: 'play_0' }])
    expect(await stopPlaying(gateway, target)).toMatchObject({
      ...{ status: 200, body: { status: 'no_playback_active' } },
    });

  await truncate(wav, 20);
  await refused(422, 'recording_unplayable', { recordingId, sessionId });
  await writeFile(wav, 'no sound at all, but long enough to have a header of forty-four bytes');
  await refused(422, 'recording_unplayable', { recordingId });
  await rm(wav);
  await refused(422, 'recording_unplayable', { recordingId, mode: 'segments' });
  // The session that was opened for it is gone as well.
  await until(async () => (await takes(gateway)).filter(({ state }) => state === 'recording').length === 1, {
    timeoutMs: 5000,
    what: 'only one session to be left',
  });
});

const tree = async (gateway: GatewayProcess) => JSON.stringify((await gateway.json('/api/tree')).body);

test('a caller that leaves, and a gateway that does, end what plays; nothing of it is left', async () => {
  await using folder = await testFolder();
  await using gateway = await up(folder, { config: recordedEcho });
  await gateway.event('ready');
  const one = await quietCaller(gateway);
  await using _ = one.caller;
  speak(one.caller, noise(24_000 * 20));
  one.caller.send({ type: 'input_audio_buffer.commit' });
  await one.caller.event('input_audio_buffer.committed');
  one.caller.socket.close();
  const { id: recordingId } = await take(gateway, ({ state }) => state === 'finished');

  for (const mode of ['full', 'events'] as const) {
    const { caller, session: sessionId } = await quietCaller(gateway);
    await using _ = caller;
    const { body } = await play(gateway, { recordingId, mode, speed: 0.5, sessionId });
    expect(await tree(gateway)).toContain('play_');
    caller.socket.terminate();
    expect(await played(gateway, (body as { id: string }).id)).toMatchObject({ state: 'stopped' });
    expect(await playing(gateway)).toEqual([]);
    await until(async () => !(await tree(gateway)).includes('play_'), {
      timeoutMs: 5000,
      what: 'the scope of the playback to be gone',
    });
    expect(await stopPlaying(gateway, { sessionId })).toMatchObject({
      body: { status: 'no_playback_active' },
    });
  }

  const { caller, session: sessionId } = await quietCaller(gateway);
  await using __ = caller;
  await play(gateway, { recordingId, speed: 1, sessionId });
  await play(gateway, { recordingId, speed: 1 });
  // Removed while it plays: it plays on.
  const removed = await gateway.json(`/api/recordings/${recordingId}`, { method: 'DELETE' });
  expect(removed.status).toBe(200);
  await caller.event('greenroom.playback', ({ position_ms: at }) => Number(at) > 1000);
  expect(await playing(gateway)).toHaveLength(2);
  const left = await leave(gateway);
  expect(left).toMatchObject({ code: 0, report: { forced: [] } });
  expect(left.ms).toBeLessThan(3000);
  expect(notices(caller).at(-1)).toMatchObject({ state: 'stopped' });
  expect(caller.closed?.code).toBe(1001);
});

test('events are shown again to who asks for them, with no engine and nothing said', async () => {
  await using folder = await testFolder();
  await using gateway = await up(folder, { config: recordedEcho });
  await gateway.event('ready');
  const one = await quietCaller(gateway);
  await using _ = one.caller;
  speak(one.caller, noise(24_000));
  one.caller.send({ type: 'input_audio_buffer.commit' });
  one.caller.send({ type: 'response.create' });
  await one.caller.event('response.done');
  one.caller.socket.close();
  const { id: recordingId } = await take(gateway, ({ state }) => state === 'finished');
  const { caller, session: sessionId } = await quietCaller(gateway);
  await using __ = caller;
  const { body } = await play(gateway, { recordingId, mode: 'events', speed: 0, sessionId });
  await played(gateway, (body as { id: string }).id);
  const shown = notices(caller).flatMap(({ event }) => (event as WireEvent | undefined)?.type ?? []);
  expect(shown).toEqual(one.caller.events.map(({ type }) => type));
  expect(caller.all('conversation.item.added')).toEqual([]);
  const strict = await Caller.call(await gateway.url(), '');
  await using ___ = strict;
  const { session } = await strict.event('session.created');
  const unseen = { recordingId, mode: 'events', sessionId: (session as { id: string }).id };
  expect(await play(gateway, unseen)).toMatchObject({
    status: 409,
    body: { error: { code: 'playback_unsupported' } },
  });
});

test('a bridged call takes a playback as well: upstream gets what its caller would have sent', async () => {
  await using call = await bridgedCall({ config: { sessions: { record: true } } });
  const { caller, gateway, connection } = call;
  const post = async (path: string, body: object) => {
    const response = await fetch(`${gateway.url}${path}`, { method: 'POST', body: JSON.stringify(body) });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  const quiet = { type: 'realtime', audio: { input: { turn_detection: null } } };
  await caller.event('greenroom.notice', ({ state }) => state === 'on');
  caller.send({ type: 'session.update', session: quiet });
  await caller.event('session.updated', ({ session }) => !JSON.stringify(session).includes('server_vad'));
  const pcm = noise(24_000);
  speak(caller, pcm, 4800);
  caller.send({ type: 'input_audio_buffer.commit' });
  caller.send({ type: 'response.create' });
  await caller.event('response.done');
  const session = String(gateway.gateway.sessions()[0]?.id);
  await post(`/api/sessions/${session}/recording`, { on: false });
  const appendedBytes = () =>
    connection.model.received
      .filter(({ type }) => type === 'input_audio_buffer.append')
      .reduce((sum, { audio }) => sum + Buffer.from(String(audio), 'base64').length, 0);
  const before = appendedBytes();
  for (const [mode, count] of [
    ['full', 2],
    ['segments', 3],
  ] as const) {
    const body = { recordingId: `${session}/1`, mode, speed: 0, sessionId: session };
    await until(async () => (await post('/api/playback/start', body)).status === 200, {
      timeoutMs: 10_000,
      what: 'the caller to be quiet',
    });
    await caller.event(
      'greenroom.playback',
      (notice) => notice['mode'] === mode && notice['state'] === 'finished',
    );
    expect(caller.all('response.done')).toHaveLength(count);
  }
  expect(appendedBytes() - before).toBe(pcm.byteLength);
  expect(caller.all('error')).toEqual([]);
  expect(connection.model.violations).toEqual([]);
}, 40_000);
