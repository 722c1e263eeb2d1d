// The reader and the rules that /metrics is held to: what promtool says, these say.
import { expect, test } from 'vitest';
import { lintMetrics, readMetrics } from '../../support/metrics-text.ts';

const problems = (text: string) => lintMetrics(readMetrics(`${text}\n`));
const gauge = (name: string, sample = `${name} 1`) => `# HELP ${name} What.\n# TYPE ${name} gauge\n${sample}`;
const counter = (name: string) => gauge(name).replace('gauge', 'counter');
const histogram = (...lines: readonly string[]) =>
  `# HELP h_seconds What.\n# TYPE h_seconds histogram\n${lines.map((line) => `h_seconds${line}`).join('\n')}`;

test.each([
  [gauge('a_bytes')],
  [counter('a_seconds_total')],
  [gauge('a', 'a{b="c\\"\\\\,d=\\n"} 1.5e-7')],
  [histogram('_bucket{le="0.1"} 1', '_bucket{le="+Inf"} 2', '_sum 0.5', '_count 2')],
])('takes %j', (text) => {
  expect(problems(text)).toEqual([]);
});

test.each([
  [gauge('a_total'), 'only they, end in _total'],
  [counter('a'), 'only they, end in _total'],
  [gauge('a_milliseconds'), 'base unit'],
  [gauge('a_ms'), 'abbreviated'],
  [gauge('a_gauge'), 'type is in the name'],
  [gauge('aB'), 'snake_case'],
  [gauge('a:b'), 'colon'],
  [gauge('a_count'), 'for histograms'],
  [gauge('a', 'a{quantile="0.5"} 1'), 'for summaries'],
  [gauge('a', 'a{le="0.5"} 1'), 'le is for histograms'],
  [gauge('a', 'a{bC="d"} 1'), 'label bC'],
  [gauge('a', 'a{b="c"} 1\na{b="c"} 2'), 'twice'],
  [gauge('a', 'a{b="c"} 1\na 2'), 'different labels'],
  [gauge('a').replace('What.', ' '), 'no help'],
  [histogram('_bucket{le="0.1"} 1', '_sum 0.5', '_count 1'), 'end in +Inf'],
  [
    histogram('_bucket{le="1"} 1', '_bucket{le="0.1"} 1', '_bucket{le="+Inf"} 2', '_sum 1', '_count 2'),
    'in order',
  ],
  [histogram('_bucket{le="1"} 3', '_bucket{le="+Inf"} 2', '_sum 1', '_count 2'), 'cumulative'],
  [histogram('_bucket{le="+Inf"} 2', '_sum 1', '_count 3'), 'last bucket'],
  [histogram('_bucket{le="+Inf"} 2', '_count 2'), 'no _sum'],
])('refuses %j', (text, why) => {
  expect(problems(text).join('\n')).toContain(why);
});

test.each([
  ['a 1'],
  ['# HELP a x\n# TYPE a gauge\n# TYPE a gauge\na 1'],
  [gauge('a', 'a{b=c} 1')],
  [gauge('a', 'a one')],
])('cannot read %j', (text) => {
  expect(() => problems(text)).toThrow();
});
