import { expect, test } from 'vitest';
import { thrownFacts } from '../../../../src/engines/worker/thrown.ts';

/** Asked for its text, it throws. */
const odd = { toString: 1, valueOf: 1 };

test.each<[string, () => unknown, string]>([
  ['an error', () => new Error('no voice'), 'no voice'],
  ['an error that says nothing', () => new TypeError(), 'TypeError'],
  ['a text', () => 'a text', 'a text'],
  ['nothing', () => undefined, 'undefined'],
  ['an error with a number', () => Object.assign(new Error('x'), { message: 42 }), '42'],
  [
    'an error with what is no text',
    () => Object.assign(new Error('x'), { message: odd }),
    'it threw what cannot be told',
  ],
  ['what is no text', () => odd, 'it threw what cannot be told'],
  ['what has no prototype', () => Object.create(null), 'it threw what cannot be told'],
])('of %s there is a message, and a stack that is a text', (_, thrown, message) => {
  expect(thrownFacts(thrown())).toEqual({ message, stack: expect.any(String) });
});
