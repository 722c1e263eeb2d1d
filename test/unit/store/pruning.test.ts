// What goes, what stays, and in what portions.
import { stat } from 'node:fs/promises';
import { expect, test } from 'vitest';
import type { Database } from '../../../src/store/database.ts';
import type { Write } from '../../../src/store/store.ts';
import { dayMs, place, written } from './place.ts';
import { closed, item, load, session, task, turn } from './rows.ts';

const nowMs = 100 * dayMs;
const retention = { keepMs: 30 * dayMs, bytesMax: 1_000_000_000 };

const ended = (id: string, daysAgo: number): Write =>
  session(id, {
    ...{ state: 'closed', closedAtMs: nowMs - daysAgo * dayMs, reason: 'client_left', closeCode: 1000 },
  });
const said = (sessionId: string, id: string, daysAgo: number, text = 'x'): Write =>
  item(sessionId, id, { text, updatedAtMs: nowMs - daysAgo * dayMs });
const work = (sessionId: string, id: string, daysAgo: number | null): Write =>
  task(sessionId, id, { endedAtMs: daysAgo === null ? null : nowMs - daysAgo * dayMs });
const engineRun = (id: string, daysAgo: number | null): Write => {
  const { row } = load(id, 1000, 100) as Extract<Write, { type: 'engine_run' }>;
  return {
    type: 'engine_run',
    row: { ...row, endedAtMs: daysAgo === null ? null : nowMs - daysAgo * dayMs },
  };
};

/** Until nothing more has to go. */
function sweep(database: Database) {
  let steps = 0;
  let early = 0;
  for (let state = 'more'; state === 'more'; steps += 1) {
    const pruned = database.prune();
    state = pruned.state;
    early += pruned.early;
    if (steps > 10_000) throw new Error('it never ends');
  }
  return { steps, early };
}

test('sessions that ended too long ago go with what was said in them; what is open or younger stays', async () => {
  await using it = await place();
  const database = it.run('mine', nowMs, { retention });
  database.write([
    ...[ended('old', 31), said('old', 'o1', 31), said('old', 'o2', 31)],
    ...[ended('young', 29), said('young', 'y1', 40)],
    ...[session('open', { openedAtMs: 0 }), said('open', 'n1', 60)],
    ...[work('old', 't1', 31), work('young', 't2', 40), work('open', 't3', null)],
    ...[work('lost', 't4', 31), work('lost', 't5', 29)],
    ...[turn('old', 'r1'), turn('young', 'r2', { beganAtMs: nowMs - 40 * dayMs }), turn('lost', 'r3')],
    ...[engineRun('run-old', 31), engineRun('run-young', 29), engineRun('run-on', null)],
  ]);
  expect(sweep(database)).toEqual({ steps: 1, early: 0 });
  const ids = (table: string) => it.rows(`SELECT id FROM ${table} ORDER BY seq`).map(({ id }) => id);
  expect(ids('tasks')).toEqual(['t2', 't3', 't5']);
  expect(ids('turns')).toEqual(['r2']);
  expect([ids('sessions'), ids('items'), ids('engine_runs')]).toEqual([
    ['young', 'open'],
    ['y1', 'n1'],
    ['run-young', 'run-on'],
  ]);
});

test('sessions that were never closed go like the others, from when they were found', async () => {
  await using it = await place();
  const before = it.run('before', nowMs - 40 * dayMs);
  before.write([session('a'), said('a', '1', 60)]);
  before.close();
  it.run('next', nowMs - 31 * dayMs).close();
  const mine = it.run('mine', nowMs - 2 * dayMs, { retention });
  sweep(mine);
  expect(mine.read({ of: 'sessions' })).toMatchObject([{ id: 'a', state: 'unclean' }]);
  mine.close();
  const later = it.run('later', nowMs, { retention });
  sweep(later);
  expect([later.read({ of: 'sessions' }), it.rows('SELECT * FROM items')]).toEqual([[], []]);
});

test('what was said in a session whose own row was lost goes by its own time', async () => {
  await using it = await place();
  const database = it.run('mine', nowMs, { retention });
  const many = Array.from({ length: 1200 }, (_, each) => said('lost', `l${each}`, 31));
  database.write([session('open'), said('open', 'first', 60), ...many, said('lost', 'young', 1)]);
  sweep(database);
  expect(it.rows('SELECT id FROM items ORDER BY seq')).toEqual([{ id: 'first' }, { id: 'young' }]);
});

test('it goes in small steps, and a long session in several of them', async () => {
  await using it = await place();
  const database = it.run('mine', nowMs, { retention });
  const writes = Array.from({ length: 1700 }, (_, each) => said('old', `o${each}`, 31));
  database.write([ended('old', 31), ...writes, ended('older', 32), said('older', 'x', 32)]);
  let rows = 1703;
  for (let state = 'more'; state === 'more'; ) {
    ({ state } = database.prune());
    const [{ left = 0 } = {}] = it.rows(
      'SELECT (SELECT count(*) FROM items) + (SELECT count(*) FROM sessions) AS left',
    );
    expect(rows - Number(left)).toBeLessThanOrEqual(50);
    rows = Number(left);
  }
  expect(rows).toBe(0);
});

test('beyond its size the oldest that have ended go before their time, and their room is given back', async () => {
  await using it = await place();
  const bytesMax = 2 * 1024 * 1024;
  const database = it.run('mine', nowMs, { retention: { ...retention, bytesMax } });
  const text = 'y'.repeat(10_000);
  for (let each = 0; each < 60; each += 1) {
    const id = `s${String(each).padStart(2, '0')}`;
    const items = Array.from({ length: 10 }, (_, index) => said(id, `${id}-${index}`, 1, text));
    expect(database.write([ended(id, 3 - each / 60), ...items])).toEqual(written);
  }
  database.write([session('open'), said('open', 'o', 1, text)]);
  const { early } = sweep(database);
  const left = it.rows('SELECT id FROM sessions ORDER BY seq').map(({ id }) => String(id));
  // Some 100 kB each: about twenty have room, the newest ones.
  expect(early).toBe(60 - (left.length - 1));
  expect(left.length).toBeGreaterThan(15);
  expect(left.slice(-2)).toEqual(['s59', 'open']);
  expect(left[0]).toBe(`s${early}`);
  database.close();
  expect((await stat(it.path)).size).toBeLessThan(bytesMax * 1.5);
});

test('when what is open is more than there is room for, it stays, and nothing runs in circles', async () => {
  await using it = await place();
  const database = it.run('mine', nowMs, { retention: { ...retention, bytesMax: 1 } });
  database.write([session('open'), said('open', 'o', 1), closed('gone')]);
  expect(sweep(database)).toEqual({ steps: 1, early: 0 });
  expect(it.rows('SELECT id FROM sessions')).toEqual([{ id: 'open' }]);
});

test('what is removed is not left in the file', async () => {
  await using it = await place();
  const database = it.run('mine', nowMs, { retention });
  const secret = 'the number of my account is 12345';
  database.write([ended('old', 31), said('old', 'o', 31, secret), ended('young', 1), said('young', 'y', 1)]);
  database.close();
  const { readFile } = await import('node:fs/promises');
  expect((await readFile(it.path)).includes(secret)).toBe(true);
  const again = it.run('again', nowMs, { retention });
  sweep(again);
  again.close();
  expect((await readFile(it.path)).includes(secret)).toBe(false);
});
