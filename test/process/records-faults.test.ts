// Records whose database is held by another program, whose disk is full, whose folder cannot be read, whose files are
// spoilt: an error with its reason and the next step, and calls that go on.
import { spawnSync } from 'node:child_process';
import { chmod, chown, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { type TestFolder, testFolder } from '../support/folder.ts';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';
import {
  answered,
  noise,
  post,
  quietCaller,
  recorded,
  recordings,
  speak,
  take,
  takes,
  up,
} from '../support/recorded.ts';

async function ids(gateway: GatewayProcess, query: string): Promise<readonly string[]> {
  const { body } = await gateway.json(`/api/sessions${query}`);
  return (body as { data: readonly { readonly id: string }[] }).data.map(({ id }) => id);
}

async function call(gateway: GatewayProcess, text: string): Promise<string> {
  const { caller, session } = await quietCaller(gateway);
  await answered(caller, text);
  await caller[Symbol.asyncDispose]();
  await until(async () => (await ids(gateway, '?state=ended')).includes(session), {
    ...{ timeoutMs: 10_000, what: `the end of ${session}` },
  });
  return session;
}

const remove = (gateway: GatewayProcess, session: string) =>
  gateway.json(`/api/sessions/${session}`, { method: 'DELETE' });

test('a database that another program holds is busy: reading goes on, removing says so, calls go on, nothing is lost', async () => {
  await using folder = await testFolder();
  await using gateway = await up(folder);
  await gateway.event('ready');
  const ended = await call(gateway, 'before');
  const other = new DatabaseSync(join(folder.path, 'data', 'greenroom.db'));
  other.exec('BEGIN IMMEDIATE');
  const { caller, session } = await quietCaller(gateway);
  await using _ = caller;
  await answered(caller, 'while it is held');
  expect(await ids(gateway, '?state=all')).toEqual([session, ended]);
  expect(await remove(gateway, ended)).toMatchObject({
    status: 503,
    body: { error: { code: 'store_busy', message: expect.stringContaining('database is locked') } },
  });
  other.exec('ROLLBACK');
  other.close();
  await until(async () => (await ids(gateway, '?q=held')).includes(session), {
    ...{ timeoutMs: 10_000, what: 'what was said meanwhile' },
  });
  expect(await remove(gateway, ended)).toMatchObject({ status: 200, body: { items: 2 } });
});

test('another program that only reads keeps what was removed in the WAL, which is said, and no longer than it reads', async () => {
  await using folder = await testFolder();
  await using gateway = await up(folder);
  await gateway.event('ready');
  const ended = await call(gateway, 'the secret qzxvjkwp');
  const reader = new DatabaseSync(join(folder.path, 'data', 'greenroom.db'), { readOnly: true });
  reader.exec('BEGIN');
  expect(reader.prepare('SELECT count(*) AS items FROM items').get()).toEqual({ items: 2 });
  expect(await remove(gateway, ended)).toMatchObject({ status: 200, body: { items: 2 } });
  const wal = () => readFile(join(folder.path, 'data', 'greenroom.db-wal'), 'latin1');
  expect(await wal()).toContain('qzxvjkwp');
  await until(
    async () =>
      (await readFile(join(folder.path, 'data', 'logs', 'greenroom.log'), 'utf8')).includes(
        'since another program reads from the database',
      ),
    { timeoutMs: 5000, what: 'the line of the log' },
  );
  reader.exec('ROLLBACK');
  reader.close();
  await call(gateway, 'after');
  expect(await wal()).not.toContain('qzxvjkwp');
  expect(await readFile(join(folder.path, 'data', 'greenroom.db'), 'latin1')).not.toContain('qzxvjkwp');
});

/** A small disk of the gateway's own, gone with it. */
const smallDisk = (path: string, size: string) => [
  ...['unshare', '--user', '--map-root-user', '--mount', 'sh', '-c'],
  ...[`mkdir -p "$0" && mount -t tmpfs -o size=${size} tmpfs "$0" && exec "$@"`, path],
];
const trial =
  'd=$(mktemp -d) && unshare --user --map-root-user --mount mount -t tmpfs tmpfs "$d"; s=$?; rmdir "$d"; exit $s';
const noDisk = spawnSync('sh', ['-c', trial], { stdio: 'ignore' }).status !== 0;

test.skipIf(noDisk)(
  'on a full disk records are found still; what cannot be removed is told; with room again it is removed',
  async () => {
    await using folder = await testFolder();
    const data = join(folder.path, 'data');
    await using gateway = await up(folder, { within: smallDisk(data, '3m') });
    await gateway.event('ready');
    const ended = await call(gateway, 'before');
    const inside = join('/proc', String(gateway.pid), 'root', data);
    await writeFile(join(inside, 'filler'), Buffer.alloc(4 * 1024 * 1024)).catch(
      (thrown: NodeJS.ErrnoException) => expect(thrown.code).toBe('ENOSPC'),
    );
    const { caller, session } = await quietCaller(gateway);
    await using _ = caller;
    // More than what the WAL has room for already.
    caller.send({
      type: 'conversation.item.create',
      item: {
        type: 'message',
        role: 'system',
        content: [{ type: 'input_text', text: 'full '.repeat(20_000) }],
      },
    });
    await answered(caller, 'still here');
    expect(await remove(gateway, ended)).toMatchObject({
      ...{ status: 503, body: { error: { code: 'store_busy' } } },
    });
    expect(await ids(gateway, '?q=before')).toEqual([ended]);
    expect(await ids(gateway, '?state=all')).toContain(session);
    await rm(join(inside, 'filler'));
    await until(async () => (await remove(gateway, ended)).status === 200, {
      ...{ timeoutMs: 10_000, what: 'room on the disk' },
    });
    expect(await ids(gateway, '?q=before')).toEqual([]);
  },
);

const nobody = 65_534;
const asNobody = ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups'];
const noOther =
  process.getuid?.() !== 0 || spawnSync(asNobody[0] ?? '', [...asNobody.slice(1), 'true']).status !== 0;

/** Its own folder, and the one of the data. */
const givenAway = (data: TestFolder) => async (own: TestFolder) => {
  for (const { path } of [own, data]) await chown(path, nobody, nobody);
};

test.skipIf(noOther)(
  'a folder of recordings that cannot be read is an error with its reason; once it can be, all is there',
  async () => {
    await using folder = await testFolder();
    const options = { config: recorded, within: asNobody };
    let ended = '';
    {
      await using gateway = await up(folder, { ...options, prepare: givenAway(folder) });
      await gateway.event('ready');
      ended = await call(gateway, 'recorded');
      await take(gateway, ({ id, state }) => id === `${ended}/1` && state === 'finished');
      await chmod(recordings(folder), 0);
      const { caller, session } = await quietCaller(gateway);
      await using _ = caller;
      const failed = await gateway.json('/api/recordings');
      expect(failed).toMatchObject({
        status: 500,
        body: { error: { code: 'recording_failed', message: expect.stringContaining('permission denied') } },
      });
      await answered(caller, 'the call goes on');
      expect(await post(gateway, session, true)).toMatchObject({ status: 500 });
      // With the words that it could still be heard by.
      expect(await ids(gateway, '?q=recorded')).toEqual([ended]);
    }
    await using next = await up(folder, { ...options, prepare: givenAway(folder) });
    await next.event('ready');
    expect(await next.json('/api/recordings')).toMatchObject({
      status: 500,
      body: { error: { message: expect.stringContaining('permission denied') } },
    });
    expect(await remove(next, ended)).toMatchObject({
      status: 500,
      body: { error: { code: 'recording_failed' } },
    });
    expect(await ids(next, '?q=recorded')).toEqual([ended]);
    await chmod(recordings(folder), 0o700);
    expect((await takes(next)).map(({ session }) => session)).toContain(ended);
    expect(await remove(next, ended)).toMatchObject({ status: 200, body: { items: 2, recordings: 1 } });
  },
);

test('a recording that is missing is 404, one that is spoilt 422 with what is wrong', async () => {
  await using folder = await testFolder();
  await using gateway = await up(folder, { config: recorded });
  await gateway.event('ready');
  const { caller, session } = await quietCaller(gateway);
  await using _ = caller;
  await post(gateway, session, true);
  speak(caller, noise(24_000), 960);
  await take(gateway, ({ id, caller: { samples } }) => id === `${session}/1` && samples === 24_000);
  await post(gateway, session, false);
  const inside = join(recordings(folder), session, '1');
  const heard = (query = '') => gateway.json(`/api/recordings/${session}/1/audio${query}`);
  const broken = (why: string) => ({
    ...{ status: 422, body: { error: { code: 'recording_broken', message: expect.stringContaining(why) } } },
  });
  expect(await gateway.json(`/api/recordings/${session}/2`)).toMatchObject({ status: 404 });
  expect(await gateway.json('/api/recordings/sess_0/1/audio')).toMatchObject({ status: 404 });
  await truncate(join(inside, 'raw_stream.wav'), 44 + 2000);
  expect(await heard()).toMatchObject(broken('it was cut: 1000 of 24000 samples are there'));
  await rm(join(inside, 'assistant.wav'));
  expect(await heard('?part=assistant')).toMatchObject(broken('it is not there any more'));
  await rm(join(inside, 'raw_stream.wav'));
  expect(await heard()).toMatchObject(broken('raw_stream.wav'));
  // As somebody has left it while no gateway looked.
  await writeFile(join(recordings(folder), session, '1', 'metadata.json'), '{"kind":');
  await answered(caller, 'the call goes on');
  await caller[Symbol.asyncDispose]();
  await until(async () => (await ids(gateway, '')).length === 0, { timeoutMs: 10_000, what: 'the end' });
  expect(await remove(gateway, session)).toMatchObject({ status: 200, body: { recordings: 1 } });
  expect(await readdir(recordings(folder))).toEqual(['.take-numbers']);
});
