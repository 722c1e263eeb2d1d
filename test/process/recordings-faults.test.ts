// Recordings whose gateway is killed, whose disk is full, whose files are taken away, and whose names are meant ill.
import { spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseWav } from '../../src/audio/wav.ts';
import { Caller } from '../support/caller.ts';
import { testFolder } from '../support/folder.ts';
import { until } from '../support/poll.ts';
import {
  answered,
  fetched,
  leave,
  noise,
  post,
  quietCaller,
  recorded,
  recordings,
  speak,
  take,
  up,
} from '../support/recorded.ts';

test('kill -9 while it records: the next start repairs it and marks it; what was acknowledged is there', async () => {
  await using folder = await testFolder();
  await using killed = await up(folder, { config: recorded });
  await killed.event('ready');
  const { caller, session } = await quietCaller(killed);
  await using _ = caller;
  const pcm = noise(48_000);
  speak(caller, pcm, 960);
  const seen = await take(killed, ({ caller: { samples } }) => samples === pcm.length);
  expect(seen).toMatchObject({ state: 'recording' });
  const { caller: second, session: finished } = await quietCaller(killed);
  await using __ = second;
  speak(second, noise(1000), 960);
  await until(async () => (await post(killed, finished, false)).status === 200, {
    timeoutMs: 5000,
    what: 'the end of the second',
  });
  speak(caller, pcm, 960);
  await leave(killed, 'SIGKILL');
  const inside = join(recordings(folder), session, '1');
  // In the middle of a line, and of a sample.
  await writeFile(join(inside, 'events.jsonl'), '{"ms":1,"from":"cal', { flag: 'a' });
  await writeFile(join(inside, 'raw_stream.wav'), Buffer.from([1]), { flag: 'a' });

  await using next = await up(folder, { config: recorded });
  await next.event('ready');
  const mended = await take(next, ({ id }) => id === `${session}/1`);
  expect(mended).toMatchObject({ state: 'interrupted', reason: 'interrupted' });
  expect(mended.caller.samples).toBeGreaterThanOrEqual(pcm.length);
  expect(mended.events).toBeGreaterThanOrEqual(seen.events);
  const onDisk = await readFile(join(inside, 'raw_stream.wav'));
  const { pcm: kept } = parseWav(onDisk);
  expect(onDisk.readUInt32LE(40)).toBe(mended.caller.samples * 2);
  expect([...kept.subarray(0, pcm.length)]).toEqual([...pcm]);
  const lines = (await readFile(join(inside, 'events.jsonl'), 'utf8')).split('\n');
  expect(lines.pop()).toBe('');
  expect(lines.length).toBe(mended.events);
  for (const line of lines) expect(() => JSON.parse(line)).not.toThrow();
  expect(await take(next, ({ id }) => id === `${finished}/1`)).toMatchObject({
    state: 'finished',
    caller: { samples: 1000 },
  });
  const log = await readFile(join(folder.path, 'data', 'logs', 'greenroom.log'), 'utf8');
  expect(log).toContain(`recording ${session}/1 was cut short by the end of its gateway`);
});

/** A small disk of the gateway's own, gone with it. */
const smallDisk = (path: string, size: string) => [
  ...['unshare', '--user', '--map-root-user', '--mount', 'sh', '-c'],
  ...[`mkdir -p "$0" && mount -t tmpfs -o size=${size} tmpfs "$0" && exec "$@"`, path],
];
const { status: noDisk } = spawnSync(
  'sh',
  [
    '-c',
    'd=$(mktemp -d) && unshare --user --map-root-user --mount mount -t tmpfs tmpfs "$d"; s=$?; rmdir "$d"; exit $s',
  ],
  { stdio: 'ignore' },
);

test.skipIf(noDisk !== 0)(
  'on a full disk the session goes on; its caller, the record and the log say why; later it records again',
  async () => {
    await using folder = await testFolder();
    const options = { config: { ...recorded, store: 'none' } };
    await using gateway = await up(folder, {
      ...options,
      within: smallDisk(join(folder.path, 'data'), '2m'),
    });
    await gateway.event('ready');
    const data = join('/proc', String(gateway.pid), 'root', folder.path, 'data');
    const { caller, session } = await quietCaller(gateway);
    await using _ = caller;
    await caller.event('greenroom.notice', ({ state }) => state === 'on');
    speak(caller, noise(24_000), 960);
    await take(gateway, (one) => one.caller.samples === 24_000);
    await writeFile(join(data, 'filler'), Buffer.alloc(2 * 1024 * 1024)).catch(
      (thrown: NodeJS.ErrnoException) => expect(thrown.code).toBe('ENOSPC'),
    );
    speak(caller, noise(48_000), 960);
    const notice = await caller.event('greenroom.notice', ({ code }) => code === 'recording_failed');
    expect(notice).toMatchObject({ state: 'failed', take: 1 });
    expect(String(notice['message'])).toContain('the disk is full');
    await answered(caller, 'still here');
    const failed = await take(gateway, ({ state }) => state === 'failed');
    expect(failed).toMatchObject({ id: `${session}/1`, error: { code: 'recording_failed' } });
    const written = JSON.parse(
      await readFile(join(data, 'recordings', session, '1', 'metadata.json'), 'utf8'),
    );
    expect(written).toMatchObject({
      state: 'failed',
      error: { message: expect.stringContaining('disk is full') },
    });
    // Another one has no room either, and says so.
    const refused = await post(gateway, session, true);
    expect(refused).toMatchObject({ status: 500, body: { error: { code: 'recording_failed' } } });
    await rm(join(data, 'filler'));
    expect(await post(gateway, session, true)).toMatchObject({ status: 200, body: { state: 'on', take: 3 } });
    const { bytes } = await fetched(gateway, `/api/recordings/${session}/1/audio`);
    expect(parseWav(bytes).pcm.length).toBeGreaterThanOrEqual(24_000);
    expect(await leave(gateway)).toMatchObject({ code: 0, report: { forced: [] } });
  },
);

test.each([
  ['a file in the place of the folder', (root: string) => writeFile(root, 'mine'), 'is no folder'],
  [
    'a link in the place of the folder',
    async (root: string) => {
      await mkdir(`${root}-elsewhere`);
      await symlink(`${root}-elsewhere`, root);
    },
    'is no folder',
  ],
])('%s: the session goes on, and nothing is written elsewhere', async (_what, make, why) => {
  await using folder = await testFolder();
  await mkdir(join(folder.path, 'data'), { mode: 0o700 });
  await writeFile(join(folder.path, 'data', 'lock.db'), '');
  await make(recordings(folder));
  await using gateway = await up(folder, { config: recorded });
  await gateway.event('ready');
  await using caller = await Caller.call(await gateway.url());
  const notice = await caller.event('greenroom.notice', ({ code }) => code === 'recording_failed');
  expect(String(notice['message'])).toContain(why);
  await answered(caller, 'good day');
  expect(await leave(gateway)).toMatchObject({ code: 0 });
  const elsewhere = await readdir(`${recordings(folder)}-elsewhere`).catch(() => []);
  expect(elsewhere).toEqual([]);
});

test.each([
  ['its folder is removed', (take: string) => rm(take, { recursive: true }), 'its folder was removed'],
  [
    'a file of it is replaced by a link',
    async (take: string) => {
      await rm(join(take, 'events.jsonl'));
      await symlink(join(take, '..', '..', '..', 'precious'), join(take, 'events.jsonl'));
    },
    'events.jsonl was replaced by a link',
  ],
])(
  'a take under way, and %s: told within seconds; what the link leads to is untouched',
  async (_what, harm, why) => {
    await using folder = await testFolder();
    await using gateway = await up(folder, { config: recorded });
    await gateway.event('ready');
    const precious = join(folder.path, 'data', 'precious');
    await writeFile(precious, 'theirs');
    const { caller, session } = await quietCaller(gateway);
    await using _ = caller;
    await caller.event('greenroom.notice', ({ state }) => state === 'on');
    await harm(join(recordings(folder), session, '1'));
    const notice = await until(
      () => {
        speak(caller, noise(480), 960);
        return caller.all('greenroom.notice').find(({ code }) => code === 'recording_failed');
      },
      { timeoutMs: 5000, what: 'the notice' },
    );
    expect(String(notice['message'])).toContain(why);
    await answered(caller, 'good day');
    expect(await readFile(precious, 'utf8')).toBe('theirs');
  },
);

test('names that lead elsewhere find nothing, and remove nothing', async () => {
  await using folder = await testFolder();
  await using gateway = await up(folder, { config: recorded });
  await gateway.event('ready');
  {
    await using caller = await Caller.call(await gateway.url());
    await caller.event('greenroom.notice', ({ state }) => state === 'on');
  }
  const { session } = await take(gateway, ({ state }) => state === 'finished');
  // Of somebody who has put a link among them.
  await symlink(join(recordings(folder), session), join(recordings(folder), 'linked'));
  await mkdir(join(recordings(folder), session, '7'));
  await writeFile(join(recordings(folder), session, '7', 'metadata.json'), '{"mine":true}');
  for (const [one, other] of [
    ['..', '1'],
    ['%2e%2e', '1'],
    ['..%2f..', '1'],
    [`${session}%2f..%2f${session}`, '1'],
    [session, '..%2f1'],
    [session, '01'],
    [session, '1%00'],
    [session, '7'],
    ['linked', '1'],
  ] as const)
    for (const method of ['GET', 'DELETE'])
      for (const end of method === 'GET' ? ['', '/audio'] : ['']) {
        const response = await fetch(`${await gateway.url()}/api/recordings/${one}/${other}${end}`, {
          method,
        });
        expect(response.status, `${method} ${one}/${other}${end}`).toBe(404);
        await response.body?.cancel();
      }
  expect((await readdir(join(recordings(folder), session))).sort()).toEqual(['1', '7']);
  expect(await readFile(join(recordings(folder), session, '7', 'metadata.json'), 'utf8')).toBe(
    '{"mine":true}',
  );
});
