import { expect, test } from 'vitest';
import { clockTime, eventLine, evictedText, gapText, remarkLine } from '../../../src/cli/events/render.ts';

const plain = { columns: null, colours: 'off' } as const;
const ts = new Date(2026, 0, 2, 3, 4, 5, 6).getTime();
const event = (changes: object = {}) => {
  const whole = { id: 'e.1', topic: 'machine.press', ts, data: { state: 'on' }, ...changes };
  return { ...whole, raw: JSON.stringify(whole) };
};

test('a line has the local time, the topic and the data; how late it is only where that can be felt', () => {
  expect(eventLine(event(), ts + 100, plain)).toBe(
    '03:04:05.006          machine.press        {"state":"on"}',
  );
  expect(eventLine(event(), ts + 101, plain)).toBe(
    '03:04:05.006 +101 ms  machine.press        {"state":"on"}',
  );
  expect(eventLine(event(), ts + 2300, plain)).toContain(' +2.3 s ');
  expect(eventLine(event(), ts + 7_200_000, plain)).toContain(' +2h ');
  // A clock that goes before ours.
  expect(eventLine(event(), ts - 5000, plain)).not.toContain('+');
  expect(eventLine(event({ data: null }), ts, plain)).toMatch(/null$/);
});

test('the data is shortened to the terminal, whatever it is written in', () => {
  const long = event({ data: { text: '日本語'.repeat(50) } });
  const line = eventLine(long, ts, { columns: 60, colours: 'off' });
  expect(line).toMatch(/…$/);
  expect([...line].reduce((sum, one) => sum + (/[^\x20-\x7e…]/.test(one) ? 2 : 1), 0)).toBeLessThanOrEqual(
    59,
  );
});

test('a number is shown with all its digits', () => {
  const raw = '{"id":"e.1","topic":"a","ts":1,"data":{"big":12345678901234567890,"small":1.50}}';
  const data = (JSON.parse(raw) as { data: unknown }).data;
  expect(eventLine({ id: 'e.1', topic: 'a', ts, data, raw }, ts, plain)).toContain(
    '{"big":12345678901234567890,',
  );
});

test('what others wrote obeys nothing', () => {
  const evil = 'x\u001b[2J\u202e\u009b5n\ny';
  const line = eventLine(event({ topic: evil, data: { evil } }), ts, { columns: null, colours: 'on' });
  expect(line.replaceAll(/\u001b\[\d+m/g, '')).not.toMatch(/\p{Cc}|[\u202a-\u202e]/u);
  expect(remarkLine('loss', evil, plain)).toBe('── x\\u001b[2J\\u202e\\u009b5n y');
  expect(clockTime(Number.NaN)).toBe('NaN         ');
  expect(clockTime(1e300)).toBe('1e+300      ');
});

test('a topic has its own colour, always the same', () => {
  const coloured = { columns: null, colours: 'on' } as const;
  const one = eventLine(event(), ts, coloured);
  expect(one).toContain('\u001b[');
  expect(eventLine(event(), ts, coloured)).toBe(one);
  const styles = ['a', 'b', 'c', 'd', 'e'].map(
    (topic) =>
      /m(?=[a-e] )/.exec(eventLine(event({ topic }), ts, coloured)) &&
      eventLine(event({ topic }), ts, coloured).split(/[a-e] {5}/)[0],
  );
  expect(new Set(styles).size).toBeGreaterThan(2);
});

test('what is missing and why', () => {
  expect(gapText({ from: 'e.5', to: 'e.16', count: 12, reason: 'slow' })).toBe(
    '12 events are missing, from e.5 to e.16: too slow for all of them',
  );
  expect(gapText({ from: 'e.5', to: 'e.5', count: 1, reason: 'expired' })).toContain('1 event is missing');
  expect(gapText({ from: 'e.5', to: 'f.0', count: null, reason: 'epoch' })).toBe(
    'events are missing, from e.5 to f.0: the gateway was started anew',
  );
  expect(evictedText({ reason: 'silent', ms: 10_100, lastId: 'e.4', ts })).toBe(
    'sent away at 03:04:05.006: did not answer for 10.1 s; back from e.4 on',
  );
});
