import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { speakablePieces } from '../../../../src/engines/builtin/speakable.ts';

describe('text for the built-in voice', () => {
  test('is cut into sentences, and not after a title or an abbreviation', () => {
    expect(speakablePieces('Dr. Smith is in. "Really?" Yes! See No. 5, e.g. today.\nNext line')).toEqual([
      'Dr. Smith is in.',
      '"Really?"',
      'Yes!',
      'See No. 5, e.g. today.',
      'Next line',
    ]);
  });

  test('a number keeps its point', () => {
    expect(speakablePieces('Pi is 3.14 or so.')).toEqual(['Pi is 3.14 or so.']);
  });

  test('a long sentence is cut at a comma, else between words, else anywhere', () => {
    const clause = `${'word '.repeat(20).trim()},`;
    expect(speakablePieces(`${clause} ${clause} end`)).toEqual([clause, `${clause} end`]);
    const words = speakablePieces('word '.repeat(100));
    expect(words.join(' ')).toBe('word '.repeat(100).trim());
    expect(speakablePieces('a'.repeat(400)).map(({ length }) => length)).toEqual([160, 160, 80]);
  });

  test.each([
    ['“Smart” ‘quotes’ and dashes—these', '"Smart" \'quotes\' and dashes, these'],
    ['Crème brûlée à la Zoë, straße, Øre, Łódź', 'Creme brulee a la Zoe, strasse, ore, lodz'],
    ['ﬁne 1½ m²…10–20 °C', 'fine 1 1/2 m2... 10 to 20 degrees C'],
    ['€5.20 or £3', '5.20 euros or 3 pounds'],
    ['**bold** and `code` # heading', "bold and 'code' heading"],
    ['Hello 世界 again 🎉', 'Hello again'],
    ['tab\tand\u0000control', 'tab and control'],
  ])('%j is said as %j', (text, said) => {
    expect(speakablePieces(text).join(' ')).toBe(said);
  });

  test.each(['', '   ', '\n\n', '... !? --', '🎉', '&', '**'])('%j says nothing', (text) => {
    expect(speakablePieces(text)).toEqual([]);
  });

  test.each(['世界', 'Привет, мир!', 'مرحبا'])('%j is refused: the voice is English only', (text) => {
    expect(() => speakablePieces(text)).toThrow(
      /this voice speaks English only: nothing speakable is left of "/,
    );
  });

  test('no text gives a piece that is too long, silent, or not plain ASCII', () => {
    const alphabet = fc.constantFrom(
      'a',
      'Z',
      '5',
      ' ',
      '.',
      '!',
      ',',
      '"',
      '\n',
      '-',
      'é',
      '€',
      '–',
      '世',
      '🎉',
      '\t',
    );
    const texts = fc.oneof(fc.string({ unit: alphabet, maxLength: 600 }), fc.string({ unit: 'grapheme' }));
    fc.assert(
      fc.property(texts, (text) => {
        let pieces: string[] = [];
        try {
          pieces = speakablePieces(text);
        } catch (error) {
          expect(String(error)).toContain('English only');
        }
        for (const piece of pieces) {
          expect(piece.length).toBeLessThanOrEqual(160);
          expect(piece).toMatch(/^[\x20-\x7e]*[A-Za-z0-9][\x20-\x7e]*$/);
        }
      }),
    );
  });

  test.each([' ', '.', '. ', '."', '€', 'a '])('a megabyte of %j is cut in no time', (unit) => {
    const started = performance.now();
    speakablePieces(unit.repeat(1_000_000 / unit.length));
    expect(performance.now() - started).toBeLessThan(5000);
  });
});
