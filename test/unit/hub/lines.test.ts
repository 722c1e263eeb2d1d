import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Lines } from '../../../src/hub/lines.ts';

/** `3 text`, or `3 !` for one that is too long. */
function linesOf(pieces: readonly (Buffer | string)[], bytesMax = 1000): string[] {
  const lines = new Lines(bytesMax);
  const seen: string[] = [];
  const take = () => {
    for (let line = lines.next(); line; line = lines.next())
      seen.push(line.state === 'whole' ? `${line.number} ${line.bytes}` : `${line.number} !`);
  };
  for (const piece of pieces) {
    lines.push(Buffer.from(piece));
    take();
  }
  lines.end();
  take();
  return seen;
}

describe('lines', () => {
  test('end with either newline; empty ones are counted and left out; the last one needs none', () => {
    expect(linesOf(['a\nb\r\n\n\r\n \t\nc\rd\n', 'e'])).toEqual(['1 a', '2 b', '6 c\rd', '7 e']);
    expect([linesOf([]), linesOf(['']), linesOf(['\n\n']), linesOf(['a\n'])]).toEqual([[], [], [], ['1 a']]);
  });

  test('begin behind a byte order mark, in one piece or in three, and at the very beginning only', () => {
    const mark = Buffer.from('\uFEFF');
    expect(linesOf([`\uFEFFa\n\uFEFFb`])).toEqual(['1 a', '2 \uFEFFb']);
    expect(linesOf([...mark].map((byte) => Buffer.from([byte])).concat(Buffer.from('a\n')))).toEqual(['1 a']);
    expect(linesOf(['\uFEFF'])).toEqual([]);
  });

  test('over the limit are told once, at once, and what follows is whole', () => {
    expect(linesOf(['12345\n123456\n12345\r\n'], 5)).toEqual(['1 12345', '2 !', '3 12345']);
    expect(linesOf(['1234', '56', '7\n8'], 5)).toEqual(['1 !', '2 8']);
    const lines = new Lines(5);
    lines.push(Buffer.from('123456'));
    expect([lines.next(), lines.next(), lines.half]).toEqual([
      { state: 'too_long', number: 1 },
      undefined,
      undefined,
    ]);
  });

  test('that have begun are known by their number', () => {
    const lines = new Lines(10);
    lines.push(Buffer.from('a\nb'));
    expect([lines.next()?.number, lines.next(), lines.half]).toEqual([1, undefined, 2]);
  });

  test('are the same however they are cut', () => {
    const text = fc
      .array(fc.constantFrom('a', 'bb', '{"x":1}', '\n', '\r\n', '\r', ' ', '\uFEFF', 'é', 'x'.repeat(9)), {
        maxLength: 30,
      })
      .map((parts) => Buffer.from(parts.join('')));
    fc.assert(
      fc.property(text, fc.array(fc.nat(20)), fc.integer({ min: 3, max: 12 }), (bytes, cuts, bytesMax) => {
        const pieces: Buffer[] = [];
        let at = 0;
        for (const cut of cuts) pieces.push(bytes.subarray(at, (at += cut)));
        pieces.push(bytes.subarray(at));
        const whole = linesOf([bytes], bytesMax);
        expect(linesOf(pieces, bytesMax)).toEqual(whole);
        expect(
          linesOf(
            [...bytes].map((byte) => Buffer.from([byte])),
            bytesMax,
          ),
        ).toEqual(whole);
        const model = bytes
          .toString()
          .replace(/^\uFEFF/, '')
          .split('\n')
          .map((line) => line.replace(/\r$/, ''));
        const expected = model.flatMap((line, index) => {
          if (Buffer.byteLength(line) > bytesMax) return [`${index + 1} !`];
          return /^[ \t\r]*$/.test(line) ? [] : [`${index + 1} ${line}`];
        });
        expect(whole).toEqual(expected);
      }),
      { numRuns: 1000 },
    );
  });

  test('of a mebibyte come whole, byte by byte, and cost no more copies than that', () => {
    const mebibyte = 1024 * 1024;
    const lines = new Lines(mebibyte);
    const byte = Buffer.from('x');
    for (let count = 0; count < mebibyte; count += 1) {
      lines.push(byte);
      if (lines.next()) throw new Error('a line too soon');
    }
    lines.push(Buffer.from('\ny'));
    const line = lines.next();
    expect(line?.state === 'whole' && line.bytes.length).toBe(mebibyte);
  });
});
