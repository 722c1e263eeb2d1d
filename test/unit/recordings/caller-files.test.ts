// The caller's side on the disk, where it changes between PCM and WebM.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseWav } from '../../../src/audio/wav.ts';
import { CallerFiles, type CallerSound } from '../../../src/recordings/caller-files.ts';
import { callerPiecesMax } from '../../../src/recordings/names.ts';
import { testFolder } from '../../support/folder.ts';

const pcm = (...samples: number[]): CallerSound => ({
  container: 'wav',
  pcm: Int16Array.from(samples),
  format: 'audio/pcmu',
});
const webm = (text: string, stream: 'begin' | 'same' = 'same'): CallerSound => ({
  ...{ container: 'webm', bytes: new Uint8Array(Buffer.from(text)), samples: 960, stream },
});

test('a file for each stretch; where nothing was said before, its place', async () => {
  await using folder = await testFolder();
  const files = new CallerFiles(folder.path);
  try {
    expect(files.tracks).toMatchObject([{ file: 'raw_stream.wav', samples: 0 }]);
    files.write([webm('one', 'begin'), webm('two')]);
    expect(await readdir(folder.path)).toEqual(['raw_stream.webm']);
    files.write([webm('three', 'begin'), pcm(1, 2), pcm(3), webm('four', 'begin')]);
    files.check();
    files.mend();
    expect(files.tracks).toEqual([
      ...[
        { file: 'raw_stream.webm', samples: 1920, durationMs: 40 },
        { file: 'raw_stream.2.webm', samples: 960, durationMs: 20 },
      ].map((track) => ({
        ...track,
        container: 'webm',
        codec: 'opus',
        rateHz: 48_000,
        formats: ['audio/webm'],
      })),
      {
        ...{ file: 'raw_stream.3.wav', container: 'wav', codec: 'pcm', rateHz: 24_000, samples: 3 },
        ...{ durationMs: 0, formats: ['audio/pcmu'] },
      },
      expect.objectContaining({ file: 'raw_stream.4.webm' }),
    ]);
    expect(files.bytes).toBe(6 + 5 + 44 + 6 + 4);
  } finally {
    files.close();
  }
  const text = async (name: string) => (await readFile(join(folder.path, name))).toString();
  expect(await text('raw_stream.webm')).toBe('onetwo');
  expect(await text('raw_stream.2.webm')).toBe('three');
  expect([...parseWav(await readFile(join(folder.path, 'raw_stream.3.wav'))).pcm]).toEqual([1, 2, 3]);
});

test('a recorder that is started for each sentence: the last file takes what is over the bound, and nothing is lost', async () => {
  await using folder = await testFolder();
  const files = new CallerFiles(folder.path);
  try {
    for (let count = 0; count < callerPiecesMax + 5; count += 1) files.write([webm('x', 'begin')]);
    expect(files.tracks.length).toBe(callerPiecesMax);
    expect(files.bytes).toBe(callerPiecesMax + 5);
    expect(() => files.write([pcm(1)])).toThrow(/changed between PCM and WebM over 200 times/);
  } finally {
    files.close();
  }
});
