// The promises of a store, kept by SQLite in its thread and by the one in memory; and what the thread adds to them.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { shippedFile } from '../../../src/engines/locate.ts';
import { systemClock } from '../../../src/lifecycle/clock.ts';
import { GreenroomError } from '../../../src/lifecycle/errors.ts';
import { Scope } from '../../../src/lifecycle/scope.ts';
import { latestVersion } from '../../../src/store/migrations.ts';
import { applicationId } from '../../../src/store/ours.ts';
import { SqliteStore, type SqliteStoreOptions } from '../../../src/store/sqlite-store.ts';
import type { Store } from '../../../src/store/store.ts';
import { testFolder } from '../../support/folder.ts';
import { fixture } from '../../support/gateway-process.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { until } from '../../support/poll.ts';
import { storePromises } from '../../support/store-promises.ts';
import { closed, item, session } from './rows.ts';

interface OpenStore extends AsyncDisposable {
  readonly store: SqliteStore;
  readonly path: string;
  readonly folder: string;
  readonly troubles: string[];
  /** What another program sees in the file. */
  count(table: string): number;
}

async function sqlite(options: Partial<SqliteStoreOptions> = {}): Promise<OpenStore> {
  const folder = await testFolder();
  const path = join(folder.path, 'greenroom.db');
  const troubles: string[] = [];
  const store = new SqliteStore({
    ...{ file: shippedFile('store'), path, newRun: () => 'run', clock: systemClock },
    // The rows of these tests are of 1970.
    retention: { keepMs: Number.MAX_SAFE_INTEGER, bytesMax: 1_000_000_000 },
    onTrouble: (message) => troubles.push(message),
    ...options,
  });
  return {
    ...{ store, path, troubles, folder: folder.path },
    count(table) {
      const reader = new DatabaseSync(path, { readOnly: true });
      const { rows } = reader.prepare(`SELECT count(*) AS rows FROM ${table}`).get() as { rows: number };
      reader.close();
      return rows;
    },
    async [Symbol.asyncDispose]() {
      await store.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

storePromises('in SQLite', async () => {
  const opened = await sqlite();
  await opened.store.start();
  return Object.assign(opened.store, { [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose]() });
});

storePromises('in memory', async () => {
  const store: Store = new MemoryStore();
  return Object.assign(store, { [Symbol.asyncDispose]: () => store.close() });
});

test('what comes before the thread runs waits for it', async () => {
  await using it = await sqlite();
  it.store.write(session('a'));
  const listed = it.store.listSessions();
  const flushed = it.store.flush();
  await it.store.start();
  expect(await flushed).toEqual({ state: 'saved' });
  // Asked before the row was written.
  expect(await listed).toHaveLength(0);
  expect(await it.store.listSessions()).toHaveLength(1);
});

test('a row is on disk soon, without anybody asking', async () => {
  await using it = await sqlite();
  await it.store.start();
  it.store.write(session('a'));
  await until(() => it.count('sessions') === 1, { timeoutMs: 2000, what: 'the row' });
});

test('a thread that has died is started again, and nothing is lost', async () => {
  await using it = await sqlite({
    limits: { batchMs: 1, batchRows: 100, bytesMax: 1_000_000, retryMs: 10 },
  });
  await it.store.start();
  it.store.write(session('a'));
  await it.store.flush();
  it.store.destroy();
  it.store.write(closed('a'));
  it.store.write(item('a', '1'));
  await until(async () => (await it.store.flush()).state === 'saved', { timeoutMs: 5000, what: 'the flush' });
  expect([it.count('sessions'), it.count('items')]).toEqual([1, 1]);
});

test('closing writes what waits, and leaves one file behind', async () => {
  await using it = await sqlite();
  await it.store.start();
  for (let each = 0; each < 2000; each += 1) it.store.write(item('a', `i${each}`));
  await it.store.close();
  expect([await readdir(it.folder), it.troubles]).toEqual([['greenroom.db'], []]);
  expect(it.count('items')).toBe(2000);
  it.store.write(item('a', 'late'));
  expect(await it.store.flush()).toMatchObject({ state: 'lost' });
  await expect(it.store.listSessions()).rejects.toThrow('the store cannot be read: it is closed');
});

test('a disk that never answers has until the deadline; then the thread is ended, and what was lost is told', async () => {
  await using it = await sqlite({ file: fixture('store/deaf.mjs') });
  await using scope = new Scope('test', { clock: systemClock });
  scope.defer('store', { close: () => it.store.close(), destroy: () => it.store.destroy() });
  await it.store.start();
  it.store.write(session('a'));
  it.store.write(item('a', '1'));
  const flushed = it.store.flush();
  const listed = it.store.listSessions().catch((thrown: unknown) => thrown);
  const report = await scope.close('done', { graceMs: 200 });
  expect(report).toMatchObject({ overdue: [], failed: [] });
  expect(await flushed).toMatchObject({ state: 'lost' });
  expect(await listed).toMatchObject({ message: 'the store cannot be read: its thread has ended' });
  expect(it.troubles.at(-1)).toBe('2 records were never written');
});

test('while it closes no further thread is begun, whoever asks', async () => {
  await using it = await sqlite({ file: fixture('store/deaf.mjs') });
  await it.store.start();
  const unanswered = it.store.listSessions().catch(() => undefined);
  it.store.destroy();
  await unanswered;
  const asked = it.store.listSessions();
  const closing = it.store.close();
  await expect(asked).rejects.toThrow('the store cannot be read: it is closing');
  await closing;
  expect(await readFile(`${it.path}.threads`, 'utf8')).toBe('.');
});

test('a thread that died before the closing is started again for what waits', async () => {
  const limits = { batchMs: 1, batchRows: 100, bytesMax: 1_000_000, retryMs: 60_000 };
  await using it = await sqlite({ file: fixture('store/dies-once.mjs'), limits });
  await it.store.start();
  it.store.write(session('a'));
  await until(() => it.troubles.length > 0, { timeoutMs: 5000, what: 'the batch to be refused' });
  await it.store.close();
  expect(it.troubles[0]).toContain('records cannot be written: it died');
  expect([it.count('sessions'), it.troubles.at(-1)]).toEqual([1, 'records are written again; 0 were lost']);
});

test('a thread that cannot be had is said at the start; records wait, up to their limit', async () => {
  await using it = await sqlite({ file: fixture('store/dies.mjs') });
  await expect(it.store.start()).rejects.toMatchObject({
    code: 'store_unusable',
    message: 'the store did not open: no memory for a thread',
  });
  it.store.write(session('a'));
  expect(await it.store.flush()).toEqual({ state: 'lost', why: 'no memory for a thread' });
});

test('closing one that never ran says what was never written, and a start after it does nothing', async () => {
  await using it = await sqlite();
  it.store.write(session('a'));
  const flushed = it.store.flush();
  const listed = it.store.listSessions();
  await it.store.close();
  await it.store.start();
  expect(await flushed).toMatchObject({ state: 'lost' });
  await expect(listed).rejects.toThrow('it is closed');
  expect([it.troubles, await readdir(it.folder)]).toEqual([['1 records were never written'], []]);
});

test('a database of a newer greenroom is refused, with what to do, and is left as it is', async () => {
  await using it = await sqlite();
  const newer = new DatabaseSync(it.path);
  newer.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = 99; CREATE TABLE theirs (x)`);
  newer.close();
  const refused = await it.store.start().catch((thrown: unknown) => thrown);
  expect(refused).toBeInstanceOf(GreenroomError);
  expect(refused).toMatchObject({
    code: 'store_unusable',
    exitCode: 2,
    message: `${it.path} is of version 99, written by a newer greenroom; this one knows ${latestVersion} at most: use the newer one, or another data directory with --data`,
  });
  await it.store.close();
  expect(await readdir(it.folder)).toEqual(['greenroom.db']);
  expect(it.count('theirs')).toBe(0);
});

test('a path that is no file is refused', async () => {
  await using it = await sqlite({ path: '/proc/greenroom.db' });
  await expect(it.store.start()).rejects.toMatchObject({ code: 'store_unusable' });
});
