// Whether an engine that is ready still works: its traffic tells, and looks when there is none.
import { expect, test } from 'vitest';
import { type CheckDepth, type CheckVerdict, EngineWatch } from '../../../src/engines/engine-watch.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';

const unfit: CheckVerdict = { state: 'unfit', why: 'no answer in 5000 ms' };

function watched(verdicts: readonly CheckVerdict[], inUse = () => false) {
  const clock = new VirtualClock();
  const asked: CheckDepth[] = [];
  const found: string[] = [];
  const left = [...verdicts];
  const watch = new EngineWatch({
    ...{ clock, inUse, isQuiet: () => false, onUnfit: (why) => found.push(why) },
    check: async (depth) => {
      asked.push(depth);
      return left.shift() ?? { state: 'well' };
    },
  });
  return { clock, asked, found, watch };
}

test('three failed calls in a row make it suspect; what it is for is asked of it', async () => {
  const { clock, asked, found, watch } = watched([unfit]);
  for (const end of ['failed', 'failed', 'done', 'failed', 'cancelled', 'failed'] as const) watch.ended(end);
  await clock.advance(0);
  expect(asked).toEqual([]);
  watch.ended('failed');
  await clock.advance(0);
  expect(asked).toEqual(['works']);
  expect(found).toEqual([
    '3 calls in a row failed, and when asked for something small: no answer in 5000 ms',
  ]);
  watch.stop();
  expect(clock.pending).toBe(0);
});

test('an engine that answers what it is asked is let be: its callers may ask nonsense', async () => {
  const { clock, asked, found, watch } = watched([]);
  for (let round = 0; round < 2; round += 1) {
    for (let count = 0; count < 3; count += 1) watch.ended('failed');
    await clock.advance(0);
  }
  expect(asked).toEqual(['works', 'works']);
  expect(found).toEqual([]);
  watch.stop();
});

test('one that nobody uses is asked each minute, and three times in a row before it is given up', async () => {
  const { clock, asked, found, watch } = watched([
    { state: 'well' },
    unfit,
    { state: 'well' },
    unfit,
    unfit,
    unfit,
  ]);
  await clock.advance(59_999);
  expect(asked).toEqual([]);
  await clock.advance(1);
  await clock.advance(60_000);
  await clock.advance(1000);
  expect(asked).toEqual(['alive', 'alive', 'alive']);
  await clock.advance(60_000);
  await clock.advance(1000);
  expect(found).toEqual([]);
  await clock.advance(1000);
  expect(found).toEqual(['asked 3 times: no answer in 5000 ms']);
  watch.stop();
});

test('one that is busy is never asked, nor one whose calls go well', async () => {
  const { clock, asked, watch } = watched([], () => true);
  await clock.advance(600_000);
  expect(asked).toEqual([]);
  watch.stop();
  const used = watched([]);
  for (let minute = 0; minute < 5; minute += 1) {
    await used.clock.advance(50_000);
    used.watch.ended('done');
  }
  expect(used.asked).toEqual([]);
  used.watch.stop();
});

test('a look that ends after the engine is of no interest', async () => {
  const clock = new VirtualClock();
  const look = Promise.withResolvers<CheckVerdict>();
  const found: string[] = [];
  const watch = new EngineWatch({
    ...{
      clock,
      inUse: () => false,
      isQuiet: () => false,
      check: () => look.promise,
      onUnfit: (why) => found.push(why),
    },
  });
  for (let count = 0; count < 3; count += 1) watch.ended('failed');
  watch.stop();
  look.resolve(unfit);
  await clock.advance(60_000);
  expect(found).toEqual([]);
  expect(clock.pending).toBe(0);
});

test('one that cannot be asked has no timer', async () => {
  const clock = new VirtualClock();
  const watch = new EngineWatch({
    clock,
    inUse: () => false,
    isQuiet: () => false,
    check: undefined,
    onUnfit: () => undefined,
  });
  for (let count = 0; count < 6; count += 1) watch.ended('failed');
  expect(clock.pending).toBe(0);
  watch.stop();
});

test('one that is busy is asked for nothing but whether it is there, however its other callers fare', async () => {
  let use: 'busy' | 'silent' | 'unused' = 'busy';
  const clock = new VirtualClock();
  const asked: CheckDepth[] = [];
  const found: string[] = [];
  const verdicts: CheckVerdict[] = [{ state: 'well' }, { state: 'well' }, unfit];
  const watch = new EngineWatch({
    ...{ clock, inUse: () => use !== 'unused', isQuiet: () => use === 'silent' },
    onUnfit: (why) => found.push(why),
    check: async (depth) => {
      asked.push(depth);
      return verdicts.shift() ?? { state: 'well' };
    },
  });
  for (let count = 0; count < 4; count += 1) {
    watch.ended('failed');
    await clock.advance(0);
  }
  expect(asked).toEqual(['alive', 'alive']);
  expect(found).toEqual([]);
  use = 'silent';
  watch.ended('failed');
  await clock.advance(0);
  expect(asked).toEqual(['alive', 'alive', 'works']);
  expect(found).toHaveLength(1);
  watch.stop();
});

test('who comes while it is asked for something may be what it was busy with', async () => {
  let busy = false;
  const clock = new VirtualClock();
  const found: string[] = [];
  const watch = new EngineWatch({
    ...{ clock, inUse: () => busy, isQuiet: () => false, onUnfit: (why) => found.push(why) },
    check: async () => {
      busy = true;
      return unfit;
    },
  });
  for (let count = 0; count < 3; count += 1) watch.ended('failed');
  await clock.advance(0);
  expect(found).toEqual([]);
  watch.stop();
});

test('callers who lose patience with an engine that gives nobody anything make it suspect', async () => {
  const clock = new VirtualClock();
  const found: string[] = [];
  let quiet = false;
  const watch = new EngineWatch({
    ...{ clock, inUse: () => true, isQuiet: () => quiet, onUnfit: (why) => found.push(why) },
    check: async () => unfit,
  });
  for (let count = 0; count < 5; count += 1) watch.ended('cancelled');
  await clock.advance(0);
  expect(found).toEqual([]);
  quiet = true;
  for (let count = 0; count < 3; count += 1) watch.ended('cancelled');
  await clock.advance(0);
  expect(found).toHaveLength(1);
  watch.stop();
});
