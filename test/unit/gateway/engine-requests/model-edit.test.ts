import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readForm } from '../../../../src/gateway/engine-requests/form-data.ts';
import { ModelEdit } from '../../../../src/gateway/engine-requests/model-edit.ts';

function edited(edit: ModelEdit, body: string, cuts: readonly number[] = []): string {
  const bytes = Buffer.from(body);
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b);
  const out = ends.map((to, index) => edit.push(bytes.subarray(ends[index - 1] ?? 0, to)));
  return Buffer.concat([...out, edit.end()]).toString();
}

const json = (body: string, cuts?: readonly number[]) => edited(ModelEdit.ofJson('own "name"'), body, cuts);

describe('the model’s name in JSON', () => {
  test.each([
    ['{"model":"llm","a":1}', '{"model":"own \\"name\\"","a":1}'],
    ['{ "a" : {"model":"no"}, "model" : "llm" }', '{ "a" : {"model":"no"}, "model" : "own \\"name\\"" }'],
    ['{"a":1}', '{"a":1,"model":"own \\"name\\""}'],
    ['{"a":{}}\n', '{"a":{},"model":"own \\"name\\""}\n'],
    ['{}', '{"model":"own \\"name\\""}'],
    [' { } ', ' { "model":"own \\"name\\""} '],
    ['["model"]', '["model"]'],
    ['nonsense', 'nonsense'],
    ['', ''],
  ])('%s becomes %s', (body, expected) => {
    expect(json(body)).toBe(expected);
  });

  test('is replaced however far in it stands, and however the body is cut; nothing else changes', () => {
    const member: fc.Arbitrary<[string, string]> = fc.tuple(
      fc.constantFrom('messages', 'a', 'b', 'größe'),
      fc.oneof(fc.string(), fc.constant('x'.repeat(9000))),
    );
    const body = fc.tuple(fc.uniqueArray(member, { selector: ([name]) => name }), fc.nat(4), fc.boolean());
    fc.assert(
      fc.property(body, fc.array(fc.nat(40_000), { maxLength: 8 }), ([members, at, named], cuts) => {
        const entries = members.toSpliced(
          Math.min(at, members.length),
          0,
          ...(named ? [['model', 'llm'] as [string, string]] : []),
        );
        const object = Object.fromEntries(entries);
        const { model, ...others } = JSON.parse(json(JSON.stringify(object), cuts)) as Record<
          string,
          unknown
        >;
        const { model: _, ...expected } = object;
        expect(model).toBe('own "name"');
        expect(others).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });
});

describe('the model’s name in a form', () => {
  const boundary = 'bb';
  const field = (name: string, value: string) =>
    `--bb\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
  const audio = `--bb\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n${'a'.repeat(50_000)}\r\n`;

  test.each([
    ['before the file', field('model', 'x') + audio],
    ['after the file', audio + field('model', 'x')],
    ['nowhere', audio],
  ])('that stands %s is the engine’s own', (_, parts) => {
    const body = `${parts}--bb--\r\n`;
    const { fields, files } = readForm(
      Buffer.from(edited(ModelEdit.ofForm('whisper-1', boundary), body, [1000, 30_000, 50_150])),
      boundary,
    );
    expect(fields.get('model')).toBe('whisper-1');
    expect(files.get('file')?.bytes).toHaveLength(50_000);
  });
});
