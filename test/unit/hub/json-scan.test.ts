// Against JSON.parse, which is what everybody else reads with.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { scanJson } from '../../../src/hub/json-scan.ts';

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const takes = (text: string): boolean => scanJson(Buffer.from(text)).state === 'json';

/** What nearly is JSON, and what it is made of. */
const nearly = fc.oneof(
  fc
    .array(fc.constantFrom(...'{}[]:,"\\/untrefals019-+.eE \t\r\n\u0000\u001f\u00e9x'), { maxLength: 12 })
    .map((parts) => parts.join('')),
  fc
    .tuple(fc.json(), fc.nat(), fc.constantFrom('', '"', ',', '}', '\\', '0', 'e', ' '))
    .map(([json, at, put]) => {
      const place = at % (json.length + 1);
      return json.slice(0, place) + put + json.slice(place + 1);
    }),
);

test('takes what JSON.parse takes, and nothing else', () => {
  fc.assert(
    fc.property(fc.oneof(fc.json(), nearly, fc.string()), (text) => {
      const wellFormed = Buffer.from(text).toString();
      expect(takes(wellFormed)).toBe(parses(wellFormed));
    }),
    { numRuns: 5000 },
  );
});

test('never throws, whatever the bytes are', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const scanned = scanJson(bytes);
      if (scanned.state === 'bad') expect(scanned.at).toBeLessThanOrEqual(bytes.length);
    }),
  );
});

test.each([
  ...['0', '-0', '0.5', '1e5', '1E+5', '-12.50e-7', '""', '"\\ud800"', '"\\u00Ff"', ' [ ] ', '{ }', '{"":0}'],
  ...['true', '\r\n\tnull ', '[[[]]]', '{"a":{"a":{}}}', '"\u007f\u2028"', '123456789012345678901234567890'],
])('%j is JSON', (text) => {
  expect([takes(text), parses(text)]).toEqual([true, true]);
});

test.each([
  ...[
    ['', 0],
    [' ', 1],
    ['{', 1],
    ['{"a"', 4],
    ['{"a":', 5],
    ['{"a":1', 6],
    ['{"a":1,}', 7],
    ["{'a':1}", 1],
    ['[1,]', 3],
    ['[1 2]', 3],
    ['[1}', 2],
  ],
  ...[
    ['1 1', 2],
    ['01', 1],
    ['1.', 2],
    ['.5', 0],
    ['+1', 0],
    ['-', 1],
    ['1e', 2],
    ['NaN', 0],
    ['nul', 3],
    ['truE', 3],
    ['nullx', 4],
  ],
  ...[
    ['"a', 2],
    ['"\n"', 1],
    ['"\\x"', 2],
    ['"\\u12g4"', 5],
    ['"\\u12', 5],
    ['"\\', 2],
    ['\uFEFF1', 0],
    ['hello', 0],
    ['{"a":1}}', 7],
  ],
] as const)('%j is none, and byte %i says so', (text, at) => {
  expect(parses(text)).toBe(false);
  expect(scanJson(Buffer.from(text))).toEqual({ state: 'bad', at });
});

describe('the parts of what is outermost', () => {
  const partsOf = (text: string) => {
    const bytes = Buffer.from(text);
    const parts: string[][] = [];
    scanJson(bytes, (start, end, keyStart, keyEnd) =>
      parts.push([bytes.toString('utf8', keyStart, keyEnd), bytes.toString('utf8', start, end)]),
    );
    return parts;
  };

  test('are told where they stand, and of what is within them nothing', () => {
    expect(partsOf(' { "a" : 1.0 ,"b\\"":[ {"c":1}, 2 ] , "": {"d":{}} } ')).toEqual([
      ['a', '1.0'],
      ['b\\"', '[ {"c":1}, 2 ]'],
      ['', '{"d":{}}'],
    ]);
    expect(partsOf('[ 1, [2 ,{"a":3}] ,"x" ]')).toEqual([
      ['', '1'],
      ['', '[2 ,{"a":3}]'],
      ['', '"x"'],
    ]);
    expect(partsOf('"a"')).toEqual([]);
  });

  test('are, taken each by itself, what JSON.parse makes of the whole', () => {
    fc.assert(
      fc.property(fc.oneof(fc.dictionary(fc.string(), fc.jsonValue()), fc.array(fc.jsonValue())), (value) => {
        const text = JSON.stringify(value, undefined, 1);
        const parts = partsOf(text);
        const made: unknown = Array.isArray(value)
          ? parts.map(([, part]) => JSON.parse(part ?? ''))
          : Object.fromEntries(parts.map(([key, part]) => [JSON.parse(`"${key}"`), JSON.parse(part ?? '')]));
        expect(made).toEqual(JSON.parse(text));
      }),
    );
  });
});

test('half a million brackets are no deeper than the first', () => {
  expect(takes(`${'['.repeat(500_000)}${']'.repeat(500_000)}`)).toBe(true);
  expect(scanJson(Buffer.from('{"a":'.repeat(200_000)))).toEqual({ state: 'bad', at: 1_000_000 });
});
