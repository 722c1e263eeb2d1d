import { expect, test } from 'vitest';
import { availableBytes, parseAvailable } from '../../../src/engines/memory.ts';

test('what is available stands in a line of its own', () => {
  expect(parseAvailable('MemTotal:  16 kB\nMemFree:  1 kB\nMemAvailable:    9123456 kB\n')).toBe(
    9_123_456 * 1024,
  );
  expect(parseAvailable('MemTotal:  16 kB\n')).toBeNull();
});

test.runIf(process.platform === 'linux')('this machine says it', async () => {
  expect(await availableBytes()).toBeGreaterThan(1024 * 1024);
});
