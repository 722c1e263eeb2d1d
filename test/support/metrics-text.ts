// The text form of Prometheus, read strictly, and what `promtool check metrics` would say of it. Pure.
// https://prometheus.io/docs/instrumenting/exposition_formats/ and promlint of client_golang

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

const nameOfLine = /^[a-zA-Z_:][a-zA-Z0-9_:]*/;
const suffixes = /_(?:bucket|sum|count)$/;

/** Throws at the first line that is none. */
export function readMetrics(text: string): readonly Family[] {
  const families = new Map<string, { type: string; help: string; samples: Sample[] }>();
  const family = (name: string) => {
    const known = families.get(name) ?? { type: '', help: '', samples: [] };
    families.set(name, known);
    return known;
  };
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  for (const line of text.split('\n').filter(Boolean)) {
    const [, word, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (word === 'HELP' || word === 'TYPE') {
      const its = family(name);
      const key = word === 'HELP' ? 'help' : 'type';
      if (its[key] !== '' || its.samples.length > 0)
        throw new Error(`${word} of ${name} comes twice, or late`);
      its[key] = rest;
      continue;
    }
    if (line.startsWith('#')) continue;
    const sample = readSample(line);
    const base = sample.name.replace(suffixes, '');
    const isHistogram = families.get(base)?.type === 'histogram';
    const its = families.get(isHistogram ? base : sample.name);
    if (!its) throw new Error(`${sample.name} has no TYPE before it`);
    its.samples.push(sample);
  }
  return [...families].map(([name, its]) => ({ name, ...its }));
}

function readSample(line: string): Sample {
  const [name = ''] = nameOfLine.exec(line) ?? [];
  const rest = line.slice(name.length);
  const [, inner = '', number = ''] = /^(?:\{(.*)\})? (\S+)$/.exec(rest) ?? [];
  const value = number === '+Inf' ? Number.POSITIVE_INFINITY : Number(number);
  if (name === '' || number === '' || Number.isNaN(value)) throw new Error(`no sample: ${line}`);
  const labels: Record<string, string> = {};
  const one = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/y;
  while (one.lastIndex < inner.length) {
    const [, label = '', given = ''] = one.exec(inner) ?? [];
    if (label === '' || label in labels) throw new Error(`labels of ${line}`);
    labels[label] = given;
  }
  return { name, labels, value };
}

const notBase =
  /(?:^|_)(?:milliseconds|microseconds|nanoseconds|minutes|hours|days|weeks|percent|kilobytes|megabytes|gigabytes|kibibytes|mebibytes|gibibytes|bits|millimeters|centimeters|kilometers|fahrenheit|milligrams|kilograms)(?:_|$)/;
const abbreviated = /_(?:s|ms|us|ns|sec|b|kb|mb|gb|tb|pb|m|h|d)(?:_|$)/;
const typeInName = /_(?:counter|gauge|histogram|summary)(?:_|$)/;
const snake = /^[a-z][a-z0-9_]*$/;

/** One line for each breach of a rule. */
export function lintMetrics(families: readonly Family[]): readonly string[] {
  return families.flatMap((family) => lintFamily(family).map((what) => `${family.name}: ${what}`));
}

function lintFamily({ name, type, help, samples }: Family): string[] {
  const said: string[] = [];
  const must = (holds: boolean, what: string) => void (holds || said.push(what));
  must(help.trim() !== '', 'no help text');
  must(['counter', 'gauge', 'histogram'].includes(type), `type ${JSON.stringify(type)}`);
  must(!notBase.test(name), 'use a base unit');
  must(!abbreviated.test(name), 'a unit is abbreviated');
  must(!typeInName.test(name), 'the type is in the name');
  must(snake.test(name), 'not in snake_case, or with a colon');
  must((type === 'counter') === name.endsWith('_total'), 'counters, and only they, end in _total');
  must(type === 'histogram' || !suffixes.test(name), '_bucket, _sum and _count are for histograms');
  const labels = new Set(samples.flatMap((sample) => Object.keys(sample.labels)));
  for (const label of labels) {
    must(snake.test(label) && !label.startsWith('__'), `label ${label} is not in snake_case`);
    must(label !== 'le' || type === 'histogram', 'the label le is for histograms');
    must(label !== 'quantile', 'the label quantile is for summaries');
  }
  const keys = samples.map((sample) => sample.name + JSON.stringify(Object.entries(sample.labels).sort()));
  must(new Set(keys).size === keys.length, 'a series comes twice');
  const shapes = new Set(
    samples.map((sample) =>
      Object.keys(sample.labels)
        .filter((label) => label !== 'le')
        .sort()
        .join(),
    ),
  );
  must(shapes.size <= 1, `its series have different labels: ${[...shapes].join(' and ')}`);
  must(type !== 'counter' || samples.every(({ value }) => value >= 0), 'a counter below 0');
  if (type === 'histogram') said.push(...lintHistogram(name, samples));
  return said;
}

function lintHistogram(name: string, samples: readonly Sample[]): string[] {
  const said: string[] = [];
  const series = Map.groupBy(samples, ({ labels: { le: _, ...labels } }) => JSON.stringify(labels));
  for (const [labels, its] of series) {
    const buckets = its.filter((sample) => sample.name === `${name}_bucket`);
    const bounds = buckets.map((sample) =>
      sample.labels['le'] === '+Inf' ? Infinity : Number(sample.labels['le']),
    );
    const counts = buckets.map(({ value }) => value);
    const sorted = (values: readonly number[], least: number) =>
      values.every((value, at) => at === 0 || value - (values[at - 1] ?? 0) >= least);
    if (!sorted(bounds, Number.MIN_VALUE)) said.push(`buckets of ${labels} are not in order`);
    if (!sorted(counts, 0)) said.push(`buckets of ${labels} are not cumulative`);
    if (bounds.at(-1) !== Infinity) said.push(`buckets of ${labels} do not end in +Inf`);
    const count = its.find((sample) => sample.name === `${name}_count`)?.value;
    if (count !== counts.at(-1)) said.push(`_count of ${labels} is not its last bucket`);
    if (!its.some((sample) => sample.name === `${name}_sum`)) said.push(`no _sum of ${labels}`);
  }
  return said;
}
