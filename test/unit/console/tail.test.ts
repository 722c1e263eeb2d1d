// The tail of events: bounded, filtered, and nothing is let go uncounted.
import { expect, test } from 'vitest';
import { Rates } from '../../../console/src/events/rates.ts';
import { dataIn, Tail } from '../../../console/src/events/tail.ts';
import { placeBefore } from '../../../console/src/live/history.ts';
import type { Seen } from '../../../console/src/live/watch.ts';

const seen = (n: number, topic = 'a', data: unknown = { n }): Seen => {
  const facts = { id: `e.${n}`, topic, ts: n, data };
  return { kind: 'event', ...facts, raw: JSON.stringify(facts) };
};
const many = (from: number, count: number) => Array.from({ length: count }, (_, n) => seen(from + n));

test('it keeps the newest, and counts those that it has let go', () => {
  const tail = new Tail({ rows: 100, characters: 1e6 });
  tail.push(many(0, 250), 0);
  expect(tail.rows.length).toBeLessThanOrEqual(100);
  expect(tail.rows.at(-1)?.id).toBe('e.249');
  expect(tail.count).toBe(250);
  expect(tail.dropped + tail.rows.length).toBe(250);
  expect(tail.rows.map(({ no }) => no)).toEqual(tail.rows.map((_, n) => 250 - tail.rows.length + n));
});

test('large ones are bounded by their characters', () => {
  const tail = new Tail({ rows: 1000, characters: 10_000 });
  for (let n = 0; n < 50; n += 1) tail.push([seen(n, 'a', 'x'.repeat(1000))], 0);
  expect(tail.rows.length).toBeLessThanOrEqual(9);
  expect(tail.dropped + tail.rows.length).toBe(50);
});

test('a filter shows what has its text in topic or data, also of what came before, and every gap', () => {
  const tail = new Tail({ rows: 100, characters: 1e6 });
  tail.push([seen(1, 'machine.SAW'), seen(2, 'other', { text: 'sawdust' }), seen(3, 'other')], 0);
  tail.filter(' saw ');
  expect(tail.rows.map(({ id }) => id)).toEqual(['e.1', 'e.2']);
  const gap = { from: 'e.4', to: 'e.9', count: 6, reason: 'expired' } as const;
  tail.push([{ kind: 'gap', gap }, seen(10, 'saw'), seen(11)], 7);
  expect(tail.rows.map(({ id, kind }) => [id, kind])).toEqual([
    ['e.1', 'event'],
    ['e.2', 'event'],
    ['e.9', 'gap'],
    ['e.10', 'event'],
  ]);
  expect(tail.rows[2]?.text).toBe('6 events missing, e.4 to e.9: older than what the gateway keeps');
  expect(tail.missing).toBe(6);
  tail.filter('');
  expect(tail.rows).toHaveLength(6);
  tail.clear();
  expect(tail.rows).toEqual([]);
  expect(tail.count).toBe(6);
});

test.each([
  ['{"id":"e.1","topic":"a","ts":1,"data":12345678901234567890}', '12345678901234567890'],
  ['{"id":"e.1","topic":"x\\"data\\":","ts":1,"data":{"data":"}"}}', '{"data":"}"}'],
])('the data of %s is %s', (raw, data) => {
  expect(dataIn(raw)).toBe(data);
});

test('rates are of whole seconds', () => {
  const rates = new Rates(3);
  rates.add(5, 1000);
  rates.add(2, 1999);
  rates.add(7, 2500);
  expect(rates.latest(2600)).toBe(7);
  expect(rates.series(3000)).toEqual({ seconds: [0, 1, 2], counts: [0, 7, 7] });
  expect(rates.latest(9000)).toBe(0);
});

test.each([
  ['k3.500', 200, 'k3.300'],
  ['k3.50', 200, 'k3.0'],
  ['nonsense', 200, undefined],
])('%s less %i is %s', (head, back, place) => {
  expect(placeBefore(head, back)).toBe(place);
});
