import { defineConfig } from 'vitest/config';

/** Tests that must know the version get the same constant as the bundle. */
const define = { __VERSION__: JSON.stringify('0.0.0-test') };

export default defineConfig({
  test: {
    projects: [
      { define, test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 10_000 } },
      { define, test: { name: 'sim', include: ['test/sim/**/*.test.ts'], testTimeout: 60_000 } },
      {
        define,
        test: {
          name: 'process',
          include: ['test/process/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // Two cores: real processes beside each other would measure each other.
          fileParallelism: false,
        },
      },
    ],
  },
});
