import { expect, test } from 'vitest';
import { oneLine, printable } from '../../../src/cli/printable.ts';

test.each([
  [
    'text in any language',
    'Grüße, 한국, שלום, 👨\u200d👩\u200d👧, ❤\ufe0f',
    'Grüße, 한국, שלום, 👨\u200d👩\u200d👧, ❤\ufe0f',
  ],
  ['lines and tabs', 'a\r\nb\tc', 'a\nb\tc'],
  ['a colour', 'a\u001b[31mred', 'a\\u001b[31mred'],
  ['a title', '\u001b]0;mine\u0007', '\\u001b]0;mine\\u0007'],
  ['one byte controls', 'a\u009b5n\u007f\b\r', 'a\\u009b5n\\u007f\\u0008\\u000d'],
  ['what turns the direction', 'user\u202egnp.exe\u2066', 'user\\u202egnp.exe\\u2066'],
  ['separators that are no line feed', 'a\u2028b\u2029', 'a\\u2028b\\u2029'],
  ['half a character', '\ud83d', '\\ud83d'],
])('%s', (_name, text, shown) => {
  expect(printable(text)).toBe(shown);
});

test('a line of JSON says the same afterwards', () => {
  const event = { text: 'a\u001b[2J\u009b\u007f\u202e\n"\\\ud83d😀' };
  const line = printable(JSON.stringify(event));
  expect(JSON.parse(line)).toEqual(event);
  expect(line).not.toMatch(/[\p{Cc}\u202e]/u);
});

test('one line has no line feeds and no tabs', () => {
  expect(oneLine('one \n  two\r\nthree\tfour\u001b')).toBe('one two three four\\u001b');
});
