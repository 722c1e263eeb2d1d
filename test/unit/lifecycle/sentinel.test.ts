// What the sentinel does where it cannot work; what it does where it can is tested with real processes (stuck.test.ts).
import { expect, test } from 'vitest';
import { startSentinel } from '../../../src/lifecycle/sentinel.ts';
import { testFolder } from '../../support/folder.ts';

test('a thread that cannot watch is told, and nobody is the worse for it', async () => {
  await using folder = await testFolder();
  await folder.write('thread.mjs', "throw new Error('no such binding')");
  const told = Promise.withResolvers<string>();
  const sentinel = startSentinel({
    file: `${folder.path}/thread.mjs`,
    graceMs: 1000,
    onTrouble: told.resolve,
  });
  expect(await told.promise).toBe(
    'a signal that comes while the event loop is held will not be noticed: no such binding',
  );
  sentinel.heard();
});
