import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ggufFile, type MetadataValue } from '../../../../src/testing/gguf/gguf-file.ts';
import { readGguf } from '../../../support/gguf-reader.ts';

test('an empty file is its header: magic, version 3, no tensors, no metadata', () => {
  const bytes = ggufFile({ metadata: {}, tensors: [] });
  expect(Buffer.from(bytes.subarray(0, 24)).toString('hex')).toBe(
    ['47475546', '03000000', '0000000000000000', '0000000000000000'].join(''),
  );
  expect(bytes.length).toBe(32);
});

test('a string is its length in bytes and its UTF-8', () => {
  const bytes = ggufFile({ metadata: { k: { type: 'string', value: 'ü' } }, tensors: [] });
  expect(Buffer.from(bytes.subarray(24, 47)).toString('hex')).toBe(
    ['0100000000000000', '6b', '08000000', '0200000000000000', 'c3bc'].join(''),
  );
});

const metadataValue: fc.Arbitrary<MetadataValue> = fc.oneof(
  fc.nat(2 ** 32 - 1).map((value) => ({ type: 'u32' as const, value })),
  fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }).map((value) => ({ type: 'i32' as const, value })),
  fc.float({ noNaN: true }).map((value) => ({ type: 'f32' as const, value })),
  fc.boolean().map((value) => ({ type: 'bool' as const, value })),
  fc.string({ unit: 'binary' }).map((value) => ({ type: 'string' as const, value })),
  fc.array(fc.string({ unit: 'grapheme' })).map((value) => ({ type: 'string[]' as const, value })),
  fc.array(fc.float({ noNaN: true })).map((value) => ({ type: 'f32[]' as const, value })),
  fc.array(fc.integer({ min: -5, max: 5 })).map((value) => ({ type: 'i32[]' as const, value })),
);

const tensor = fc
  .record({
    rows: fc.integer({ min: 1, max: 7 }),
    columns: fc.integer({ min: 1, max: 9 }),
    wide: fc.boolean(),
  })
  .map(({ rows, columns, wide }) => {
    const values = Array.from({ length: rows * columns }, (_, index) => index - 4);
    return {
      shape: [columns, rows],
      data: wide ? Float32Array.from(values) : Float16Array.from(values),
    };
  });

test('what is written is read again, every tensor 32-aligned behind the one before', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string({ minLength: 1 }), metadataValue, { noNullPrototype: true }),
      fc.array(tensor, { maxLength: 5 }),
      (metadata, made) => {
        const tensors = made.map((one, index) => ({ ...one, name: `t${index}` }));
        const read = readGguf(ggufFile({ metadata, tensors }));
        expect(read.version).toBe(3);
        expect(Object.fromEntries(read.metadata)).toEqual(
          Object.fromEntries(Object.entries(metadata).map(([key, { value }]) => [key, value])),
        );
        expect(read.tensors.map(({ name, shape, values }) => ({ name, shape, values }))).toEqual(
          tensors.map(({ name, shape, data }) => ({ name, shape, values: [...data] })),
        );
        let end = read.tensors[0]?.at ?? 0;
        for (const { at, type, values } of read.tensors) {
          expect(at % 32).toBe(0);
          expect(at - end).toBeLessThan(32);
          end = at + values.length * (type === 'f32' ? 4 : 2);
        }
        expect(read.left).toBeLessThan(32);
      },
    ),
  );
});

test('a tensor whose shape is not its data is refused by name', () => {
  const wrong = { name: 'w', shape: [2, 3], data: new Float32Array(5) };
  expect(() => ggufFile({ metadata: {}, tensors: [wrong] })).toThrow('tensor w is 2 x 3, and has 5 values');
});
