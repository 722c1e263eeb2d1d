import { expect, test } from 'vitest';
import { Place } from '../../../../src/client/hub/place.ts';

const hello = { type: 'welcome', epoch: 'one', head: 'one.9', client: 'w', topics: ['>'] } as const;

test('what was left out is not asked for again; of what is conflated the newest are still to come', () => {
  const place = new Place('one.2', false);
  expect(place.welcome({ ...hello, recovered: true })).toBeNull();
  place.gap({ from: 'one.3', to: 'one.6', count: null, reason: 'conflated' });
  expect([place.takes('one.4', 'a'), place.takes('one.4', 'a'), place.since]).toEqual([true, false, 'one.4']);
  place.gap({ from: 'one.5', to: 'one.8', count: 4, reason: 'slow' });
  expect([place.takes('one.7', 'a'), place.since, place.takes('one.9', 'a')]).toEqual([false, 'one.8', true]);
  // Of another life: nothing of this one.
  place.gap({ from: 'two.5', to: 'two.80', count: 4, reason: 'slow' });
  expect(place.since).toBe('one.9');
});

test('an id of events that have not been is let go of', () => {
  const place = new Place('one.1000', true);
  const gap = { from: 'one.1000', to: 'one.9', count: null, reason: 'ahead' } as const;
  expect(place.welcome({ ...hello, recovered: false, gap })).toEqual(gap);
  expect([place.since, place.takes('one.10', 'a')]).toEqual(['one.9', true]);
});

test('a gap that ends where nobody can be is no reason to drop what comes', () => {
  for (const to of ['one.5000', 'old.3', 'nonsense']) {
    const place = new Place('old.7', false);
    place.welcome({ ...hello, gap: { from: 'old.8', to, count: null, reason: 'epoch' } });
    expect(place.since).toBe('one.9');
  }
});
