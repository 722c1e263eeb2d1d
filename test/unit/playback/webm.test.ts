// A recording that is WebM as a browser sent it, played back: whole, cut, spoilt, missing, or with a decoder that dies.
import { readFile, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Decoders } from '../../../src/audio/decoding/decoders.ts';
import { shippedFile } from '../../../src/engines/locate.ts';
import { type TestFolder, testFolder } from '../../support/folder.ts';
import { PlaybackWorld } from '../../support/playback-world.ts';
import { tonePath } from '../audio/webm/streams.ts';

const tone = await readFile(tonePath);
/** At 48 kHz: 2.94 s. */
const samples = 141_120;

function open(folder: TestFolder) {
  const decoders = new Decoders({ file: shippedFile('decoding') });
  const world = new PlaybackWorld(folder, undefined, decoders);
  const taken = (bytes: Uint8Array = tone) => world.take({ webm: { bytes, samples }, events: null });
  return { decoders, world, taken, [Symbol.asyncDispose]: () => decoders.close() };
}

test('it is played to its end, with one decoder, which is closed with it', async () => {
  await using folder = await testFolder();
  await using it = open(folder);
  const { transport, session } = await it.world.call();
  const { id, durationMs } = await it.world.start(await it.taken(), { sessionId: session });
  expect(durationMs).toBe(2940);
  expect(await it.world.ended(id)).toBe('finished');
  expect(it.world.desk.find(id).positionMs).toBe(2940);
  expect(it.decoders.count).toBe(0);
  await it.world.expectNothingLeft(transport);
});

test('what is missing, or is no WebM, is refused; nothing is active then, and no decoder left', async () => {
  await using folder = await testFolder();
  await using it = open(folder);
  const { transport, session } = await it.world.call();
  const missing = await it.taken();
  await rm(join(folder.path, missing, 'raw_stream.webm'));
  for (const recording of [
    missing,
    await it.taken(new Uint8Array()),
    await it.taken(Buffer.alloc(5000, 0x42)),
  ]) {
    const asked = it.world.start(recording, { sessionId: session });
    await expect(asked, recording).rejects.toMatchObject({ code: 'recording_unplayable' });
    expect(it.world.desk.list()).toEqual([]);
    await it.world.until(() => it.decoders.count === 0, 'the decoder to be closed', 1);
  }
  expect(transport.all('greenroom.playback')).toEqual([]);
  await it.world.expectNothingLeft(transport);
});

test('what is cut or spoilt behind its beginning fails there, and its session goes on', async () => {
  await using folder = await testFolder();
  await using it = open(folder);
  const { transport, session } = await it.world.call();
  const spoilt = Buffer.from(tone);
  spoilt.fill(0x42, 4000, 5000);
  for (const bytes of [tone.subarray(0, 3001), spoilt]) {
    const { id } = await it.world.start(await it.taken(bytes), { sessionId: session });
    expect(await it.world.ended(id)).toBe('failed');
    const { positionMs, error } = it.world.desk.find(id);
    expect(error).toMatchObject({ code: 'recording_unplayable' });
    expect(positionMs).toBeGreaterThan(0);
    expect(positionMs).toBeLessThan(2940);
    expect(transport.state).toBe('open');
    expect(it.decoders.count).toBe(0);
  }
  await it.world.expectNothingLeft(transport);
});

test('a file that is cut, and a decoder that dies while it plays: it has an end, and the session goes on', async () => {
  await using folder = await testFolder();
  await using it = open(folder);
  const { transport, session } = await it.world.call();
  for (const harm of [
    (recording: string) => truncate(join(folder.path, recording, 'raw_stream.webm'), 0),
    () => it.decoders.close(),
  ]) {
    const recording = await it.taken();
    const { id } = await it.world.start(recording, { speed: 1, sessionId: session });
    await it.world.until(() => it.world.desk.find(id).positionMs > 0, 'the first piece');
    await harm(recording);
    expect(['finished', 'failed']).toContain(await it.world.ended(id));
    expect(it.world.desk.list()).toEqual([]);
    expect(transport.state).toBe('open');
    expect(it.decoders.count).toBe(0);
  }
  await it.world.expectNothingLeft(transport);
});
