import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { JsonPeek } from '../../../../src/gateway/engine-requests/json-peek.ts';

/** Everything it finds, however the body is cut. */
function peek(body: string | Buffer, cuts: readonly number[] = []) {
  const found = new JsonPeek();
  const bytes = Buffer.from(body);
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b);
  let at = 0;
  for (const end of ends) {
    found.push(bytes.subarray(at, end));
    at = end;
  }
  const { model, stream, state } = found;
  const written = model && bytes.subarray(model.start, model.end).toString();
  return { model: model?.value, stream, state, written };
}

describe('what routing wants of a JSON body', () => {
  test.each([
    ['{"model":"llm","stream":true}', 'llm', true],
    ['{ "stream" : false , "model" : "llm" }', 'llm', false],
    ['{"messages":[{"model":"no","stream":true}],"model":"llm"}', 'llm', undefined],
    ['{"a":{"model":"no"},"b":["model","no"],"c":"model","model":"llm"}', 'llm', undefined],
    ['{"a":"\\"model\\":\\"no\\"","model":"llm"}', 'llm', undefined],
    ['{"a":"\\\\","model":"llm"}', 'llm', undefined],
    ['{"a":1.5e3,"b":null,"c":true,"model":"llm"}', 'llm', undefined],
    ['{"mod\\u0065l":"l\\u006cm"}', 'llm', undefined],
    ['{"model":"größe 🎙"}', 'größe 🎙', undefined],
    ['{"model":"first","model":"second"}', 'first', undefined],
    ['{"model":null,"stream":null}', undefined, undefined],
    ['{"model":5,"stream":"true"}', undefined, undefined],
    ['{"model":""}', undefined, undefined],
    ['{"model":{"model":"no"},"stream":[true]}', undefined, undefined],
    ['["model","no"]', undefined, undefined],
    ['"model"', undefined, undefined],
    ['', undefined, undefined],
    ['{', undefined, undefined],
    ['{}', undefined, undefined],
    ['not JSON {"model":"no"}', undefined, undefined],
    ['{"a":1}{"model":"no"}', undefined, undefined],
    ['{"model":"cut off', undefined, undefined],
    ['{"stream":tru', undefined, undefined],
  ])('of %s is %s, %s', (body, model, stream) => {
    expect(peek(body)).toMatchObject({ model, stream });
  });

  test('ends with the object, or as soon as all is known', () => {
    expect(peek('{"model":"llm"').state).toBe('reading');
    expect(peek('{"model":"llm"}').state).toBe('over');
    expect(peek('{"model":"llm","stream":true,').state).toBe('over');
    expect(peek('[').state).toBe('over');
  });

  test('of a name without end keeps no more than it needs', () => {
    const { model, written } = peek(`{"model":"${'x'.repeat(1e6)}","stream":true}`);
    expect(model?.length).toBeLessThan(2000);
    expect(written).toHaveLength(1e6 + 2);
  });

  test('is what JSON.parse finds, whatever else is in the body and however it is cut', () => {
    const key = fc.oneof(fc.constantFrom('model', 'stream', 'messages', 'mod', 'model '), fc.string());
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom(null, true, false, 'model', '"model":"x"', '\\', 'llm'),
        fc.string({ unit: 'binary' }),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(key, tie('value'), { maxKeys: 4 }),
      ),
    }));
    const body = fc.dictionary(key, value, { maxKeys: 6 });
    const indent = fc.constantFrom(undefined, 1, '\t', '\r\n ');
    fc.assert(
      fc.property(body, indent, fc.array(fc.nat(500), { maxLength: 6 }), (object, space, cuts) => {
        const text = JSON.stringify(object, null, space as string);
        const parsed = JSON.parse(text) as Record<string, unknown>;
        const expected = (name: string, type: string) =>
          Object.hasOwn(parsed, name) && typeof parsed[name] === type ? parsed[name] : undefined;
        const model = expected('model', 'string') || undefined;
        const found = peek(text, cuts);
        expect(found).toMatchObject({ model, stream: expected('stream', 'boolean') });
        if (model !== undefined) expect(JSON.parse(found.written ?? '')).toBe(model);
      }),
      { numRuns: 3000 },
    );
  });

  test('is never too much for it, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.array(fc.nat(200)), (bytes, cuts) => {
        expect(['reading', 'over']).toContain(peek(Buffer.from(bytes), cuts).state);
      }),
    );
  });
});
