import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type SseItem, SseParser, sseCharactersMax } from '../../../../src/client/hub/sse-parser.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

function parse(chunks: readonly Uint8Array[]): SseItem[] {
  const parser = new SseParser();
  return chunks.flatMap((chunk) => parser.push(chunk));
}

const all = (text: string) => parse([bytes(text)]);
const message = (data: string, name = 'message', id = '') => ({ kind: 'message', name, data, id });

describe('as the standard has it', () => {
  test.each<[string, string, readonly object[]]>([
    ['lines of data are put together', 'data: a\ndata: b\n\n', [message('a\nb')]],
    ['one space after the colon goes', 'data:a\n\ndata:  b\n\n', [message('a'), message(' b')]],
    ['a field without a colon is empty', 'data\n\ndata\ndata\n\n', [message(''), message('\n')]],
    ['comments and unknown fields are nothing', ': hello\nfoo: bar\ndata: a\n:\n\n', [message('a')]],
    ['without data there is no event, and its name is forgotten', 'event: x\n\ndata: a\n\n', [message('a')]],
    [
      'a name is for one event',
      'event: control\ndata: a\n\ndata: b\n\n',
      [message('a', 'control'), message('b')],
    ],
    [
      'an id stays',
      'id: e.1\ndata: a\n\ndata: b\n\n',
      [message('a', 'message', 'e.1'), message('b', 'message', 'e.1')],
    ],
    ['an id with NULL is ignored', 'id: e\0\ndata: a\n\n', [message('a')]],
    ['retry is digits alone', 'retry: 150\nretry: 1.5\nretry: x\n\n', [{ kind: 'retry', ms: 150 }]],
    [
      'CR, LF and CRLF end a line',
      'data: a\r\rdata: b\r\n\r\ndata: c\n\r',
      [message('a'), message('b'), message('c')],
    ],
    ['a byte order mark is nothing', '\ufeffdata: a\n\n', [message('a')]],
    ['what has no end is no event', 'data: a\n\ndata: b\n', [message('a')]],
  ])('%s', (_name, text, items) => {
    expect(all(text)).toEqual(items);
  });
});

test('however it is cut, the same comes out', () => {
  const piece = fc.constantFrom(
    ...[
      'data: ',
      'data:',
      'event: control',
      'id: e.1',
      'retry: 5',
      ': c',
      'é€😀',
      '\r',
      '\n',
      '\r\n',
      '\n\n',
      'x',
      ':',
    ],
  );
  const text = fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(''));
  fc.assert(
    fc.property(text, fc.array(fc.nat(200), { maxLength: 30 }), (whole, cuts) => {
      const all = bytes(whole);
      const places = [0, ...cuts.map((cut) => Math.min(cut, all.length)).sort((a, b) => a - b), all.length];
      const chunks = places.slice(1).map((to, at) => all.slice(places[at], to));
      expect(parse(chunks)).toEqual(parse([all]));
    }),
    { numRuns: 500 },
  );
});

test('an event without end is not kept for ever, and comments are no event', () => {
  const parser = new SseParser();
  const comment = bytes(`: ${'c'.repeat(sseCharactersMax / 4)}\n`);
  for (let count = 0; count < 8; count += 1) expect(parser.push(comment)).toEqual([]);
  const chunk = bytes('x'.repeat(sseCharactersMax / 4));
  parser.push(bytes('data: '));
  expect(() => {
    for (let count = 0; count < 8; count += 1) parser.push(chunk);
  }).toThrow('an event has more than');
});
