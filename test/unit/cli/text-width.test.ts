import { describe, expect, test } from 'vitest';
import { cutEnd, cutStart, widthOf, wrapped } from '../../../src/cli/text-width.ts';

const family = '👨\u200d👩\u200d👧';

test('what takes two columns, what one, what none', () => {
  expect([widthOf('abc'), widthOf('한국'), widthOf('e\u0301'), widthOf('👍')]).toEqual([3, 4, 1, 2]);
  expect(widthOf('\u001b[31mred\u001b[39m')).toBe(3);
  // A letter that is asked to be a picture, one of the rarer ideographs, and marks that are not seen.
  expect([widthOf('❤\ufe0f'), widthOf('👍\ufe0f'), widthOf('𠀀'), widthOf('a\u200bb')]).toEqual([2, 2, 2, 2]);
});

describe('cutting', () => {
  test('what fits stays as it is, colours too', () => {
    expect(cutStart('hello', 5)).toBe('hello');
    expect(cutEnd('\u001b[31mhello\u001b[39m', 5)).toBe('\u001b[31mhello\u001b[39m');
  });

  test.each([
    ['the beginning of a text', cutEnd, 'one two', 4, 'one…'],
    ['its end', cutStart, 'one two', 4, '…two'],
    ['wide letters', cutEnd, '한국어', 4, '한…'],
    ['nothing in no room', cutStart, 'one', 0, ''],
    ['the mark alone in one column', cutEnd, 'one', 1, '…'],
    ['no half of a family', cutStart, `one ${family}`, 5, '…'],
    ['a whole family', cutStart, `one ${family}`, 8, `… ${family}`],
    ['no accent alone', cutStart, 'abce\u0301', 2, '…e\u0301'],
    ['no half of a flag', cutEnd, '🇩🇪🇫🇷', 6, '🇩🇪…'],
  ] as const)('%s', (_name, cut, text, width, shown) => {
    expect(cut(text, width)).toBe(shown);
    expect(widthOf(cut(text, width))).toBeLessThanOrEqual(width);
  });

  test('a text of a megabyte costs no more than what is seen of it', () => {
    const long = '한'.repeat(350_000);
    for (let draw = 0; draw < 100; draw += 1)
      expect([cutStart(long, 40), cutEnd(long, 40)].map(widthOf)).toEqual([39, 39]);
  });
});

describe('wrapping', () => {
  test('is between words, or anywhere where there are none', () => {
    expect(wrapped('one two three four', 10)).toEqual(['one two', 'three four']);
    expect(wrapped('한국어한국어한국어', 10)).toEqual(['한국어한국', '어한국어']);
    expect(wrapped('short', 70)).toEqual(['short']);
    expect(wrapped('', 70)).toEqual(['']);
    expect(wrapped(`${family}${family}`, 10)).toEqual([family, family]);
    for (const line of wrapped('x'.repeat(100), 25)) expect(widthOf(line)).toBeLessThanOrEqual(25);
  });

  test('a line feed is a line of its own', () => {
    expect(wrapped('one\n\ntwo three', 6)).toEqual(['one', '', 'two', 'three']);
  });

  test('keeps what stands between the words', () => {
    expect(wrapped('a  b   c', 20)).toEqual(['a  b   c']);
  });

  test('a word of a megabyte is broken in the time that its length takes', () => {
    expect(wrapped('x'.repeat(1_000_000), 70)).toHaveLength(14_286);
  });
});
