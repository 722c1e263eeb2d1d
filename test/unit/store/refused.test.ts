// What is not for us to open: told at once, with what to do, and left exactly as it is.
import { execFileSync } from 'node:child_process';
import { mkdir, readFile, rm, symlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { latestVersion } from '../../../src/store/migrations.ts';
import { applicationId } from '../../../src/store/ours.ts';
import { place, written } from './place.ts';
import { session } from './rows.ts';

const next = 'move it away, or use another data directory with --data';

async function refusal(it: Awaited<ReturnType<typeof place>>): Promise<{ code: string; message: string }> {
  try {
    it.made({ run: 'mine' }).open();
  } catch (thrown) {
    return thrown as { code: string; message: string };
  }
  throw new Error('it was opened');
}

const makers: Readonly<Record<string, (path: string) => Promise<AsyncDisposable | undefined>>> = {
  'a pipe': async (path) => void execFileSync('mkfifo', [path]),
  'a directory': async (path) => void (await mkdir(path)),
  'a device': (path) => symlink('/dev/zero', path).then(() => undefined),
  'a socket': async (path) => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    return server;
  },
};

describe.each(Object.keys(makers))('%s', (kind) => {
  test.each(['', '-wal', '-shm', '-journal'])('in the place of greenroom.db%s', async (end) => {
    await using it = await place();
    if (end !== '') it.run('before').close();
    await using _ = await makers[kind]?.(it.path + end);
    expect(await refusal(it)).toMatchObject({
      code: 'store_unusable',
      message: `the database ${it.path} cannot be used: ${it.path}${end} is ${kind}, not a file; ${next}`,
    });
    await rm(it.path + end, { recursive: true, force: true });
    expect(it.run('mine').write([session('a')])).toEqual(written);
  });
});

describe('a database of another program', () => {
  test.each([
    ['with tables of our names', 'CREATE TABLE sessions (id); CREATE TABLE items (id)'],
    ['with other tables', 'CREATE TABLE notes (x)'],
    [
      'with a version that is one of ours',
      'CREATE TABLE sessions (id, run); CREATE TABLE items (id); PRAGMA user_version = 2',
    ],
    ['with a version that is none of ours yet', 'CREATE TABLE notes (x); PRAGMA user_version = 99'],
    ['with its own mark, and nothing else', 'PRAGMA application_id = 7'],
    ['with its own mark', 'PRAGMA application_id = 7; CREATE TABLE sessions (id); PRAGMA user_version = 3'],
  ])('%s', async (_what, sql) => {
    await using it = await place();
    it.sql(`${sql};`);
    const before = await readFile(it.path);
    expect(await refusal(it)).toMatchObject({
      code: 'store_unusable',
      message: `the database ${it.path} cannot be used: it is another program’s, with tables that are not greenroom’s; ${next}`,
    });
    expect([(await readFile(it.path)).equals(before), await it.names()]).toEqual([true, ['greenroom.db']]);
    expect(it.notices).toEqual([]);
  });
});

test('one of ours whose tables somebody has changed', async () => {
  await using it = await place();
  it.run('before').close();
  it.sql('ALTER TABLE items DROP COLUMN heard_ms');
  expect((await refusal(it)).message).toContain('its tables are not as greenroom made them (');
});

test('one of a newer greenroom', async () => {
  await using it = await place();
  it.sql(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${latestVersion + 1};`);
  expect((await refusal(it)).message).toContain(`is of version ${latestVersion + 1}, written by a newer`);
});

test('ours can be told by its mark', async () => {
  await using it = await place();
  it.run('mine').close();
  const reader = new DatabaseSync(it.path, { readOnly: true });
  expect(reader.prepare('PRAGMA application_id').get()).toEqual({ application_id: applicationId });
  reader.close();
});
