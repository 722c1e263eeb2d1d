// What a take's caller said, whatever it was kept as: in order, at one rate, and nothing held when nobody listens on.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Decoders } from '../../../src/audio/decoding/decoders.ts';
import { concatPcm } from '../../../src/audio/pcm.ts';
import { writeWav } from '../../../src/audio/wav.ts';
import { shippedFile } from '../../../src/engines/locate.ts';
import { openCallerAudio } from '../../../src/recordings/caller-audio.ts';
import { wavTrack, webmTrack } from '../../../src/recordings/track.ts';
import { testFolder } from '../../support/folder.ts';
import { tonePath } from '../audio/webm/streams.ts';
import { factsOf } from './takes.ts';

async function open() {
  const folder = await testFolder();
  const decoders = new Decoders({ file: shippedFile('decoding') });
  const pcm = Int16Array.from({ length: 24_000 }, (_, at) => (at * 7919) % 20_000);
  const inside = join(folder.path, 'sess_a', '1');
  await mkdir(inside, { recursive: true });
  await writeFile(join(inside, 'raw_stream.wav'), writeWav(pcm, 24_000));
  await writeFile(join(inside, 'raw_stream.2.webm'), await readFile(tonePath));
  const take = {
    ...factsOf('sess_a', 1),
    ...{
      caller: wavTrack('raw_stream.wav', 48_044, []),
      callerMore: [webmTrack('raw_stream.2.webm', 141_120)],
    },
  };
  return {
    ...{ root: folder.path, decoders, pcm, take },
    async [Symbol.asyncDispose]() {
      await decoders.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

test('a take in two pieces is one stream', async () => {
  await using made = await open();
  const { chunks, ...facts } = await openCallerAudio(made);
  expect(facts).toEqual({ rateHz: 24_000, durationMs: 3940 });
  const pieces: Int16Array[] = [];
  for await (const chunk of chunks) {
    expect(chunk.length).toBeLessThanOrEqual(131_072);
    pieces.push(chunk);
  }
  const all = concatPcm(pieces);
  expect(all.length).toBe(24_000 + 70_560);
  expect(all.subarray(0, 24_000)).toEqual(made.pcm);
  expect(made.decoders.count).toBe(0);
});

test('nobody listens on: nothing is held; what is not there is told before the first sound', async () => {
  await using made = await open();
  const { chunks } = await openCallerAudio({ ...made, rateHz: 16_000 });
  expect(made.decoders.count).toBe(0);
  for await (const _ of chunks) {
    expect(made.decoders.count).toBe(1);
    break;
  }
  expect(made.decoders.count).toBe(0);
  const underWay = { ...made.take, state: 'recording' } as const;
  expect((await openCallerAudio({ ...made, take: underWay })).durationMs).toBeNull();
  const gone = { ...made.take, callerMore: [webmTrack('raw_stream.9.webm', 1)] };
  await expect(openCallerAudio({ ...made, take: gone })).rejects.toMatchObject({ code: 'recording_broken' });
});
