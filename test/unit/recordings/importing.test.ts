// What is brought along, without a gateway: how it ends when it does not come to its end, and how many come at once.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Decoders } from '../../../src/audio/decoding/decoders.ts';
import { shippedFile } from '../../../src/engines/locate.ts';
import { Importing } from '../../../src/recordings/importing.ts';
import { Shelf } from '../../../src/recordings/shelf.ts';
import { testFolder } from '../../support/folder.ts';
import { tonePath } from '../audio/webm/streams.ts';

async function open() {
  const folder = await testFolder();
  const root = join(folder.path, 'recordings');
  const decoders = new Decoders({ file: shippedFile('decoding') });
  const removed: string[] = [];
  const openShelf = (bytesMax = 1e12) => {
    const shelf = new Shelf({
      ...{ root, limits: { keepMs: 1e12, countMax: 100, bytesMax }, version: '1.2.3', wallTime: () => 5000 },
      ...{ onTake: () => undefined, onRefused: () => undefined, onNotice: () => undefined },
      onLook: () => undefined,
      onRemoved: ({ id }) => removed.push(id),
    });
    shelf.open();
    return shelf;
  };
  let shelf = openShelf();
  const importing = new Importing({
    ...{ decoders, bytesMax: 1_000_000, wallTime: () => 5000 },
    recorder: { ask: async (query) => shelf.answer(query) },
  });
  return {
    ...{ root, importing, decoders, removed },
    anew: (bytesMax?: number) => {
      shelf = openShelf(bytesMax);
      return shelf;
    },
    async [Symbol.asyncDispose]() {
      await decoders.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

const tone = await readFile(tonePath);
async function* once(...pieces: readonly Uint8Array[]) {
  yield* pieces;
}

test('who leaves in the middle leaves nothing; five at once are one too many', async () => {
  await using made = await open();
  const gone = Promise.withResolvers<void>();
  async function* held() {
    yield tone.subarray(0, 1000);
    await gone.promise;
    throw new Error('aborted');
  }
  const four = [held(), held(), held(), held()].map((body) => made.importing.take(body));
  const ended = Promise.allSettled(four);
  await expect(made.importing.take(once(tone))).rejects.toMatchObject({
    code: 'server_busy',
    details: { limit: 4 },
  });
  gone.resolve();
  for (const outcome of await ended)
    expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'invalid_request' } });
  expect(await readdir(join(made.root, '.incoming'))).toEqual([]);
  expect(made.decoders.count).toBe(0);
  expect((await made.importing.take(once(tone.subarray(0, 5), tone.subarray(5)))).caller.samples).toBe(
    141_120,
  );
});

test('what a gateway left that was killed in the middle is swept; an import outlasts it as every take does', async () => {
  await using made = await open();
  const take = await made.importing.take(once(tone));
  await mkdir(join(made.root, '.incoming'), { recursive: true });
  await writeFile(join(made.root, '.incoming', 'import_half'), tone.subarray(0, 100));
  const shelf = made.anew();
  expect((await readdir(made.root)).sort()).toEqual([take.session]);
  expect(shelf.answer({ of: 'one', name: take })).toEqual({ state: 'one', take });
  expect(await readFile(join(made.root, take.session, '1', 'raw_stream.webm'))).toEqual(tone);
  // It counts as others do.
  made.anew(100);
  expect(made.removed).toEqual([take.id]);
  expect(await readdir(made.root)).toEqual(['.take-numbers']);
});

test('a disk that does not take it is told, and nothing stands for a take', async () => {
  await using made = await open();
  await writeFile(made.root, 'a file in its place');
  await expect(made.importing.take(once(tone))).rejects.toMatchObject({
    ...{ code: 'recording_failed', message: expect.stringContaining('is no folder') },
  });
});
