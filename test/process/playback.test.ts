// Recordings of a real gateway, played back: what is heard and answered is what was, and nothing of it is left.
import { expect, test } from 'vitest';
import { pcmToBase64 } from '../../src/audio/pcm.ts';
import { Caller } from '../support/caller.ts';
import { speech, startCascade } from '../support/cascade-process.ts';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { conversation, notices, play, played } from '../support/played.ts';
import { take } from '../support/recorded.ts';

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
