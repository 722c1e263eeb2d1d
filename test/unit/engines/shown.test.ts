import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cutMark, neededChars, secretCharsMax, shown } from '../../../src/engines/shown.ts';

const secret = 'S3CRET-abcdefghijklmnopqrstuvwxyz-0123456789';
const mask = (text: string) => text.replaceAll(secret, '***');

/** Of the secret, from its second character on: none of it may be seen. */
const tell = secret.slice(0, 2);

test('a text is shown as far as it may be, and says when that is not all of it', () => {
  expect(shown('0123456789', 10, mask)).toBe('0123456789');
  expect(shown('0123456789a', 10, mask)).toBe(`0123456789${cutMark}`);
  expect(shown('', 10, mask)).toBe('');
});

test('a secret is masked wherever the cut is', () => {
  for (let before = 0; before < 60; before += 1)
    expect(shown('y'.repeat(before) + secret + secret, 50, mask)).not.toContain(tell);
});

test('a secret that somebody had to cut is not shown either, however much the mask has taken away', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4000 }), fc.nat(100), (secrets, before) => {
      const said =
        ('y'.repeat(before) + secret.repeat(secrets)).padEnd(secretCharsMax, 'z') + secret.repeat(9);
      expect(shown(said.slice(0, neededChars(200)), 200, mask)).not.toContain(tell);
    }),
  );
});
