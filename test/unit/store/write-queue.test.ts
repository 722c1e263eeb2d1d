import { expect, test } from 'vitest';
import type { Write } from '../../../src/store/store.ts';
import { type Sent, WriteQueue } from '../../../src/store/write-queue.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { item, task } from './rows.ts';

const written: Sent = { state: 'written', refused: 0, why: null };
const later: Sent = { state: 'later', why: 'database or disk is full' };
/** One row of ours with no text. */
const rowBytes = 400;

/** A queue, and a disk that answers when the test says. */
function queue(bytesMax = 1_000_000) {
  const clock = new VirtualClock();
  const batches: (readonly Write[])[] = [];
  const troubles: string[] = [];
  const slow: (readonly [rows: number, ms: number])[] = [];
  const answers: ((sent: Sent) => void)[] = [];
  const made = new WriteQueue({
    clock,
    limits: { batchMs: 100, batchRows: 3, bytesMax, retryMs: 1000 },
    send: (batch) => {
      batches.push(batch);
      return new Promise((resolve) => answers.push(resolve));
    },
    onTrouble: (message) => troubles.push(message),
    onSlow: (rows, ms) => slow.push([rows, ms]),
  });
  let rows = 0;
  return {
    ...{ clock, batches, troubles, slow, queue: made },
    push(count = 1) {
      for (let each = 0; each < count; each += 1) made.push(item('s', `i${++rows}`, { text: null }));
    },
    async disk(sent: Sent) {
      answers.shift()?.(sent);
      await clock.advance(0);
    },
    sizes: () => batches.map((batch) => batch.length),
  };
}

test('a row waits for others, for 100 ms at most', async () => {
  const it = queue();
  it.push();
  await it.clock.advance(60);
  it.push();
  await it.clock.advance(39);
  expect(it.sizes()).toEqual([]);
  await it.clock.advance(1);
  expect(it.sizes()).toEqual([2]);
  await it.disk(written);
  await it.clock.advance(10_000);
  expect([it.sizes(), it.clock.pending]).toEqual([[2], 0]);
});

test('a batch that takes more than a second is told with its rows and ms, one that does not is not', async () => {
  const it = queue();
  for (const ms of [1000, 1001]) {
    it.push(3);
    await it.clock.advance(ms);
    await it.disk(written);
  }
  expect(it.slow).toEqual([[3, 1001]]);
});

test('a full batch waits for nobody; what comes meanwhile is the next one, in order', async () => {
  const it = queue();
  it.push(3);
  expect(it.sizes()).toEqual([3]);
  it.push(4);
  await it.clock.advance(1000);
  // One at a time.
  expect(it.sizes()).toEqual([3]);
  await it.disk(written);
  expect(it.sizes()).toEqual([3, 3]);
  await it.disk(written);
  expect(it.sizes()).toEqual([3, 3, 1]);
  expect(it.batches.flat().map(({ row }) => 'id' in row && row.id)).toEqual([
    'i1',
    'i2',
    'i3',
    'i4',
    'i5',
    'i6',
    'i7',
  ]);
});

test('what comes while a batch is under way waits for 100 ms in all, not from its end on', async () => {
  const it = queue();
  it.push(3);
  await it.clock.advance(20);
  it.push(1);
  await it.clock.advance(70);
  await it.disk(written);
  await it.clock.advance(29);
  expect(it.sizes()).toEqual([3]);
  await it.clock.advance(1);
  expect(it.sizes()).toEqual([3, 1]);
});

test('flush sends at once, and resolves when everything before it is written, not what comes after', async () => {
  const it = queue();
  expect(await it.queue.flush()).toEqual({ state: 'saved' });
  it.push(5);
  const flushed: unknown[] = [];
  void it.queue.flush().then((outcome) => flushed.push(outcome));
  it.push(2);
  await it.disk(written);
  expect(flushed).toEqual([]);
  await it.disk(written);
  expect(flushed).toEqual([{ state: 'saved' }]);
  expect(it.sizes()).toEqual([3, 3]);
});

test('a refused batch is kept and tried again each second; told once, and once when it is over', async () => {
  const it = queue();
  it.push(3);
  await it.disk(later);
  it.push(1);
  for (let round = 0; round < 5; round += 1) {
    await it.clock.advance(1000);
    await it.disk(later);
  }
  expect(it.sizes()).toEqual([3, 3, 3, 3, 3, 3]);
  expect(it.troubles).toEqual([
    'records cannot be written: database or disk is full; 3 wait, and it is tried again',
  ]);
  await it.clock.advance(1000);
  await it.disk(written);
  expect(it.troubles.slice(1)).toEqual(['records are written again; 0 were lost']);
  // What came meanwhile has waited long enough.
  await it.disk(written);
  expect(it.batches.slice(-2).flat()).toHaveLength(4);
});

test('a flush while the disk refuses is tried at once, and says why it is not saved', async () => {
  const it = queue();
  it.push(3);
  await it.disk(later);
  const flushed = it.queue.flush();
  expect(it.sizes()).toEqual([3, 3]);
  await it.disk(later);
  expect(await flushed).toEqual({ state: 'lost', why: 'database or disk is full' });
});

test('what finds no room is lost and counted; told once when it begins, once when there is room again', async () => {
  const it = queue(10 * rowBytes);
  it.push(3);
  await it.disk(later);
  it.push(20);
  expect(it.troubles).toEqual([
    expect.stringContaining('records cannot be written'),
    '4000 bytes of records wait already: database or disk is full; records are lost',
  ]);
  const flushed = it.queue.flush();
  // Room for a few is no recovery: it would be told again with every row.
  await it.disk(written);
  it.push(1);
  expect(it.troubles).toHaveLength(2);
  await it.disk(written);
  expect(it.troubles.slice(2)).toEqual(['records are written again; 13 were lost']);
  await it.disk(written);
  await it.disk(written);
  expect(await flushed).toEqual({ state: 'lost', why: '13 rows had no room' });
  expect(it.batches.slice(1).flat()).toHaveLength(11);
  it.push(1);
  const next = it.queue.flush();
  await it.disk(written);
  expect(await next).toEqual({ state: 'saved' });
});

test('a disk that is only slow fills the queue as well, and that is said', async () => {
  const it = queue(5 * rowBytes);
  it.push(6);
  expect(it.troubles).toEqual(['2000 bytes of records wait already: the disk is slow; records are lost']);
});

test('long texts count as they are long', async () => {
  const it = queue(10_000);
  it.push();
  it.queue.push(item('s', 'long', { text: 'x'.repeat(5000) }));
  expect([it.queue.rows, it.troubles.length]).toEqual([1, 1]);
});

test('rows that are refused for good are told, and hold nobody up', async () => {
  const it = queue();
  it.push(3);
  await it.disk({ state: 'written', refused: 1, why: 'item: cannot bind' });
  expect(it.troubles).toEqual(['1 records were refused: item: cannot bind']);
  it.push(3);
  expect(it.sizes()).toEqual([3, 3]);
});

test('closing counts what never got to the disk, and leaves no timer and nobody waiting', async () => {
  const it = queue();
  it.push(4);
  const flushed = it.queue.flush();
  expect(it.queue.close()).toBe(4);
  expect(await flushed).toEqual({ state: 'lost', why: 'the store is closed' });
  await it.disk(later);
  await it.clock.advance(10_000);
  expect([it.sizes(), it.troubles, it.clock.pending]).toEqual([[3], [], 0]);
});

test('so do results of tasks', () => {
  const it = queue(10_000);
  it.queue.push(task('s', 't1', { result: 'x'.repeat(2000), raw: 'y'.repeat(2000) }));
  it.queue.push(task('s', 't2', { raw: 'y'.repeat(2000) }));
  expect(it.troubles).toEqual(['8400 bytes of records wait already: the disk is slow; records are lost']);
});

test('a row that is larger than all that may wait goes alone, and is not lost', async () => {
  const it = queue(rowBytes / 2);
  it.push();
  it.push();
  expect(it.troubles).toHaveLength(1);
  await it.clock.advance(100);
  await it.disk({ state: 'written', refused: 0, why: null });
  expect(it.sizes()).toEqual([1]);
  expect(it.queue.rows).toBe(0);
});
