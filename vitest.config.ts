import { defineConfig } from 'vitest/config';

/** Tests that must know the version get the same constant as the bundle. */
const define = { __VERSION__: JSON.stringify('0.0.0-test') };

/** What measures time, or looks at well-known ports of the machine: nothing runs beside it. */
const alone = [
  'leaving',
  'stuck',
  'slow',
  'start',
  'incident-003',
  'hub-leaving',
  'hub-attacks',
  'discover',
  'console',
  'console-records',
  'console-answers',
].map((name) => `test/process/${name}.test.ts`);

/** What puts itself in a module's place needs modules of its own; all others share theirs, which saves a third of the time. */
const mocking = ['load', 'early'].map((name) => `test/unit/config/${name}.test.ts`);

export default defineConfig({
  test: {
    projects: [
      {
        define,
        test: {
          ...{ name: 'unit', include: ['test/unit/**/*.test.ts'], exclude: mocking, testTimeout: 10_000 },
          ...{ maxWorkers: 2, isolate: false },
        },
      },
      { define, test: { name: 'unit-isolated', include: mocking, testTimeout: 10_000, maxWorkers: 2 } },
      { define, test: { name: 'sim', include: ['test/sim/**/*.test.ts'], testTimeout: 60_000 } },
      {
        define,
        test: {
          name: 'process',
          include: ['test/process/**/*.test.ts'],
          exclude: alone,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // They wait for processes more than they work.
          maxWorkers: 3,
        },
      },
      {
        define,
        test: {
          name: 'alone',
          include: alone,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
