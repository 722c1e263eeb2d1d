import { expect, test } from 'vitest';
import { randomId } from '../../../src/wire/ids.ts';

test('an id says what it is, and has 128 bits that nobody can guess', () => {
  const ids = Array.from({ length: 1000 }, () => randomId('sess'));
  for (const id of ids) expect(id).toMatch(/^sess_[0-9a-f]{32}$/);
  expect(new Set(ids).size).toBe(1000);
});
