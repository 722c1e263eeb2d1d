import { expect, test } from 'vitest';
import { Collections } from '../../../src/telemetry/collections.ts';

test('collections are counted by kind while it is started; all kinds are listed from the beginning', async () => {
  const collections = new Collections();
  const counts = () => Object.fromEntries(collections.times.list().map(([kind, { count }]) => [kind, count]));
  expect(counts()).toEqual({ minor: 0, major: 0, incremental: 0, weakcb: 0 });
  const litter = () => Array.from({ length: 200_000 }, (_, n) => ({ n })).length;
  collections.start();
  await expect.poll(() => litter() && counts()['minor']).toBeGreaterThan(0);
  collections.stop();
  collections.stop();
});
