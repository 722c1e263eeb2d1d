import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SseReader } from '../../../../src/engines/http/sse.ts';

function read(text: string, cuts: readonly number[] = []) {
  const bytes = Buffer.from(text);
  const reader = new SseReader();
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  let from = 0;
  const events = ends.flatMap((end) => {
    const part = bytes.subarray(from, end);
    from = end;
    return reader.push(part);
  });
  return [...events, ...reader.end()];
}
const message = (data: string) => ({ event: 'message', data });

describe('server-sent events', () => {
  test.each([
    ['data: a\n\ndata: b\n\n', [message('a'), message('b')]],
    ['data:a\ndata: b\n\n', [message('a\nb')]],
    ['data: a\r\n\r\ndata: b\r\rdata: c\n\n', [message('a'), message('b'), message('c')]],
    [': greenroom\n\n: ping\ndata: a\n\n', [message('a')]],
    ['event: error\ndata: {}\nid: 1\nretry: 5\n\n', [{ event: 'error', data: '{}' }]],
    ['error: {"code":1}\n\n', [{ event: 'error', data: '{"code":1}' }]],
    ['data\n\n', [message('')]],
    ['data: the last line is missing', [message('the last line is missing')]],
    ['event: x\n\n', []],
    ['', []],
  ])('%j', (text, events) => {
    expect(read(text)).toEqual(events);
  });

  test('are the same wherever the network cuts them', () => {
    const text = 'data: grüße 🎈\r\n\r\n: x\r\nevent: y\rdata: 1\rdata: 2\n\ndata: {"a": "b: c"}\n\n';
    const whole = read(text);
    expect(whole).toHaveLength(3);
    fc.assert(
      fc.property(fc.array(fc.nat(200), { maxLength: 20 }), (cuts) => {
        expect(read(text, cuts)).toEqual(whole);
      }),
      { numRuns: 300 },
    );
  });

  test('are bounded: an event that does not end is refused', () => {
    const reader = new SseReader();
    const flood = () => {
      for (let count = 0; count < 1000; count += 1) reader.push(Buffer.alloc(65_536, 'x'));
    };
    expect(flood).toThrow('an event of more than 8388608 characters');
    const lines = new SseReader();
    const floodOfLines = () => {
      for (let count = 0; count < 1000; count += 1) lines.push(Buffer.from(`data: ${'x'.repeat(65_000)}\n`));
    };
    expect(floodOfLines).toThrow('an event of more than');
  });
});
