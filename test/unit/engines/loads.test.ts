// How long engines take to load: recorded from their lives, and estimated from the last times.
import { utimes } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import type { EngineConfig, WorkerEngineConfig } from '../../../src/config/types.ts';
import { EngineLoads } from '../../../src/engines/loads.ts';
import { modelKeyOf } from '../../../src/engines/model-key.ts';
import { type EngineLife, idleLife, type LifeEvent } from '../../../src/engines/state.ts';
import { statusOf } from '../../../src/engines/status.ts';
import { systemClock, turn } from '../../../src/lifecycle/clock.ts';
import type { EngineRunRow } from '../../../src/store/store.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { engineBasics, runConfig } from '../../support/engine-configs.ts';
import { testFolder } from '../../support/folder.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { until } from '../../support/poll.ts';
import { load } from '../store/rows.ts';
import { climbed, exited, failed, start, step, stop } from './lives.ts';

const builtin: EngineConfig = {
  ...{ ...engineBasics, kind: 'builtin', builtin: 'flite', options: {}, ready: { stallMs: 1, totalMs: 1 } },
};
const worker = (changes: Partial<WorkerEngineConfig>): WorkerEngineConfig => ({
  ...{ ...engineBasics, kind: 'worker', worker: '/no/where.mjs', isolate: 'process', options: {} },
  ...{ ready: { stallMs: 1, totalMs: 1 }, needed: [] },
  ...changes,
});
const run = runConfig;

/** An engine's life as the supervisor tells it, over a store. */
async function followed(earlier: readonly number[] = []) {
  const clock = new VirtualClock();
  const store = new MemoryStore();
  const modelKey = await modelKeyOf(builtin);
  for (const [index, ms] of earlier.entries()) store.write(load(`earlier ${index}`, index, ms, modelKey));
  store.writes.length = 0;
  const estimated: string[] = [];
  const loads = new EngineLoads({
    history: {
      lastLoads: (key, count) => store.lastLoads(key, count),
      record: (row) => store.write({ type: 'engine_run', row }),
    },
    clock,
    onEstimate: (engine) => estimated.push(engine),
  });
  let life: EngineLife = idleLife;
  return {
    ...{ clock, store, loads, estimated, modelKey },
    async happens(...events: readonly LifeEvent[]) {
      for (const event of events) {
        const before = life;
        life = step(life, event, clock.now()).life;
        loads.stepped(builtin, before, life);
      }
      await turn(systemClock);
    },
    status: () =>
      statusOf({
        ...{
          name: 'mine',
          kind: 'builtin',
          start: 'eager',
          life,
          offers: [],
          instance: undefined,
          nowMs: clock.now(),
        },
        users: { waiting: 0, leases: 0 },
        ending: null,
        expectedMs: loads.expectedMs('mine'),
      }),
    rows: () => store.writes.map(({ row }) => row as EngineRunRow),
  };
}

describe('a run', () => {
  test('is recorded when it begins, when it is ready, when it ends', async () => {
    const it = await followed();
    await it.happens(start);
    const [begun] = it.rows();
    const atMs = it.clock.wallTime();
    expect(begun).toMatchObject({
      engine: 'mine',
      kind: 'builtin',
      modelKey: it.modelKey,
      spawnedAtMs: atMs,
    });
    expect(begun).toMatchObject({ readyAtMs: null, loadMs: null, endedAtMs: null, outcome: null });
    await it.clock.advance(800);
    await it.happens(climbed('ready'));
    await it.clock.advance(200);
    await it.happens(stop, exited());
    expect(it.rows().slice(1)).toEqual([
      { ...begun, readyAtMs: atMs + 800, loadMs: 800 },
      { ...begun, readyAtMs: atMs + 800, loadMs: 800, endedAtMs: atMs + 1000, outcome: 'stopped' },
    ]);
  });

  test('that fails has the code of its failure, and no load', async () => {
    const it = await followed();
    await it.happens(start, failed(), exited());
    expect(it.rows().at(-1)).toMatchObject({ outcome: 'engine_exited', loadMs: null });
    expect(await it.store.lastLoads(it.modelKey, 5)).toEqual([]);
  });

  test('that crashes once it was ready keeps its load', async () => {
    const it = await followed();
    await it.happens(start);
    await it.clock.advance(300);
    await it.happens(climbed('ready'), exited());
    expect(it.rows().at(-1)).toMatchObject({ outcome: 'engine_exited', loadMs: 300 });
  });

  test('that is started again while it stops ends before the next begins', async () => {
    const it = await followed();
    await it.happens(start, climbed('ready'), stop, start, exited());
    const rows = it.rows();
    expect(rows.map(({ outcome }) => outcome)).toEqual([null, null, 'stopped', null]);
    expect(new Set(rows.map(({ id }) => id)).size).toBe(2);
  });
});

describe('the estimate', () => {
  test('is the median of the last five successful loads, and what is left of it', async () => {
    // The oldest first: the first does not count any more.
    const it = await followed([90_000, 1000, 60_000, 1200, 900, 1100]);
    expect(it.status()).toMatchObject({ expectedMs: null, etaMs: null });
    await it.happens(start);
    expect(it.estimated).toEqual(['mine']);
    expect(it.status()).toMatchObject({ expectedMs: 1100, etaMs: 1100 });
    await it.clock.advance(400);
    expect(it.status()).toMatchObject({ elapsedMs: 400, etaMs: 700 });
    await it.clock.advance(2000);
    expect(it.status()).toMatchObject({ expectedMs: 1100, etaMs: 0 });
    await it.happens(climbed('ready'));
    expect(it.status()).toMatchObject({ expectedMs: null, etaMs: null });
  });

  test('is none for a first load', async () => {
    const it = await followed();
    await it.happens(start);
    expect([it.estimated, it.status().etaMs]).toEqual([[], null]);
  });

  test('of a load that is over by then is told to nobody', async () => {
    const it = await followed([1000]);
    await it.happens(start, climbed('ready'));
    expect(it.estimated).toEqual([]);
  });

  test('is none when the store cannot be read, and the engine goes on', async () => {
    const rows: object[] = [];
    const loads = new EngineLoads({
      history: {
        lastLoads: () => Promise.reject(new Error('the disk is gone')),
        record: (row) => rows.push(row),
      },
      clock: new VirtualClock(),
      onEstimate: () => expect.unreachable(),
    });
    loads.stepped(builtin, idleLife, step(idleLife, start).life);
    await until(() => rows.length === 1, { timeoutMs: 1000, what: 'the record' });
    expect(loads.expectedMs('mine')).toBeNull();
  });
});

describe('the key of a model', () => {
  test('is the same for the same, and another for other options, programs and folders', async () => {
    const options = { model: './small.bin' };
    expect(await modelKeyOf(worker({ options }))).toBe(await modelKeyOf(worker({ options })));
    const keys = await Promise.all(
      [
        builtin,
        worker({}),
        worker({ options }),
        worker({ isolate: 'thread' }),
        run({}),
        run({ run: ['serve', '--fast'] }),
        run({ cwd: '/' }),
      ].map(modelKeyOf),
    );
    expect(new Set(keys).size).toBe(keys.length);
  });

  test('has nothing of ports, environment or how long it may take', async () => {
    const other = run({ port: 8080, env: { TOKEN: 's3cret' }, stopGraceMs: 5 });
    expect(await modelKeyOf(other)).toBe(await modelKeyOf(run({})));
  });

  test.each([
    ['a word of the command', (model: string) => run({ run: ['serve', '-m', model] })],
    ['the value of a flag', (model: string) => run({ run: ['serve', `--model=${model}`] })],
    ['an option of a worker', (model: string) => worker({ options: { deep: [{ model }] } })],
    ['the worker itself', (model: string) => worker({ worker: model })],
  ])('changes with the file named by %s', async (_, config) => {
    await using folder = await testFolder();
    const path = await folder.write('model.bin', 'weights');
    const before = await modelKeyOf(config(path));
    expect(await modelKeyOf(config(path))).toBe(before);
    await utimes(path, 1000, 1000);
    const touched = await modelKeyOf(config(path));
    await folder.write('model.bin', 'other weights');
    await utimes(path, 1000, 1000);
    expect(new Set([before, touched, await modelKeyOf(config(path))]).size).toBe(3);
  });

  test('does not change with a folder: there is always something new in it', async () => {
    await using folder = await testFolder();
    const config = run({ run: ['serve', '.'], cwd: folder.path });
    const before = await modelKeyOf(config);
    await folder.write('new', '');
    expect(await modelKeyOf(config)).toBe(before);
  });
});
