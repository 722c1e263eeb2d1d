// The file: its versions, what earlier runs left in it, and what becomes of it when it is damaged.
import { readFileSync } from 'node:fs';
import { open, readFile, stat, writeFile } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import type { Database } from '../../../src/store/database.ts';
import { latestVersion, migrations } from '../../../src/store/migrations.ts';
import type { Write } from '../../../src/store/store.ts';
import { fixture } from '../../support/gateway-process.ts';
import { place, written } from './place.ts';
import { item, load, session } from './rows.ts';

const sessions = (database: Database) => database.read({ of: 'sessions' });
const items = (database: Database, sessionId: string) => database.read({ of: 'items', sessionId });

test('a new one is made for its owner alone, in its newest form', async () => {
  await using it = await place();
  const database = it.run('mine');
  expect(database.write([session('a'), item('a', '1')])).toEqual(written);
  expect(((await stat(it.path)).mode & 0o777).toString(8)).toBe('600');
  expect(((await stat(`${it.path}-wal`)).mode & 0o777).toString(8)).toBe('600');
  database.close();
  const reader = new DatabaseSync(it.path, { readOnly: true });
  expect(reader.prepare('PRAGMA user_version').get()).toEqual({ user_version: latestVersion });
  expect(reader.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
  reader.close();
});

test('the fixture of version 1 is what version 1 was', async () => {
  await using it = await place();
  const form = (path: string) => {
    const reader = new DatabaseSync(path, { readOnly: true });
    const rows = reader.prepare('SELECT name, sql FROM sqlite_schema ORDER BY name').all();
    reader.close();
    return rows.map(({ name, sql }) => [name, String(sql).replace(/\s+/g, ' ').replace(/\( /, '(')]);
  };
  it.sql(readFileSync(fixture('store/version-1.sql'), 'utf8'));
  const byStep = new DatabaseSync(`${it.path}.step`);
  byStep.exec(migrations[0] ?? '');
  byStep.close();
  expect(form(it.path)).toEqual(form(`${it.path}.step`));
});

test('an older one is brought to the newest form with everything in it, and its loose ends are marked', async () => {
  await using it = await place();
  it.sql(readFileSync(fixture('store/version-1.sql'), 'utf8'));
  const database = it.run('mine');
  expect(sessions(database)).toMatchObject([
    {
      id: 'sess_open',
      run: 'older',
      state: 'unclean',
      closedAtMs: 9000,
      reason: null,
      items: 2,
      answers: null,
    },
    { id: 'sess_closed', run: 'older', state: 'closed', closedAtMs: 2000, items: 1, answers: 1 },
  ]);
  expect(items(database, 'sess_open')).toMatchObject([{ status: 'completed' }, { status: 'incomplete' }]);
  expect(database.write([load('1', 5000, 100)])).toEqual(written);
  expect(database.read({ of: 'loads', modelKey: 'key', count: 5 })).toEqual([100]);
});

test('a step that fails leaves the version before, and is tried again', async () => {
  await using it = await place();
  it.sql(readFileSync(fixture('store/version-1.sql'), 'utf8'));
  // In the way of what the second step makes.
  it.sql('CREATE INDEX engine_runs_open ON sessions (id)');
  const database = it.made({ run: 'mine' });
  database.open();
  expect(database.write([session('a')])).toMatchObject({ state: 'later' });
  it.sql('DROP INDEX engine_runs_open');
  expect(database.write([session('a')])).toEqual(written);
  expect(sessions(database)).toHaveLength(3);
});

test('only what other runs left open is marked, and only once', async () => {
  await using it = await place();
  const before = it.run('before');
  before.write([session('a'), item('a', '1', { status: 'in_progress' }), load('1', 5000, 100)]);
  before.close();
  const mine = it.run('mine', 9000);
  mine.write([session('b'), item('b', '1', { status: 'in_progress' }), load('2', 6000, 200)]);
  mine.close();
  // The thread was started again, by the same gateway.
  const again = it.run('mine', 9500);
  expect(sessions(again)).toMatchObject([
    { id: 'b', state: 'open', closedAtMs: null },
    { id: 'a', state: 'unclean', closedAtMs: 9000, run: 'before' },
  ]);
  expect(items(again, 'b')).toMatchObject([{ status: 'in_progress' }]);
  again.close();
  const reader = new DatabaseSync(it.path, { readOnly: true });
  expect(reader.prepare('SELECT id, outcome, ended_at FROM engine_runs').all()).toEqual([
    { id: '1', outcome: 'unclean', ended_at: 9000 },
    { id: '2', outcome: null, ended_at: null },
  ]);
  reader.close();
});

test('a session that was taken for gone and closes after all has its own end', async () => {
  await using it = await place();
  const mine = it.run('mine');
  mine.write([session('a', { state: 'closed', closedAtMs: 2000, items: 3, answers: 1 })]);
  expect(sessions(mine)).toMatchObject([{ run: 'mine', state: 'closed', items: 3, answers: 1 }]);
});

test('one that is no database is set aside with the time, told, and a new one begins', async () => {
  await using it = await place();
  await writeFile(it.path, 'these are notes of somebody '.repeat(100));
  const database = it.run('mine', Date.UTC(2026, 0, 2, 3, 4, 5, 6));
  database.write([session('a')]);
  const aside = it.path.replace('.db', '-damaged-2026-01-02T03-04-05-006Z.db');
  expect(it.notices).toEqual([
    `the database ${it.path} is damaged (file is not a database): it is ${aside} now, and a new one begins`,
  ]);
  expect(await readFile(aside, 'utf8')).toContain('these are notes of somebody');
  expect(sessions(database)).toHaveLength(1);
});

/** Overwrites the middle of the file, where the rows are. */
async function spoil(path: string): Promise<void> {
  const file = await open(path, 'r+');
  const { size } = await file.stat();
  await file.write(Buffer.alloc(size / 2, 0xa5), 0, size / 2, 4096);
  await file.close();
}

const many: readonly Write[] = Array.from({ length: 500 }, (_, each) => item('a', `i${each}`));

test('one that was spoilt in its pages while in use is found at the next start', async () => {
  await using it = await place();
  const before = it.run('before');
  before.write(many);
  before.close();
  // In use again, and gone: what is in the WAL says so.
  const killed = it.run('killed');
  killed.write([session('a')]);
  await spoil(it.path);
  const wal = await readFile(`${it.path}-wal`);
  killed.close();
  await spoil(it.path);
  await writeFile(`${it.path}-wal`, wal);
  const mine = it.run('mine');
  expect(it.notices).toEqual([
    expect.stringMatching(/is damaged \(.+\): it is .+ now, and a new one begins/),
  ]);
  expect(sessions(mine)).toEqual([]);
  expect((await it.names()).filter((name) => name.includes('damaged'))).toHaveLength(1);
});

test('one that is spoilt while it is in use is set aside there and then; what comes next is in the new one', async () => {
  await using it = await place();
  const before = it.run('before');
  before.write(many);
  before.close();
  const mine = it.run('mine');
  await spoil(it.path);
  expect(mine.write([item('a', 'next'), session('a')])).toEqual(written);
  expect(it.notices).toEqual([expect.stringContaining('is damaged (database disk image is malformed)')]);
  expect(items(mine, 'a')).toMatchObject([{ id: 'next' }]);
});

test('a row that can never be written does not keep the others from it', async () => {
  await using it = await place();
  const database = it.run('mine');
  const bad = session('bad', { pipeline: null as unknown as string });
  const odd = session('odd', { openedAtMs: {} as unknown as number });
  expect(database.write([session('a'), bad, odd, session('b')])).toEqual({
    state: 'written',
    refused: 2,
    why: 'session: NOT NULL constraint failed: sessions.pipeline',
  });
  expect(sessions(database)).toMatchObject([{ id: 'b' }, { id: 'a' }]);
});

test('another program that holds the database is waited for, and the batch is tried again', async () => {
  await using it = await place();
  const database = it.run('mine');
  const other = new DatabaseSync(it.path);
  other.exec('BEGIN IMMEDIATE');
  expect(database.write([session('a')])).toEqual({ state: 'later', why: 'database is locked' });
  other.exec('COMMIT');
  other.close();
  expect(database.write([session('a')])).toEqual(written);
});
