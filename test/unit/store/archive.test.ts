// What is found again: by words, by time, page by page; and what is removed is not in the file any more.
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { type SessionFound, type SessionSearch, wordsIn } from '../../../src/store/archive.ts';
import type { Database } from '../../../src/store/database.ts';
import { excerptOf } from '../../../src/store/excerpt.ts';
import { place, written } from './place.ts';
import { closed, deleted, item, session, task } from './rows.ts';

const search = (database: Database, search: Partial<SessionSearch>) =>
  database.read({ of: 'search', search: { limit: 100, ...search } }) as readonly SessionFound[];
const ids = (database: Database, what: Partial<SessionSearch>) => search(database, what).map(({ id }) => id);
const said = (database: Database, q: string, more: Partial<SessionSearch> = {}) =>
  ids(database, { words: wordsIn(q), ...more });

test('words are found without their accents, by their beginning, in one item together; what was deleted is not', async () => {
  await using it = await place();
  const database = it.run('mine');
  const text = (id: string, text: string) => item('a', id, { text });
  const rows = [
    ...[session('a'), session('b'), text('1', 'Das Geräusch im Café'), text('2', 'हिन्दी and İstanbul')],
    ...[item('b', '1', { text: 'cafe\u0301 noir' }), item('b', '2', { text: null }), text('3', 'gone')],
    ...[item('b', '2', { text: 'written down later' }), deleted('a', '3')],
  ];
  expect(database.write(rows)).toEqual(written);
  expect(said(database, 'CAFE')).toEqual(['b', 'a']);
  expect(said(database, 'café ger')).toEqual(['a']);
  expect(said(database, 'हिन्दी istan')).toEqual(['a']);
  expect(said(database, 'noir geräusch')).toEqual([]);
  expect(said(database, 'down later')).toEqual(['b']);
  expect(said(database, 'gone')).toEqual([]);
  // Truncated: only what was heard is there.
  database.write([
    {
      type: 'item_truncated',
      row: { sessionId: 'b', id: '1', text: 'cafe\u0301', heardMs: 5, updatedAtMs: 9 },
    },
  ]);
  expect(said(database, 'noir')).toEqual([]);
  expect(search(database, { words: ['caf'] }).map(({ matches }) => matches)).toMatchObject([
    [{ item: '1', role: 'user', atMs: 1100, excerpt: 'cafe\u0301' }],
    [{ item: '1', excerpt: 'Das Geräusch im Café' }],
  ]);
});

test('whatever somebody looks for is words', async () => {
  await using it = await place();
  const database = it.run('mine');
  database.write([session('a'), item('a', '1', { text: 'near and not or text' })]);
  for (const q of [
    'NEAR(a b, 2)',
    '"',
    '""',
    '"a" AND',
    'a NOT',
    'text:near',
    '-near',
    '^near',
    'a*b',
    "'); DROP--",
    '\0near',
    '{',
    'né𝄞ar',
    '\ud800',
  ])
    expect(() => said(database, q), q).not.toThrow();
  expect(wordsIn('NEAR("a b", 2) -c*')).toEqual(['NEAR', 'a', 'b', '2', 'c']);
  expect(wordsIn('*"\'\0 ')).toEqual([]);
  expect(wordsIn('x '.repeat(1000))).toHaveLength(32);
  expect(said(database, 'near AND not')).toEqual(['a']);
});

test('the newest come first whichever item was said last, a few items of each; pages hold when something goes', async () => {
  await using it = await place();
  const database = it.run('mine');
  for (let each = 0; each < 6; each += 1)
    database.write([
      session(`s${each}`, { openedAtMs: 1000 + each, pipeline: each % 2 ? 'odd' : 'even' }),
      ...['a', 'b', 'c', 'd'].map((id) =>
        item(`s${each}`, id, { text: `common ${id}`, createdAtMs: 1100 + each }),
      ),
    ]);
  // A long call: of the oldest session, and the newest item of all.
  database.write([item('s0', 'last', { text: 'common last', createdAtMs: 5000 })]);
  const first = search(database, { words: ['common'], limit: 2 });
  expect(first.map(({ id }) => id)).toEqual(['s5', 's4']);
  expect(first[0]?.matches.map(({ item: id }) => id)).toEqual(['a', 'b', 'c']);
  const before = first.at(-1)?.seq;
  while (database.remove('s4').state === 'more');
  expect(said(database, 'common', { before, limit: 2 })).toEqual(['s3', 's2']);
  expect(said(database, 'last')).toEqual(['s0']);
  expect(said(database, 'common', { pipeline: 'odd' })).toEqual(['s5', 's3', 's1']);
  expect(ids(database, { sinceMs: 1001, untilMs: 1003 })).toEqual(['s2', 's1']);
  database.write([closed('s3')]);
  expect(ids(database, { state: 'ended' })).toEqual(['s3']);
  expect(said(database, 'common', { state: 'open' })).toEqual(['s5', 's2', 's1', 's0']);
});

test('what was removed is in none of the files, as text or as a word of the index', async () => {
  await using it = await place();
  const database = it.run('mine');
  const secret = (each: number) => `qzxvjkwp${each}`;
  const many = Array.from({ length: 70 }, (_, each) =>
    item('a', `i${each}`, { text: `the word is ${secret(each)}`, createdAtMs: each }),
  );
  database.write([closed('a'), closed('b'), ...many, item('b', '1', { text: 'harmless' })]);
  database.write([task('a', 't', { result: JSON.stringify({ found: secret(99) }) })]);
  const files = async () =>
    (await Promise.all(['', '-wal'].map((end) => readFile(it.path + end, 'latin1')))).join('\n');
  expect(await files()).toContain(secret(7));
  let items = 0;
  for (;;) {
    const removed = database.remove('a');
    items += removed.items;
    if (removed.state === 'done') break;
    // It is found until all of it has gone.
    expect(ids(database, {})).toContain('a');
  }
  expect(items).toBe(70);
  expect(await files()).not.toContain('zxvjkwp');
  expect(await files()).toContain('harmless');
  expect(database.remove('a')).toMatchObject({ state: 'done', items: 0, sessions: 0 });
  expect(said(database, 'harmless')).toEqual(['b']);
});

test('a database of before is searched by what was said then', async () => {
  await using it = await place();
  const before = it.run('mine');
  before.write([session('a'), item('a', '1', { text: 'of long ago' })]);
  before.close();
  it.sql(`DROP TRIGGER items_added; DROP TRIGGER items_removed; DROP TRIGGER items_changed; DROP TABLE items_words;
    DROP TABLE recordings; DROP INDEX engine_runs_of_engine; DROP TABLE turns; PRAGMA user_version = 6;`);
  expect(said(it.run('next'), 'long')).toEqual(['a']);
});

test('an excerpt has the word in it, and whole words around it', () => {
  const text = `${'alpha beta '.repeat(30)}the Café is here ${'gamma delta '.repeat(30)}`;
  const excerpt = excerptOf(text, ['cafe']);
  expect(excerpt).toMatch(/^…(?:alpha|beta) .* the Café is here gamma .* (?:gamma|delta)…$/);
  expect(excerpt.length).toBeLessThan(205);
  expect(excerptOf('short\n text', ['x'])).toBe('short text');
  expect(excerptOf('語'.repeat(5000), ['語']).length).toBeLessThan(205);
});
