// Counts of durations: what is asked of them is right within a bucket.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { durationBoundsMs, Histogram } from '../../../src/telemetry/histogram.ts';

const duration = fc.double({ min: 0, max: 100_000, noNaN: true });

test('quantiles are at most one bucket too long, and never more than the longest', () => {
  fc.assert(
    fc.property(
      fc.array(duration, { minLength: 1, maxLength: 200 }),
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      (all, share) => {
        const histogram = new Histogram();
        for (const ms of all) histogram.add(ms);
        const sorted = all.toSorted((a, b) => a - b);
        const exact = sorted[Math.ceil(all.length * share) - 1] ?? 0;
        const said = histogram.quantileMs(share);
        const bound = durationBoundsMs.find((ms) => ms >= exact) ?? Number.POSITIVE_INFINITY;
        expect(said).toBeGreaterThanOrEqual(exact);
        expect(said).toBeLessThanOrEqual(Math.min(bound, histogram.maxMs));
      },
    ),
  );
});

test('one that counts for many is as many that count for one', () => {
  const [many, ones] = [new Histogram(), new Histogram()];
  many.add(3, 200);
  for (let n = 0; n < 200; n += 1) ones.add(3);
  expect(many.cumulative()).toEqual(ones.cumulative());
  expect([many.count, many.sumMs, many.maxMs]).toEqual([200, 600, 3]);
  expect(many.cumulative().at(-1)).toBe(200);
});

test('nothing has no quantile', () => {
  expect(new Histogram().quantileMs(0.99)).toBe(0);
});
