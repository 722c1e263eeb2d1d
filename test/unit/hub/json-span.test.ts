import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { elementsOf, membersOf } from '../../../src/hub/json-span.ts';

function found(text: string, ...names: string[]): Record<string, string> | 'bad' {
  const bytes = Buffer.from(text);
  const read = membersOf(bytes, names);
  if (read.state === 'bad') return 'bad';
  const entries = Object.entries(read.members);
  return Object.fromEntries(
    entries.map(([name, span]) => [name, span ? bytes.toString('utf8', span.start, span.end) : '']),
  );
}

describe('the members of an object', () => {
  test('are found by name, as they stand', () => {
    const text = ' {"id": 12345678901234567890, "data" : { "b":1, "a":\t"\\u0041" } }\n';
    expect(found(text, 'id', 'data', 'none')).toEqual({
      id: '12345678901234567890',
      data: '{ "b":1, "a":\t"\\u0041" }',
    });
  });

  test('of two of one name the last one counts, as JSON.parse has it; names may be written with escapes', () => {
    expect(found('{"a":1,"\\u0061":2,"b":3}', 'a')).toEqual({ a: '2' });
    expect(found('{"\\u0061":2,"a":1}', 'a')).toEqual({ a: '1' });
    expect(found('{"\\u00e9":1}', 'é')).toEqual({ é: '1' });
  });

  test('of inner objects and of arrays are none of it', () => {
    expect(found('{"x":{"a":1},"y":[{"a":2}]}', 'a')).toEqual({});
    expect(found('[{"a":1}]', 'a')).toEqual({});
    expect(found('"a"', 'a')).toEqual({});
    expect(found('{"a":1', 'a')).toBe('bad');
  });

  test('that nobody asked for: the first one is named', () => {
    const other = (text: string) => {
      const read = membersOf(Buffer.from(text), ['a']);
      return read.state === 'json' ? read.other : 'bad';
    };
    expect([other('{"a":1}'), other('{"a":1,"b":2,"c":3}'), other('{"\\n":1}')]).toEqual([
      undefined,
      'b',
      '\n',
    ]);
    expect(other(`{"${'long'.repeat(100)}":1}`)).toBe('long'.repeat(20));
    expect(other('{"__proto__":1}')).toBe('__proto__');
  });

  test('are those of JSON.parse, whatever the object', () => {
    const name = fc.oneof(fc.constantFrom('a', 'b', '__proto__', 'a\\u0061'), fc.string());
    fc.assert(
      fc.property(fc.array(fc.tuple(name, fc.json())), name, (entries, asked) => {
        const text = `{${entries.map(([key, json]) => `${JSON.stringify(key)}: ${json}`).join(' ,')}}`;
        const model = JSON.parse(text) as Record<string, unknown>;
        const read = found(text, asked);
        if (read === 'bad') throw new Error(`refused: ${text}`);
        expect(Object.hasOwn(read, asked)).toBe(Object.hasOwn(model, asked));
        const last = entries.findLast(([key]) => key === asked);
        if (last) expect(read[asked]).toBe(last[1].trim());
      }),
    );
  });
});

test('the elements of an array are found as they stand; nothing else has any', () => {
  const bytes = Buffer.from(' [ 1.0 , {"a": 1e2} ,"]"] ');
  const texts = elementsOf(bytes)?.map(({ start, end }) => bytes.toString('utf8', start, end));
  expect(texts).toEqual(['1.0', '{"a": 1e2}', '"]"']);
  expect(elementsOf(Buffer.from('[]'))).toEqual([]);
  for (const text of ['{"a":[1]}', '1', '[1', '[1]]', ''])
    expect(elementsOf(Buffer.from(text))).toBeUndefined();
});
