// The caller's sound of a recording: read whole and in pieces, refused where it is missing, broken or empty.
import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { wavHeader, writeWav } from '../../../src/audio/wav.ts';
import { openCallerTrack } from '../../../src/playback/caller-track.ts';
import { testFolder } from '../../support/folder.ts';
import { factsOf } from '../recordings/takes.ts';

const take = factsOf('sess_1', 1);
const file = join('sess_1', '1', 'raw_stream.wav');
const pcm = Int16Array.from({ length: 24_000 + 7 }, (_, at) => at % 30_000);

async function all(chunks: AsyncIterable<Int16Array>): Promise<readonly number[]> {
  const samples: number[] = [];
  for await (const chunk of chunks) samples.push(...chunk);
  return samples;
}

test('all of it comes, in pieces of a tenth of a second', async () => {
  await using folder = await testFolder();
  await folder.write(file, writeWav(pcm, 24_000));
  const track = await openCallerTrack(folder.path, take);
  expect(track.rateHz).toBe(24_000);
  expect(track.durationMs).toBeCloseTo(1000.29, 1);
  expect(await all(track.chunks)).toEqual([...pcm]);
  await track.close();
  await track.close();
});

test('a header that was never filled in means the rest of the file; eight bits in stereo are read as well', async () => {
  await using folder = await testFolder();
  await folder.write(file, Buffer.concat([wavHeader(0, 24_000), new Uint8Array(pcm.buffer)]));
  const track = await openCallerTrack(folder.path, take);
  expect(await all(track.chunks)).toEqual([...pcm]);
  await track.close();

  const header = Buffer.from(wavHeader(1600, 8000));
  header.writeUInt16LE(2, 22);
  header.writeUInt32LE(16_000, 28);
  header.writeUInt16LE(8, 34);
  await folder.write(file, Buffer.concat([header, Buffer.alloc(1600, 192)]));
  const stereo = await openCallerTrack(folder.path, take);
  expect(await all(stereo.chunks)).toEqual(Array.from({ length: 800 }, () => 64 * 256));
  await stereo.close();
});

test('what is missing, broken, cut or empty is refused with what is wrong', async () => {
  await using folder = await testFolder();
  const refused = (why: RegExp) =>
    expect(openCallerTrack(folder.path, take)).rejects.toMatchObject({
      code: 'recording_unplayable',
      message: expect.stringMatching(why),
    });
  await refused(/raw_stream\.wav is missing/);
  for (const [bytes, why] of [
    [Buffer.from('not a wav, whatever its name says'), /"RIFF" expected/],
    [Buffer.alloc(3), /is broken/],
    [Buffer.concat([wavHeader(0, 24_000).subarray(0, 30), Buffer.alloc(4)]), /is broken/],
    [Buffer.concat([wavHeader(4800, 0), Buffer.alloc(4800)]), /a rate of 0 Hz/],
    [Buffer.concat([wavHeader(48_000, 24_000), Buffer.alloc(100)]), /is cut: 144 bytes of 48044 are there/],
    [wavHeader(0, 24_000), /nothing of the caller/],
  ] as const) {
    await folder.write(file, bytes);
    await refused(why);
  }
  const elsewhere = { ...take, caller: { ...take.caller, file: '../../secret.wav' } };
  await folder.write('secret.wav', writeWav(pcm, 24_000));
  await expect(openCallerTrack(folder.path, elsewhere)).rejects.toMatchObject({
    code: 'recording_unplayable',
  });
});

test('a file that is cut while it is read is told; one that was closed just ends', async () => {
  await using folder = await testFolder();
  const path = await folder.write(file, writeWav(pcm, 24_000));
  const cut = await openCallerTrack(folder.path, take);
  await truncate(path, 4800);
  await expect(all(cut.chunks)).rejects.toThrow(/was cut while it was played/);
  await cut.close();
  await folder.write(file, writeWav(pcm, 24_000));
  const closed = await openCallerTrack(folder.path, take);
  await closed.close();
  expect(await all(closed.chunks)).toEqual([]);
});
