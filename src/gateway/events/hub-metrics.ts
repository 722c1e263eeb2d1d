// What the hub measures, for Prometheus. Never a watcher's name in a label: there is no end to them.
// https://prometheus.io/docs/practices/naming/
import type { Hub } from '../../hub/hub.ts';
import type { Position } from '../../hub/subscriber-world.ts';
import type { MetricFacts } from '../metrics.ts';
import type { Hubs } from './open-hubs.ts';

const positions: readonly Position[] = ['live', 'waiting', 'blocked', 'leaving'];

export function hubMetrics({ open, own, producers }: Hubs): readonly MetricFacts[] {
  const hubs = { open, own };
  const ofBoth = (value: (hub: Hub) => number) =>
    Object.entries(hubs).map(([hub, its]) => ({ labels: { hub }, value: value(its) }));
  const byWord = (label: string, words: (hub: Hub) => Readonly<Record<string, number>>) =>
    Object.entries(hubs).flatMap(([hub, its]) =>
      Object.entries(words(its)).map(([word, value]) => ({ labels: { hub, [label]: word }, value })),
    );
  const histogram = (
    name: string,
    help: string,
    of: (hub: Hub) => Hub['measures']['flushed'],
  ): MetricFacts => ({
    ...{ name, help, type: 'histogram', labelNames: ['hub'] },
    histograms: () => Object.entries(hubs).map(([hub, its]) => ({ labels: { hub }, histogram: of(its) })),
  });
  const of =
    (type: 'counter' | 'gauge') =>
    (
      name: string,
      help: string,
      samples: () => MetricSamples,
      ...labelNames: readonly string[]
    ): MetricFacts => ({
      ...{ name, help, type, samples },
      labelNames: labelNames.length > 0 ? labelNames : ['hub'],
    });
  const counter = of('counter');
  const gauge = of('gauge');
  return [
    counter('greenroom_hub_events_total', 'Events published.', () =>
      ofBoth(({ measures }) => measures.events),
    ),
    counter('greenroom_hub_event_bytes_total', 'Bytes of their data.', () =>
      ofBoth(({ measures }) => measures.eventBytes),
    ),
    counter(
      'greenroom_hub_deliveries_total',
      'Events given to watchers at the moment they were published.',
      () => ofBoth(({ measures }) => measures.deliveries),
    ),
    counter('greenroom_hub_delivered_bytes_total', 'Bytes of those.', () =>
      ofBoth(({ measures }) => measures.deliveredBytes),
    ),
    counter('greenroom_hub_replayed_bytes_total', 'Bytes given to watchers that caught up.', () =>
      ofBoth(({ measures }) => measures.replayedBytes),
    ),
    gauge(
      'greenroom_hub_watchers',
      'Watchers, by where they stand.',
      () => byWord('state', ({ subscribers }) => countedBy(positions, subscribers)),
      'hub',
      'state',
    ),
    gauge('greenroom_hub_ring_events', 'Events that are kept.', () =>
      ofBoth(({ ring }) => ring.head - ring.first + 1),
    ),
    gauge('greenroom_hub_ring_bytes', 'Their bytes.', () => ofBoth(({ ring }) => ring.bytes)),
    gauge('greenroom_hub_topics', 'Topics that are known.', () => ofBoth(({ topics }) => topics.size)),
    counter(
      'greenroom_hub_forgotten_total',
      'Topics and keys that made room for newer ones.',
      () => byWord('what', ({ topics }) => topics.forgotten),
      'hub',
      'what',
    ),
    counter('greenroom_hub_warnings_total', 'Watchers that became slow.', () =>
      ofBoth(({ measures }) => measures.warnings),
    ),
    counter(
      'greenroom_hub_evictions_total',
      'Watchers sent away, by why.',
      () => byWord('reason', ({ measures }) => measures.evictions),
      'hub',
      'reason',
    ),
    counter(
      'greenroom_hub_gaps_total',
      'Losses that were told, by why.',
      () => byWord('reason', ({ measures }) => measures.gaps),
      'hub',
      'reason',
    ),
    counter(
      'greenroom_hub_resumes_total',
      'Watchers that came back, by whether they missed anything.',
      () => byWord('result', ({ measures }) => measures.resumes),
      'hub',
      'result',
    ),
    histogram(
      'greenroom_hub_delivery_seconds',
      'From publication until the system had it.',
      ({ measures }) => measures.flushed,
    ),
    histogram(
      'greenroom_hub_acknowledged_seconds',
      'From publication until a watcher said that it has processed it.',
      ({ measures }) => measures.acknowledged,
    ),
    histogram('greenroom_hub_probe_seconds', 'Round trips of probes.', ({ measures }) => measures.rtt),
    gauge(
      'greenroom_hub_producers',
      'Producers that are there, by kind.',
      () => sums(({ open: count }) => count),
      'kind',
    ),
    counter(
      'greenroom_hub_ingest_events_total',
      'Events taken from producers, by kind.',
      () => sums(({ accepted }) => accepted),
      'kind',
    ),
    counter(
      'greenroom_hub_ingest_rejected_total',
      'Events refused, by kind of producer and failure code.',
      () =>
        Object.entries(producers.sums()).flatMap(([kind, { rejected }]) =>
          Object.entries(rejected).map(([code, value]) => ({ labels: { kind, code }, value })),
        ),
      'kind',
      'code',
    ),
  ];
  function sums(value: (sum: ReturnType<typeof producers.sums>['unix']) => number): MetricSamples {
    return Object.entries(producers.sums()).map(([kind, sum]) => ({ labels: { kind }, value: value(sum) }));
  }
}

type MetricSamples = Awaited<ReturnType<NonNullable<MetricFacts['samples']>>>;

function countedBy(
  words: readonly Position[],
  subscribers: Hub['subscribers'],
): Readonly<Record<string, number>> {
  const counts: Record<string, number> = Object.fromEntries(words.map((word) => [word, 0]));
  for (const { position } of subscribers) counts[position] = (counts[position] ?? 0) + 1;
  return counts;
}
