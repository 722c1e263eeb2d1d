// The second look at what failed on a busy machine: what stands, and what is only unsteady.
import { expect, test } from 'vitest';
import { type Failure, lookedAtAgain } from '../../scripts/test-report.ts';

const failure = (file: string | null, name: string): Failure => ({ file, test: name });
const first = [failure('a.test.ts', 'one'), failure('a.test.ts', 'two'), failure('b.test.ts', 'one')];

test('what fails twice stands; what passes the second time is unsteady', () => {
  const again = { passed: 9, failed: [failure('a.test.ts', 'two')] };
  expect(lookedAtAgain(first, again)).toEqual({
    unsteady: [failure('a.test.ts', 'one'), failure('b.test.ts', 'one')],
    standing: [failure('a.test.ts', 'two')],
  });
});

test('what fails only the second time stands as well', () => {
  const again = { passed: 9, failed: [failure('a.test.ts', 'three')] };
  expect(lookedAtAgain(first, again).standing).toEqual([failure('a.test.ts', 'three')]);
});

test('a second look that saw nothing excuses nothing', () => {
  const again = { passed: 0, failed: [failure(null, 'process')] };
  expect(lookedAtAgain(first, again)).toEqual({ unsteady: [], standing: [...first, ...again.failed] });
});

test('a stage that broke outside its tests is never excused', () => {
  const broken = [failure(null, 'process')];
  expect(lookedAtAgain(broken, { passed: 9, failed: [] })).toEqual({ unsteady: [], standing: broken });
});
