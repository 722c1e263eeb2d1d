import { expect, test } from 'vitest';
import { askedBy } from '../../support/promql.ts';

test.each([
  ['up', [{ name: 'up', labels: [] }], []],
  ['sum(rate(a_total{b="c",d=~"e|f"}[5m])) / 2', [{ name: 'a_total', labels: ['b', 'd'] }], []],
  [
    'histogram_quantile(0.9, sum by (le, x) (rate(h_bucket{y!="z"}[$__rate_interval])))',
    [{ name: 'h_bucket', labels: ['y'] }],
    ['le', 'x'],
  ],
  [
    'max by (engine) (a{b="1"}) == 1 or c',
    [
      { name: 'a', labels: ['b'] },
      { name: 'c', labels: [] },
    ],
    ['engine'],
  ],
])('%s', (expression, metrics, by) => {
  expect(askedBy(expression)).toEqual({ metrics, by });
});
