// All takes of a folder, on a real disk: what is left by whoever was killed, and what may be removed.
import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseWav } from '../../../src/audio/wav.ts';
import { Durable } from '../../../src/recordings/durable.ts';
import type { TakeFacts } from '../../../src/recordings/facts.ts';
import type { Step } from '../../../src/recordings/protocol.ts';
import { Shelf } from '../../../src/recordings/shelf.ts';
import { type TestFolder, testFolder } from '../../support/folder.ts';
import { factsOf } from './takes.ts';

const limits = { keepMs: 1e12, countMax: 100, bytesMax: 1e12 };

function shelfIn(folder: TestFolder, more: Partial<typeof limits> = {}) {
  const said = {
    takes: [] as TakeFacts[],
    refused: [] as string[],
    looked: [] as (readonly TakeFacts[])[],
    removed: [] as string[],
    notices: [] as string[],
  };
  const clock = { ms: 10_000 };
  const shelf = new Shelf({
    root: join(folder.path, 'recordings'),
    limits: { ...limits, ...more },
    version: '1.2.3',
    wallTime: () => clock.ms,
    onTake: (_, take) => said.takes.push(take),
    onRefused: (_, message) => said.refused.push(message),
    onRemoved: ({ id }) => said.removed.push(id),
    onLook: (takes) => said.looked.push(takes),
    onNotice: (message) => said.notices.push(message),
  });
  shelf.open();
  return { shelf, said, clock };
}

const start = (key: number, session: string, take = 1, atMs = 1000): Step => ({
  ...{ type: 'start', key, name: { session, take }, pipeline: 'default' },
  ...{ formats: 'told', atMs, context: [] },
});
const append = (key: number, samples: number): Step => ({
  ...{ type: 'event', key, from: 'caller', ms: 1 },
  text: JSON.stringify({
    type: 'input_audio_buffer.append',
    audio: Buffer.alloc(samples * 2, 1).toString('base64'),
  }),
});
const stop = (key: number, atMs = 2000) => ({ type: 'stop', key, reason: 'done', atMs }) as const;
const ids = (shelf: Shelf, session?: string) => {
  const found = shelf.answer({ of: 'list', session, limit: 100 });
  return found.state === 'list' ? found.takes.map(({ id }) => id) : [];
};

test('a take that was cut short in any place is mended: headers, lines, and a file that is not there', async () => {
  await using folder = await testFolder();
  const first = shelfIn(folder);
  first.shelf.apply([start(1, 'whole'), start(2, 'bare'), append(1, 500), append(1, 500)]);
  // Nothing is closed: the gateway is gone.
  const inside = join(folder.path, 'recordings', 'whole', '1');
  await writeFile(join(inside, 'events.jsonl'), '{"ms"', { flag: 'a' });
  await writeFile(join(inside, 'raw_stream.wav'), 'x', { flag: 'a' });
  await writeFile(join(inside, 'metadata.json.new'), '{"half');
  for (const name of ['assistant.wav', 'events.jsonl'])
    await rm(join(folder.path, 'recordings', 'bare', '1', name));

  const { shelf, said } = shelfIn(folder);
  expect(said.notices).toHaveLength(2);
  const found = shelf.answer({ of: 'one', name: { session: 'whole', take: 1 } });
  expect(found).toMatchObject({
    take: { state: 'interrupted', endedAtMs: 10_000, events: 2, caller: { samples: 1000 } },
  });
  const wav = await readFile(join(inside, 'raw_stream.wav'));
  expect(wav.readUInt32LE(40)).toBe(2000);
  expect(parseWav(wav).pcm.length).toBe(1000);
  expect((await readFile(join(inside, 'events.jsonl'), 'utf8')).match(/\n/g)).toHaveLength(2);
  expect(await readdir(inside)).not.toContain('metadata.json.new');
  expect(shelf.answer({ of: 'one', name: { session: 'bare', take: 1 } })).toMatchObject({
    take: { state: 'interrupted', events: 0, assistant: { samples: 0 } },
  });
  // Once: the next start finds nothing to mend.
  expect(shelfIn(folder).said.notices).toEqual([]);
});

test('what lies there already is never written over: the take gets the next number', async () => {
  await using folder = await testFolder();
  const { shelf, said } = shelfIn(folder);
  await mkdir(join(folder.path, 'recordings', 'a', '2'), { recursive: true });
  shelf.apply([start(1, 'a'), append(1, 10), stop(1), start(2, 'a'), append(2, 99), stop(2)]);
  // It was made after the look: then it is refused, and the one after it is not.
  expect(said.refused).toHaveLength(1);
  shelf.apply([start(3, 'a'), append(3, 99), stop(3)]);
  expect(said.takes.map(({ take, state }) => [take, state])).toEqual([
    ...[
      [1, 'recording'],
      [1, 'finished'],
      [3, 'recording'],
      [3, 'finished'],
    ],
  ]);
  expect(shelf.answer({ of: 'one', name: { session: 'a', take: 1 } })).toMatchObject({
    take: { caller: { samples: 10 } },
  });
});

test('a number is never used again: not after a removal, by whomever, nor by the next gateway', async () => {
  await using folder = await testFolder();
  const root = join(folder.path, 'recordings');
  const record = (shelf: Shelf, key: number) => shelf.apply([start(key, 'a'), stop(key)]);
  const first = shelfIn(folder);
  for (const key of [1, 2]) record(first.shelf, key);
  expect(ids(first.shelf)).toEqual(['a/2', 'a/1']);
  expect(first.shelf.answer({ of: 'remove', name: { session: 'a', take: 2 } })).toMatchObject({
    state: 'removed',
  });
  record(first.shelf, 3);
  expect(ids(first.shelf)).toEqual(['a/3', 'a/1']);
  expect(first.shelf.answer({ of: 'remove_all', session: 'a' })).toEqual({ state: 'removed_all', count: 2 });
  expect(await readdir(root)).toEqual(['.take-numbers']);
  // Of one that was killed in the middle of a line.
  await writeFile(join(root, '.take-numbers'), 'a', { flag: 'a' });
  const second = shelfIn(folder);
  record(second.shelf, 1);
  expect(ids(second.shelf)).toEqual(['a/4']);
  expect(second.shelf.answer({ of: 'remove_all', session: 'a' })).toMatchObject({ count: 1 });
  const third = shelfIn(folder);
  record(third.shelf, 1);
  expect(ids(third.shelf)).toEqual(['a/5']);
});

test('a take whose metadata is spoilt is told as broken, and goes with its session', async () => {
  await using folder = await testFolder();
  const first = shelfIn(folder);
  first.shelf.apply([start(1, 'a'), append(1, 10), stop(1), start(2, 'a'), append(2, 10), stop(2)]);
  const root = join(folder.path, 'recordings');
  await writeFile(join(root, 'a', '1', 'metadata.json'), '{"kind":"greenroom-rec');
  await writeFile(join(root, 'a', '1', 'mine.txt'), 'somebody else’s');
  await folder.write('recordings/a/7/metadata.json', '{"theirs":true}');
  const { shelf, said } = shelfIn(folder);
  expect(said.looked.map((takes) => takes.map(({ id }) => id))).toEqual([['a/2']]);
  expect(shelf.answer({ of: 'one', name: { session: 'a', take: 1 } })).toMatchObject({
    state: 'broken',
    message: expect.stringMatching(/recording a\/1 is broken: .*metadata\.json/),
  });
  expect(shelf.answer({ of: 'remove_all', session: 'a' })).toEqual({ state: 'removed_all', count: 2 });
  expect(await readdir(join(root, 'a', '1'))).toEqual(['mine.txt']);
  expect(await readdir(join(root, 'a'))).toEqual(['1', '7']);
  expect(await readdir(join(root, 'a', '7'))).toEqual(['metadata.json']);
  expect(shelf.answer({ of: 'one', name: { session: 'a', take: 7 } })).toMatchObject({ state: 'unknown' });
});

test('removing takes our files away, and nothing through a link', async () => {
  await using folder = await testFolder();
  const { shelf, said } = shelfIn(folder);
  shelf.apply([start(1, 'a'), stop(1), start(2, 'a', 2), stop(2), start(3, 'b'), stop(3), start(4, 'c')]);
  const root = join(folder.path, 'recordings');
  await folder.write('precious/metadata.json', 'theirs');
  await folder.write('precious/raw_stream.wav', 'theirs');
  await rm(join(root, 'b', '1'), { recursive: true });
  await symlink(join(folder.path, 'precious'), join(root, 'b', '1'));
  expect(shelf.answer({ of: 'remove', name: { session: 'b', take: 1 } })).toEqual({
    state: 'unknown',
    takes: [],
  });
  expect(await readdir(join(folder.path, 'precious'))).toHaveLength(2);
  expect(shelf.answer({ of: 'remove', name: { session: 'c', take: 1 } })).toEqual({ state: 'under_way' });
  expect(shelf.answer({ of: 'remove', name: { session: 'a', take: 3 } })).toEqual({
    ...{ state: 'unknown', takes: [1, 2] },
  });
  await rm(join(root, 'a', '1', 'assistant.wav'));
  await symlink(join(folder.path, 'precious', 'metadata.json'), join(root, 'a', '1', 'assistant.wav'));
  expect(shelf.answer({ of: 'remove', name: { session: 'a', take: 1 } })).toMatchObject({ state: 'removed' });
  // The first one is none any more.
  expect(said.removed).toEqual(['b/1', 'a/1']);
  expect(await readFile(join(folder.path, 'precious', 'metadata.json'), 'utf8')).toBe('theirs');
  expect(ids(shelf)).toEqual(['a/2', 'c/1']);
  expect(ids(shelf, 'a')).toEqual(['a/2']);
  // Taken away by hand: it is not there any more.
  await rm(join(root, 'a'), { recursive: true });
  expect(ids(shelf)).toEqual(['c/1']);
  shelf.close();
  expect(said.takes.at(-1)).toMatchObject({ id: 'c/1', state: 'finished', reason: 'server_shutdown' });
});

test('what was removed half is removed whole the next time; what has no metadata of ours stays', async () => {
  await using folder = await testFolder();
  const first = shelfIn(folder);
  first.shelf.apply([start(1, 'old'), stop(1, 2000), start(2, 'new', 1, 3000), stop(2, 4000)]);
  const root = join(folder.path, 'recordings');
  for (const name of ['raw_stream.wav', 'events.jsonl']) await rm(join(root, 'old', '1', name));
  await mkdir(join(root, 'theirs', '1'), { recursive: true });
  await writeFile(join(root, 'theirs', '1', 'raw_stream.wav'), 'theirs');
  await mkdir(join(root, 'not a name', 'x'), { recursive: true });
  const { said, shelf } = shelfIn(folder, { countMax: 1 });
  expect(said.removed).toEqual(['old/1']);
  expect(ids(shelf)).toEqual(['new/1']);
  expect((await readdir(root)).sort()).toEqual(['.take-numbers', 'new', 'not a name', 'theirs']);
  expect(await readdir(join(root, 'theirs', '1'))).toEqual(['raw_stream.wav']);
});

test('of many takes that end together some are made durable later, a little at a time; all are said at once', async () => {
  await using folder = await testFolder();
  let ms = 0;
  const notices: string[] = [];
  const durable = new Durable({ now: () => (ms += 50), onNotice: (message) => notices.push(message) });
  const { shelf } = shelfIn(folder);
  shelf.apply([1, 2, 3, 4, 5, 6, 7, 8].flatMap((key) => [start(key, `s${key}`), stop(key)]));
  for (let key = 1; key <= 8; key += 1)
    durable.add(join(folder.path, 'recordings', `s${key}`, '1'), factsOf(`s${key}`, 1));
  // Each file or folder takes 50 ms here, and a go has 300: six of them.
  const all = 8 * 4 + 8 * 2 + 1;
  expect(durable.waiting).toBeGreaterThan(all - 8);
  await rm(join(folder.path, 'recordings', 's8'), { recursive: true });
  for (let left = durable.waiting; left > 0; left = durable.waiting) {
    durable.go();
    expect(left - durable.waiting).toBe(Math.min(left, 6));
  }
  expect(notices).toEqual([]);
  expect(shelf.rest()).toBe('done');
});
