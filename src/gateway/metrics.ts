// `/metrics`: what is measured elsewhere, read when it is asked for, in the text form of Prometheus.
// https://prometheus.io/docs/instrumenting/exposition_formats/
import { Counter, Gauge, type Metric, Registry } from 'prom-client';
import { durationBoundsMs, type Histogram } from '../telemetry/histogram.ts';

type Labels = Readonly<Record<string, string>>;

type Samples = readonly { readonly labels: Labels; readonly value: number }[];

/** `samples` for counters and gauges, `histograms` for histograms: asked each time. */
export interface MetricFacts {
  /** With its unit: seconds, bytes; counters end in `_total`. */
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labelNames: readonly string[];
  readonly samples?: () => Samples | Promise<Samples>;
  readonly histograms?: () => readonly { readonly labels: Labels; readonly histogram: Histogram }[];
}

/** As they are now. */
export async function metricsText(
  facts: readonly MetricFacts[],
): Promise<{ text: string; contentType: string }> {
  const registry = new Registry();
  await Promise.all(facts.map((each) => register(registry, each)));
  return { text: await registry.metrics(), contentType: registry.contentType };
}

async function register(registry: Registry, facts: MetricFacts): Promise<void> {
  const { name, help, type, labelNames, samples, histograms } = facts;
  if (type === 'histogram') {
    // Its own has no way to count a delivery with its number of watchers.
    const values = (histograms?.() ?? []).flatMap((its) => lines(name, its));
    const get = async () => ({ name, help, type, values });
    registry.registerMetric({ name, help, type, get } as unknown as Metric);
    return;
  }
  const Kind = type === 'counter' ? Counter : Gauge;
  const metric = new Kind({ name, help, labelNames: [...labelNames], registers: [registry] });
  for (const { labels, value } of (await samples?.()) ?? []) metric.inc(labels, value);
}

function lines(
  name: string,
  { labels, histogram }: { readonly labels: Labels; readonly histogram: Histogram },
) {
  const counts = histogram.cumulative();
  const bounds = [...durationBoundsMs.map((ms) => String(ms / 1000)), '+Inf'];
  return [
    ...bounds.map((le, at) => ({
      metricName: `${name}_bucket`,
      labels: { ...labels, le },
      value: counts[at] ?? 0,
    })),
    { metricName: `${name}_sum`, labels, value: histogram.sumMs / 1000 },
    { metricName: `${name}_count`, labels, value: histogram.count },
  ];
}
