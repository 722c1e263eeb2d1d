import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readForm } from '../../../../src/gateway/engine-requests/form-data.ts';
import { FormPeek } from '../../../../src/gateway/engine-requests/form-peek.ts';
import { boundaryIn, MultipartReader } from '../../../../src/gateway/engine-requests/multipart.ts';

const boundary = 'X-BOUNDARY';
const field = (name: string, value: string) =>
  `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
const file = (name: string, content: string, filename = 'a.wav') =>
  `--${boundary}\r\nContent-Type: audio/wav\r\ncontent-disposition: form-data; name="${name}"; filename="${filename}"\r\n\r\n${content}\r\n`;
const end = `--${boundary}--\r\n`;

/** In pieces that end at the cuts. */
function pieces(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b);
  return ends.map((to, index) => bytes.subarray(ends[index - 1] ?? 0, to));
}

describe('a form', () => {
  test('gives its fields and files, whatever stands before and after it', () => {
    const body = `preamble\r\n${field('model', 'ears')}${file('file', 'RIFF\r\n--X-BOUND')}${field('empty', '')}${end}epilogue`;
    const { fields, files } = readForm(Buffer.from(body), boundary);
    expect([...fields]).toEqual([
      ['model', 'ears'],
      ['empty', ''],
    ]);
    expect(files.get('file')).toMatchObject({ filename: 'a.wav' });
    expect(files.get('file')?.bytes.toString()).toBe('RIFF\r\n--X-BOUND');
  });

  test.each([
    ['no end', field('model', 'ears'), 'the form ends before its last boundary'],
    ['no boundary', 'hello', 'the form ends before its last boundary'],
    [
      'a part without a name',
      `--${boundary}\r\nContent-Type: a/b\r\n\r\nx\r\n${end}`,
      'no Content-Disposition',
    ],
    ['something after a boundary', `--${boundary}x\r\n\r\n`, 'something stands after a boundary'],
    ['a head without end', `--${boundary}\r\n${'x'.repeat(20_000)}`, 'over 16384 bytes'],
  ])('with %s is refused', (_, body, message) => {
    expect(() => readForm(Buffer.from(body), boundary)).toThrow(message);
  });

  test.each([
    ['multipart/form-data; boundary=abc', 'abc'],
    ['Multipart/Form-Data; charset=x; Boundary="a b"', 'a b'],
  ])('has its boundary in %s', (type, expected) => {
    expect(boundaryIn(type)).toBe(expected);
  });

  test.each([
    undefined,
    'application/json',
    'multipart/form-data',
    `multipart/form-data; boundary=${'x'.repeat(71)}`,
  ])('has none in %s', (type) => {
    expect(() => boundaryIn(type)).toThrow(/expected multipart\/form-data with a boundary/);
  });

  test('comes out the same however it is cut', () => {
    const name = fc.stringMatching(/^[a-z]{1,8}$/);
    const content = fc.string({
      unit: fc.constantFrom('\r', '\n', '-', 'X', 'BOUNDARY', '\r\n--X', 'a', '"'),
    });
    const part = fc.tuple(name, content, fc.boolean());
    fc.assert(
      fc.property(
        fc.array(part, { maxLength: 5 }),
        fc.array(fc.nat(1000), { maxLength: 8 }),
        (parts, cuts) => {
          fc.pre(parts.every(([, text]) => !text.includes(`--${boundary}`)));
          const body =
            parts.map(([key, text, isFile]) => (isFile ? file(key, text) : field(key, text))).join('') + end;
          const bytes = Buffer.from(body);
          const reader = new MultipartReader(boundary);
          const seen: { name: string; text: string; start: number; end: number }[] = [];
          for (const piece of pieces(bytes, cuts).flatMap((cut) => reader.push(cut))) {
            if (piece.type === 'part') seen.push({ name: piece.name, text: '', start: piece.start, end: 0 });
            const last = seen.at(-1);
            if (piece.type === 'content' && last) last.text += piece.bytes.toString();
            if (piece.type === 'part_end' && last) last.end = piece.end;
          }
          expect(reader.state).toBe('over');
          expect(seen.map(({ name: key, text }) => [key, text])).toEqual(
            parts.map(([key, text]) => [key, text]),
          );
          for (const { text, start, end: to } of seen)
            expect(bytes.subarray(start, to).toString()).toBe(text);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('what routing wants of a form', () => {
  const peek = (body: string) => {
    const found = new FormPeek(boundary);
    found.push(Buffer.from(body));
    return { model: found.model?.value, stream: found.stream, state: found.state };
  };

  test.each([
    [field('model', ' ears '), 'ears', undefined],
    [file('file', 'x'.repeat(1e5)) + field('model', 'ears') + field('stream', 'True'), 'ears', true],
    [field('stream', 'false') + field('model', ''), undefined, false],
    [file('model', 'no') + field('other', 'model') + field('model', 'ears'), 'ears', undefined],
    [field('file', field('model', 'no').replaceAll(boundary, 'other')), undefined, undefined],
  ])('is %#', (body, model, stream) => {
    expect(peek(body + end)).toEqual({ model, stream, state: 'over' });
  });

  test('ends as soon as all is known', () => {
    expect(peek(field('model', 'ears') + field('stream', '1') + file('file', 'x'))).toEqual({
      ...{ model: 'ears', stream: true, state: 'over' },
    });
    expect(peek(field('model', 'ears') + file('file', 'x')).state).toBe('reading');
  });
});
