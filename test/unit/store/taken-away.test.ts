// The database is removed, moved or replaced while it is in use: that is noticed with the next batch, said once, and what
// still goes on is in the next one.
import { copyFile, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { place, written } from './place.ts';
import { closed, item, load, session, task } from './rows.ts';

const everything = `SELECT group_concat(id, ' ' ORDER BY id) AS ids FROM
  (SELECT id FROM sessions UNION ALL SELECT id FROM items UNION ALL SELECT id FROM engine_runs
   UNION ALL SELECT id FROM tasks)`;

/** A database with a session that has ended, one that is open, and an engine that runs. */
async function inUse() {
  const it = await place();
  const database = it.run('mine');
  database.write([
    closed('ended'),
    item('ended', 'said'),
    session('open'),
    item('open', 'heard', { status: 'in_progress' }),
    item('open', 'more', { previousId: 'heard' }),
    load('run', 5000, 100),
    ...[task('ended', 'work-over', { endedAtMs: 1900 }), task('ended', 'work-on'), task('open', 'work')],
  ]);
  return { it, database, ids: (file?: string) => it.rows(everything, file)[0]?.['ids'] };
}

test('removed: a new one begins with what goes on, and it is said once, with what to do', async () => {
  const { it, database, ids } = await inUse();
  await using _ = it;
  await rm(it.path);
  expect(database.write([item('open', 'next', { previousId: 'more' })])).toEqual(written);
  expect(ids()).toBe('heard more next open run work work-on');
  expect(it.notices).toEqual([
    `the database ${it.path} was removed or moved away while it was in use: what was in it is not known here any more; sessions that are open go on in the next one, which begins now; stop the gateway before you move it`,
  ]);
  expect(database.write([closed('open')])).toEqual(written);
  expect(database.read({ of: 'sessions' })).toMatchObject([{ id: 'open', run: 'mine', state: 'closed' }]);
  const items = database.read({ of: 'items', sessionId: 'open' }) as readonly { readonly id: string }[];
  expect(items.map(({ id }) => id)).toEqual(['heard', 'more', 'next']);
  expect(database.read({ of: 'loads', modelKey: 'key', count: 5 })).toEqual([100]);
  expect(it.notices).toHaveLength(1);
  database.close();
  expect(await it.names()).toEqual(['greenroom.db']);
});

test('moved away: the moved one is whole, also what was in the WAL alone', async () => {
  const { it, database, ids } = await inUse();
  await using _ = it;
  const moved = join(it.folder, 'kept.db');
  await rename(it.path, moved);
  expect(database.write([closed('open')])).toEqual(written);
  expect(ids(moved)).toBe('ended heard more open run said work work-on work-over');
  expect(ids()).toBe('heard more open run work work-on');
});

test('replaced by another one: it goes on there, and what was in the WAL of the first gets into no other', async () => {
  const { it, database, ids } = await inUse();
  await using _ = it;
  const other = await place();
  await using __ = other;
  const before = other.run('before');
  before.write([session('theirs')]);
  before.close();
  await copyFile(other.path, `${it.path}.restored`);
  await rename(`${it.path}.restored`, it.path);
  expect(database.write([item('open', 'next')])).toEqual(written);
  expect(ids()).toBe('heard more next open run theirs work work-on');
  expect(it.rows('PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }]);
  expect(it.rows(`SELECT state FROM sessions WHERE id = 'theirs'`)).toEqual([{ state: 'unclean' }]);
  expect(it.notices).toEqual([expect.stringContaining('was replaced while it was in use')]);
});

test('with somebody who reads it, so that its WAL cannot be emptied: that gets another name, and nothing is lost', async () => {
  const { it, database } = await inUse();
  await using _ = it;
  const reader = new DatabaseSync(it.path, { readOnly: true });
  reader.exec('BEGIN; SELECT count(*) FROM sessions');
  // The reader sees what was before this: it cannot be taken from the WAL under it.
  database.write([session('late')]);
  const moved = join(it.folder, 'kept.db');
  await rename(it.path, moved);
  expect(database.write([])).toEqual(written);
  reader.close();
  const [name = ''] = (await it.names()).filter((each) => each.includes('of-before'));
  expect(it.notices.at(-1)).toContain(`what had not got into it is in ${join(it.folder, name)}`);
  await rename(join(it.folder, name), `${moved}-wal`);
  expect(it.rows('SELECT count(*) AS count FROM sessions', moved)).toEqual([{ count: 3 }]);
});

test('its WAL and index removed: what was in them is in the database, which is opened again', async () => {
  const { it, database, ids } = await inUse();
  await using _ = it;
  await rm(`${it.path}-wal`);
  await rm(`${it.path}-shm`);
  expect(database.write([item('open', 'next')])).toEqual(written);
  expect(ids()).toBe('ended heard more next open run said work work-on work-over');
  expect(it.notices).toEqual([expect.stringContaining('is opened again, with everything in it')]);
});

test('the whole folder gone: records wait with the reason until it is back', async () => {
  const { it, database, ids } = await inUse();
  await using _ = it;
  const elsewhere = `${it.folder}-moved`;
  await rename(it.folder, elsewhere);
  expect(database.write([item('open', 'next')])).toEqual({
    state: 'later',
    why: expect.stringContaining('ENOENT'),
  });
  await mkdir(it.folder);
  expect(database.write([item('open', 'next')])).toEqual(written);
  expect(ids()).toBe('heard more next open run work work-on');
  expect(it.notices).toHaveLength(1);
  await rm(elsewhere, { recursive: true });
});

test('a pipe or another program’s database in its place: records wait with the reason, and that is left as it is', async () => {
  const { it, database, ids } = await inUse();
  await using _ = it;
  await rename(it.path, join(it.folder, 'kept.db'));
  await mkdir(it.path);
  expect(database.write([item('open', 'next')])).toMatchObject({
    state: 'later',
    why: expect.stringContaining('is a directory, not a file'),
  });
  await rm(it.path, { recursive: true });
  it.sql('CREATE TABLE sessions (mine)');
  const theirs = await readFile(it.path);
  expect(database.write([item('open', 'next')])).toMatchObject({
    state: 'later',
    why: expect.stringContaining('another program’s'),
  });
  expect((await readFile(it.path)).equals(theirs)).toBe(true);
  await rm(it.path);
  expect(database.write([item('open', 'next')])).toEqual(written);
  expect(ids()).toBe('heard more next open run work work-on');
});

test('removed and never written again: closing says so and leaves nothing behind', async () => {
  const { it, database } = await inUse();
  await using _ = it;
  await rm(it.path);
  database.close();
  expect(it.notices).toHaveLength(1);
  expect(await it.names()).toEqual([]);
});

test('through a symbolic link it is looked at and kept where it is', async () => {
  await using it = await place();
  const real = join(it.folder, 'elsewhere.db');
  await symlink(real, it.path);
  const database = it.run('mine');
  database.write([session('a')]);
  expect(await it.names()).toEqual(['elsewhere.db', 'elsewhere.db-shm', 'elsewhere.db-wal', 'greenroom.db']);
  await rm(real);
  await writeFile(real, '');
  expect(database.write([session('b')])).toEqual(written);
  expect(it.rows('SELECT id FROM sessions ORDER BY seq', real)).toEqual([{ id: 'a' }, { id: 'b' }]);
  expect(it.notices).toHaveLength(1);
});
