import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SseEvents } from '../../../../src/gateway/engine-requests/sse-events.ts';

function dataIn(text: string, cuts: readonly number[] = []): readonly string[] {
  const events = new SseEvents();
  const bytes = Buffer.from(text);
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b);
  const seen = ends.flatMap((to, index) => events.push(bytes.subarray(ends[index - 1] ?? 0, to)));
  return [...seen, ...events.end()];
}

test.each([
  ['data: a\n\ndata:b\n\n', ['a', 'b']],
  ['data: a\r\n\r\ndata: b\r\n\r\n', ['a', 'b']],
  ['event: x\nid: 1\ndata: a\ndata: b\n\n', ['a\nb']],
  [': comment\n\n: another\n\ndata: größe\n\n', ['größe']],
  ['data: a\n\ndata: without its end', ['a', 'without its end']],
  ['\n\n\n', []],
  ['', []],
])('%j has the data %j', (text, expected) => {
  expect(dataIn(text)).toEqual(expected);
});

test('is the same however it is cut, in the middle of a character too', () => {
  const line = fc.constantFrom('data: größe 🎙', 'data:', 'data: {"a":1}', ': ping', 'event: x', '');
  fc.assert(
    fc.property(fc.array(line), fc.array(fc.nat(500), { maxLength: 8 }), (lines, cuts) => {
      const text = `${lines.join('\n')}\n\n`;
      expect(dataIn(text, cuts)).toEqual(dataIn(text));
    }),
  );
});

test('without an end is too much', () => {
  const events = new SseEvents();
  expect(() => {
    for (let count = 0; count < 100; count += 1) events.push(Buffer.alloc(65_536, 'x'));
  }).toThrow('an event of over 4194304 characters');
});
