// Playbacks over sessions in virtual time: begun only where everything is there, ended once, and nothing left of them.
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FakePipeline } from '../../support/fake-pipeline.ts';
import { testFolder } from '../../support/folder.ts';
import { append, PlaybackWorld, told, twoTurns } from '../../support/playback-world.ts';

const quiet = {
  type: 'session.update',
  session: { type: 'realtime', audio: { input: { turn_detection: null } } },
};
/** Speech from 0.5 to 1 s, and from 2 to 2.5 s. */
const speaks = (frame: number) => (frame % 47 > 15 && frame % 47 < 31 ? 0.9 : 0);
const items = (sent: { all(type: string): readonly Record<string, unknown>[] }) =>
  sent.all('conversation.item.added').map(({ item }) => (item as { role: string }).role);

test('each turn is heard and answered before the next one, in `full` and in `segments`', async () => {
  await using folder = await testFolder();
  for (const mode of ['full', 'segments'] as const) {
    const pipeline = new FakePipeline(undefined, 'ready');
    pipeline.abilities = { ...pipeline.abilities, hears: 'words' };
    pipeline.speech = speaks;
    const world = new PlaybackWorld(folder, pipeline);
    const { transport, session } = await world.call();
    const id = await world.take();
    const { id: playback } = await world.start(id, { mode, sessionId: session });
    expect(await world.ended(playback)).toBe('finished');
    expect(items(transport), mode).toEqual(['user', 'assistant', 'user', 'assistant']);
    const responses = transport
      .all('response.done')
      .map(({ response }) => (response as { status: string }).status);
    expect(responses).toEqual(['completed', 'completed']);
    expect(transport.all('conversation.item.truncated')).toEqual([]);
    expect(told(transport).at(0)).toBe('playing');
    expect(told(transport).at(-1)).toBe('finished');
    await world.expectNothingLeft(transport);
  }
});

test('at a speed it takes its time, and tells how far it is once a second', async () => {
  await using folder = await testFolder();
  for (const [speed, ms] of [
    [0.5, 6000],
    [1, 3000],
    [8, 375],
  ] as const) {
    const world = new PlaybackWorld(folder);
    const { transport, session } = await world.call();
    const { id } = await world.start(await world.take(), { speed, sessionId: session });
    const beganMs = world.sessions.clock.now();
    await world.until(() => world.desk.list().length === 0, 'its end', 1);
    // A piece is said when it begins to be due.
    const tookMs = world.sessions.clock.now() - beganMs;
    expect(tookMs).toBeGreaterThan(ms - 101 / speed);
    expect(world.desk.find(id)).toMatchObject({ state: 'finished', positionMs: 3000, durationMs: 3000 });
    expect(told(transport).length).toBeLessThanOrEqual(2 + Math.ceil(tookMs / 1000));
    await world.expectNothingLeft(transport);
  }
});

test('a session that detects no turns gets those of the recording, and its end where none are known', async () => {
  for (const [events, count] of [
    [twoTurns, 2],
    [null, 1],
  ] as const) {
    await using folder = await testFolder();
    const world = new PlaybackWorld(folder);
    const { transport, session } = await world.call();
    transport.says(quiet);
    const { id } = await world.start(await world.take({ events }), { sessionId: session });
    expect(await world.ended(id)).toBe('finished');
    expect(transport.all('input_audio_buffer.committed')).toHaveLength(count);
    expect(transport.all('response.done')).toHaveLength(count);
    await world.expectNothingLeft(transport);
  }
});

test('what is not there, is not ready or cannot be played is refused; nothing is active then, and nothing left', async () => {
  await using folder = await testFolder();
  const world = new PlaybackWorld(folder);
  const { transport, session } = await world.call();
  const sound = await world.take();
  const refused = async (code: string, recording: string, more: object = {}) => {
    const asked = world.start(recording, { sessionId: session, ...more });
    await expect(asked, code).rejects.toMatchObject({ code });
    expect(world.desk.list()).toEqual([]);
    expect(JSON.stringify(world.sessions.root.tree())).not.toContain('playback');
  };
  for (const name of ['rec/99', 'rec', '../rec/1', 'rec/1/more', '']) await refused('not_found', name);
  await refused('recording_under_way', await world.take({ state: 'recording' }));
  await refused('no_session', sound, { sessionId: 'sess_gone' });
  await refused('recording_unplayable', await world.take({ wav: null }));
  await refused('recording_unplayable', await world.take({ wav: Buffer.from('RIFF, but no') }));
  await refused('recording_unplayable', await world.take({ samples: 0 }));
  await refused('recording_unplayable', await world.take({ events: [] }), { mode: 'segments' });
  await refused('recording_unplayable', await world.take({ events: null }), { mode: 'events' });
  await refused('recording_unplayable', await world.take({ wav: null }), { sessionId: undefined });
  expect(told(transport)).toEqual([]);

  const strict = await world.call(false);
  await refused('playback_unsupported', sound, { sessionId: strict.session, mode: 'events' });
  world.pipeline.abilities = { ...world.pipeline.abilities, hears: 'nothing' };
  const deaf = await world.call();
  await refused('playback_unsupported', sound, { sessionId: deaf.session });
  await world.expectNothingLeft(transport, strict.transport, deaf.transport);
});

test('a caller that speaks is not played over: neither within 2 s of its audio nor while its speech is under way', async () => {
  await using folder = await testFolder();
  const pipeline = new FakePipeline(undefined, 'ready');
  pipeline.speech = () => 0.9;
  const world = new PlaybackWorld(folder, pipeline);
  const { transport, session } = await world.call();
  const id = await world.take();
  const listening = () =>
    expect(world.start(id, { sessionId: session })).rejects.toMatchObject({ code: 'session_listening' });
  transport.says(quiet);
  transport.says(append(2400));
  await world.sessions.clock.advance(1999);
  await listening();
  await world.sessions.clock.advance(1);
  const { id: first } = await world.start(id, { sessionId: session });
  expect(await world.ended(first)).toBe('finished');

  transport.says({
    type: 'session.update',
    session: { type: 'realtime', audio: { input: { turn_detection: { type: 'server_vad' } } } },
  });
  transport.says(append(24_000));
  await world.until(() => transport.all('input_audio_buffer.speech_started').length > 0, 'speech');
  await world.sessions.clock.advance(10_000);
  await listening();
  await world.expectNothingLeft(transport);
});

test('while it plays, what its caller says into the microphone is dropped and told once; the rest of the call goes on', async () => {
  await using folder = await testFolder();
  const world = new PlaybackWorld(folder);
  const { transport, session } = await world.call();
  const { id } = await world.start(await world.take(), { speed: 1, sessionId: session });
  for (let piece = 0; piece < 50; piece += 1) transport.says(append(480));
  transport.says({ type: 'input_audio_buffer.commit', event_id: 'mine' });
  transport.says({ type: 'session.update', session: { type: 'realtime', instructions: 'Be brief.' } });
  await world.until(() => transport.all('session.updated').length > 0, 'the update');
  const errors = transport.all('error').map(({ error }) => error as Record<string, unknown>);
  expect(errors).toMatchObject([
    { code: 'playback_active', message: expect.stringContaining(id), event_id: null },
    { code: 'playback_active', event_id: 'mine' },
  ]);
  expect(await world.ended(id)).toBe('finished');
  transport.says(append(480));
  await world.sessions.clock.advance(10);
  expect(transport.all('error')).toHaveLength(2);
  await world.expectNothingLeft(transport);
});

test('one at a time; a stop is answered when nothing of it is left, and a second one finds nothing', async () => {
  await using folder = await testFolder();
  const world = new PlaybackWorld(folder);
  const { transport, session } = await world.call();
  const id = await world.take();
  const both = await Promise.allSettled([
    world.start(id, { speed: 1, sessionId: session }),
    world.start(id, { speed: 1, sessionId: session }),
  ]);
  expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  await expect(world.start(id, { sessionId: session })).rejects.toMatchObject({ code: 'playback_active' });
  const [playback] = world.desk.list();
  const stops = await Promise.all([world.desk.stop({}), world.desk.stop({ sessionId: session })]);
  expect(stops.map(({ status }) => status).sort()).toEqual(['no_playback_active', 'stopped']);
  expect(JSON.stringify(world.sessions.root.tree())).not.toContain('playback');
  for (const target of [{}, { id: playback?.id }, { sessionId: session }, { id: 'play_unknown' }])
    expect(await world.desk.stop(target)).toMatchObject({ status: 'no_playback_active' });
  expect(told(transport)).toEqual(['playing', 'stopped']);
  // And the session is as good as before.
  const { id: again } = await world.start(id, { sessionId: session });
  expect(await world.ended(again)).toBe('finished');
  await world.expectNothingLeft(transport);
});

test('which one is to stop has to be said where several play', async () => {
  await using folder = await testFolder();
  const world = new PlaybackWorld(folder);
  const id = await world.take();
  const one = await world.call();
  const other = await world.call();
  await world.start(id, { speed: 1, sessionId: one.session });
  const { id: second } = await world.start(id, { speed: 1, sessionId: other.session });
  await expect(world.desk.stop({})).rejects.toMatchObject({ code: 'invalid_request' });
  expect(await world.desk.stop({ id: second })).toEqual({ status: 'stopped', id: second });
  expect(await world.desk.stop({})).toMatchObject({ status: 'stopped' });
  await world.expectNothingLeft(one.transport, other.transport);
});

test('who leaves in the middle, and a gateway that does, end it with everything that it held', async () => {
  await using folder = await testFolder();
  for (const end of ['disconnect', 'shutdown'] as const) {
    for (const mode of ['full', 'segments', 'events'] as const) {
      const world = new PlaybackWorld(folder);
      const { transport, session } = await world.call();
      const { id } = await world.start(await world.take(), { mode, speed: 0.5, sessionId: session });
      await world.sessions.clock.advance(300);
      expect(world.desk.list()).toMatchObject([{ id, state: 'playing' }]);
      if (end === 'disconnect') transport.gone();
      else void world.sessions.root.close('server_shutdown');
      expect(await world.ended(id, 1)).toBe('stopped');
      const why = end === 'disconnect' ? 'client_left' : 'server_shutdown';
      expect(world.desk.find(id).message).toContain(why);
      if (end === 'shutdown') expect(told(transport).at(-1)).toBe('stopped');
      await world.expectNothingLeft(transport);
    }
  }
});

test('without a session one is opened for it, set up as recorded, and ends with it', async () => {
  await using folder = await testFolder();
  const world = new PlaybackWorld(folder);
  const update = { ms: 1, from: 'caller', event: { ...quiet } };
  const id = await world.take({ events: [update, ...twoTurns] });
  const started = await world.start(id);
  expect(world.sessions.registry.list()).toMatchObject([{ id: started.sessionId, remote: 'playback' }]);
  expect(world.sessions.registry.place(started.sessionId)?.look()?.detection).toBe('off');
  expect(await world.ended(started.id)).toBe('finished');
  await world.until(() => world.sessions.registry.count === 0, 'its session to end');
  const { id: stopped } = await world.start(id, { speed: 1 });
  await world.desk.stop({ id: stopped });
  await world.expectNothingLeft();
  await expect(world.start(await world.take({ wav: null }))).rejects.toMatchObject({
    code: 'recording_unplayable',
  });
  await world.expectNothingLeft();
});

test('events are shown in their order at their distance, and leave the conversation alone', async () => {
  await using folder = await testFolder();
  const world = new PlaybackWorld(folder);
  const { transport, session } = await world.call();
  const id = await world.take({ wav: null });
  const { id: playback } = await world.start(id, { mode: 'events', speed: 1, sessionId: session });
  transport.says(append(480));
  await world.sessions.clock.advance(600);
  const shown = () =>
    transport.all('greenroom.playback').flatMap(({ event }) => (event as { type: string })?.type ?? []);
  await world.until(() => shown().length === 2, 'two events', 1);
  expect(shown()).toEqual(['session.created', 'input_audio_buffer.speech_started']);
  expect(await world.ended(playback)).toBe('finished');
  expect(shown()).toEqual(twoTurns.map((line) => (line as { event: { type: string } }).event.type));
  expect(items(transport)).toEqual([]);
  expect(transport.all('error')).toEqual([]);
  await world.expectNothingLeft(transport);
});

test('a take that is removed while it plays is played to its end', async () => {
  await using folder = await testFolder();
  const world = new PlaybackWorld(folder);
  const { transport, session } = await world.call();
  const { id } = await world.start(await world.take(), { speed: 1, sessionId: session });
  await rm(join(folder.path, 'rec'), { recursive: true });
  expect(await world.ended(id)).toBe('finished');
  await world.expectNothingLeft(transport);
});

test('a file that is cut while it plays fails it, with the reason, and not its session', async () => {
  await using folder = await testFolder();
  const world = new PlaybackWorld(folder);
  const { transport, session } = await world.call();
  const { id } = await world.start(await world.take(), { speed: 1, sessionId: session });
  await writeFile(join(folder.path, 'rec', '1', 'raw_stream.wav'), '');
  expect(await world.ended(id)).toBe('failed');
  expect(transport.all('greenroom.playback').at(-1)).toMatchObject({
    state: 'failed',
    error: { code: 'recording_unplayable', message: expect.stringContaining('was cut while it was played') },
  });
  expect(transport.state).toBe('open');
  await world.expectNothingLeft(transport);
});

test('a session in the lobby is waited for, and one that takes nothing more is given up', async () => {
  await using folder = await testFolder();
  const waiting = new FakePipeline(undefined, 'starting');
  const world = new PlaybackWorld(folder, waiting);
  const { transport, session } = await world.call();
  const { id } = await world.start(await world.take(), { sessionId: session });
  expect(waiting.needed).toBeGreaterThan(0);
  await world.sessions.clock.advance(400_000);
  expect(world.desk.find(id)).toMatchObject({ state: 'playing', positionMs: 0 });
  waiting.become('ready');
  expect(await world.ended(id)).toBe('finished');
  await world.expectNothingLeft(transport);

  const held = Promise.withResolvers<void>();
  const stuck = new FakePipeline((step) => (step === 'vad' ? held.promise : Promise.resolve()), 'ready');
  const other = new PlaybackWorld(folder, stuck);
  const call = await other.call();
  const { id: second } = await other.start(await other.take(), { sessionId: call.session });
  expect(await other.ended(second)).toBe('failed');
  expect(other.desk.find(second)).toMatchObject({ state: 'failed', error: { code: 'playback_stalled' } });
  held.resolve();
  await other.expectNothingLeft(call.transport);
});

test('a session that refuses what it is told to hear fails the playback, with what it says', async () => {
  await using folder = await testFolder();
  const world = new PlaybackWorld(folder);
  const { transport, session } = await world.call();
  const { id } = await world.start(await world.take(), { speed: 1, sessionId: session });
  await world.until(() => world.desk.find(id).positionMs > 0, 'the first piece');
  // As the session would say it of an event of the playback, and of one of its caller's.
  const place = world.sessions.registry.place(session);
  const error = {
    type: 'invalid_request_error',
    code: 'invalid_value',
    message: 'not so',
    param: null,
  } as const;
  place?.tell({ type: 'error', error: { ...error, event_id: 'mine' } });
  expect(world.desk.find(id).state).toBe('playing');
  place?.tell({ type: 'error', error: { ...error, event_id: `${id}_3` } });
  expect(world.desk.find(id)).toMatchObject({ state: 'failed', error: { code: 'playback_unsupported' } });
  expect(world.desk.find(id).message).toContain('not so [invalid_value]');
  await world.expectNothingLeft(transport);
});
