// The process, for Prometheus: under the names that every dashboard of Node knows. What the system does not tell is left out.
// https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics
import { readdir, readFile } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import type { Collections } from '../telemetry/collections.ts';
import { version } from '../version.ts';
import type { MetricFacts } from './metrics.ts';

export function processMetrics(collections: Collections): readonly MetricFacts[] {
  const one = (value: number) => [{ labels: {}, value }];
  const gauge = (name: string, help: string, value: () => number): MetricFacts => ({
    ...{ name, help, type: 'gauge', labelNames: [], samples: () => one(value()) },
  });
  return [
    {
      ...{ name: 'greenroom_build_info', type: 'gauge', labelNames: ['version', 'node_version'] },
      help: 'Which greenroom this is, on which Node; always 1.',
      samples: () => [{ labels: { version, node_version: process.versions.node }, value: 1 }],
    },
    gauge('process_resident_memory_bytes', 'Resident memory.', () => process.memoryUsage.rss()),
    {
      ...{ name: 'process_cpu_seconds_total', type: 'counter', labelNames: [] },
      help: 'CPU time, of user and system.',
      samples: () => {
        const { user, system } = process.cpuUsage();
        return one((user + system) / 1e6);
      },
    },
    gauge('process_start_time_seconds', 'When the process began, since the epoch.', () =>
      Math.round(performance.timeOrigin / 1000),
    ),
    {
      ...{ name: 'process_open_fds', type: 'gauge', labelNames: [] },
      help: 'Open files, sockets among them.',
      // The listing itself has one open.
      samples: async () =>
        (await known(async () => (await readdir('/proc/self/fd')).length - 1)).flatMap(one),
    },
    {
      ...{ name: 'process_max_fds', type: 'gauge', labelNames: [] },
      help: 'As many files as may be open.',
      samples: async () => (await known(openFilesMax)).flatMap(one),
    },
    gauge('nodejs_heap_size_used_bytes', 'The heap, as far as it is used.', () => heap().used_heap_size),
    gauge('nodejs_heap_size_total_bytes', 'The heap.', () => heap().total_heap_size),
    gauge('nodejs_heap_size_limit_bytes', 'What the heap may grow to.', () => heap().heap_size_limit),
    gauge(
      'nodejs_external_memory_bytes',
      'Memory beside the heap, buffers among it.',
      () => heap().external_memory,
    ),
    {
      ...{ name: 'nodejs_eventloop_time_seconds_total', type: 'counter', labelNames: ['state'] },
      help: 'Time of the event loop, by whether it worked or waited: the rate of `active` is its utilisation.',
      samples: () => {
        const { active, idle } = performance.eventLoopUtilization();
        return Object.entries({ active, idle }).map(([state, ms]) => ({
          labels: { state },
          value: ms / 1000,
        }));
      },
    },
    {
      ...{ name: 'nodejs_gc_duration_seconds', type: 'histogram', labelNames: ['kind'] },
      help: 'How long garbage collections took.',
      histograms: () =>
        collections.times.list().map(([kind, histogram]) => ({ labels: { kind }, histogram })),
    },
  ];
}

const heap = getHeapStatistics;

async function openFilesMax(): Promise<number> {
  const [, max] = /^Max open files\s+(\d+)/m.exec(await readFile('/proc/self/limits', 'utf8')) ?? [];
  return Number(max);
}

/** Nothing, where there is no /proc. */
async function known(ask: () => Promise<number>): Promise<readonly number[]> {
  try {
    return [await ask()].filter(Number.isFinite);
  } catch {
    // Another system than Linux.
    return [];
  }
}
