// JSON schemas as people write them: what they check, and what is refused because it would check nothing.
import { describe, expect, test } from 'vitest';
import { schemaCheck } from '../../../src/config/result-schema.ts';

const rating = { type: 'integer', minimum: 1, maximum: 10 };

describe('a schema', () => {
  test.each<readonly [object, readonly unknown[], readonly unknown[]]>([
    [{ properties: { a: rating }, required: ['a'] }, [{ a: 1 }, { a: 1, b: 2 }], [{}, { a: 11 }, 'a', null]],
    [{ type: 'object', required: ['a'] }, [{ a: null }], [{}]],
    [{ required: ['a'] }, [{ a: 1 }], [{}, 3]],
    [{ items: { properties: { a: rating } }, minItems: 1 }, [[{ a: 3 }]], [[], [{ a: 'x' }], {}]],
    [{ minimum: 3 }, [3], [2, '3']],
    [{ pattern: '^a' }, ['ab'], ['b', 1]],
    [
      { type: 'object', properties: { a: { required: ['b'] } }, required: ['a'] },
      [{ a: { b: 0 } }],
      [{ a: {} }],
    ],
    [{ $defs: { r: rating }, properties: { a: { $ref: '#/$defs/r' } } }, [{ a: 5 }], [{ a: 0 }]],
    [{ $defs: { r: { required: ['x'] } }, $ref: '#/$defs/r' }, [{ x: 1 }], [{}]],
    [
      { properties: { child: { $ref: '#' } }, additionalProperties: false },
      [{ child: { child: {} } }],
      [{ child: { x: 1 } }],
    ],
    [{ anyOf: [{ required: ['a'] }, { required: ['b'] }] }, [{ a: 1 }, { b: 1 }], [{ c: 1 }]],
    [{ allOf: [{ required: ['a'] }, { required: ['b'] }] }, [{ a: 1, b: 1 }], [{ a: 1 }]],
    [{ type: ['object', 'null'], required: ['a'] }, [null, { a: 1 }], [{}]],
    [{ additionalProperties: { required: ['a'] } }, [{ x: { a: 1 } }], [{ x: {} }]],
    [{ enum: [null, 'a', 1] }, [null, 'a'], [2]],
  ])('%j', (schema, fitting, wrong) => {
    const check = schemaCheck(schema as Readonly<Record<string, unknown>>);
    for (const value of fitting) expect([value, check(value)]).toEqual([value, []]);
    for (const value of wrong) expect([value, check(value).length > 0]).toEqual([value, true]);
  });

  test('says where a value is wrong', () => {
    const check = schemaCheck({ properties: { list: { items: { properties: { a: rating } } } } });
    expect(check({ list: [{ a: 1 }, { a: 12 }] })).toEqual([expect.stringMatching(/^list\.1\.a: .*10/)]);
  });

  test.each<readonly [object, RegExp]>([
    [{ $ref: '#' }, /without end/],
    [{ $ref: '#/$defs/none' }, /none/],
    [{ $defs: { a: rating }, $ref: '#/$defs/a', maximum: 3 }, /`maximum` beside `\$ref`/],
    [{ const: { a: 1 } }, /`const`/],
    [{ properties: {}, minimum: 3 }, /several types/],
    [{ dependentRequired: { a: ['b'] } }, /not supported/],
    [{ type: 'objekt' }, /objekt/],
    [{ properties: { a: { const: [] } } }, /`const`/],
  ])('is refused: %j', (schema, why) => {
    expect(() => schemaCheck(schema as Readonly<Record<string, unknown>>)).toThrow(why);
  });
});
