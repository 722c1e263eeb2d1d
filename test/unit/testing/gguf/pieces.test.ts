import fc from 'fast-check';
import { expect, test } from 'vitest';
import { piecesOf } from '../../../../src/testing/gguf/pieces.ts';
import { basicTokens } from '../../../../src/testing/gguf/vocabulary.ts';

const none = new Set<string>();

test.each([
  ['', []],
  ['a', ['a']],
  ['ab', ['ab']],
  ['abc', ['abc']],
  ['abcd', ['abcd']],
  ['abcdef', ['abc', 'def']],
  ['abcabc', ['abcabc']],
  ['abcabcd', ['abc', 'abcd']],
  ['aaaaaaaaaaaa', ['aaa', 'aaaa', 'aaaaa']],
  ['🦊🦊🦊x', ['🦊🦊🦊x']],
])('%j is said in the pieces %j', (text, pieces) => {
  expect(piecesOf(text, none)).toEqual(pieces);
});

test('pieces make the text, none alike, none taken, none of two characters', () => {
  const text = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 200 }),
    fc.string({ unit: fc.constantFrom('a', 'b', '▁'), maxLength: 300 }),
  );
  const taken = new Set([...basicTokens, 'aab', 'aba']);
  fc.assert(
    fc.property(
      text.filter((one) => !taken.has(one)),
      (one) => {
        const pieces = piecesOf(one, taken);
        expect(pieces.join('')).toBe(one);
        expect(new Set(pieces).size).toBe(pieces.length);
        expect(pieces.filter((piece) => taken.has(piece))).toEqual([]);
        if (pieces.length > 1)
          expect(Math.min(...pieces.map((piece) => [...piece].length))).toBeGreaterThan(2);
      },
    ),
  );
});

test('what is a basic token as a whole cannot be said', () => {
  expect(() => piecesOf('<unk>', basicTokens)).toThrow('cannot say just "<unk>"');
});
