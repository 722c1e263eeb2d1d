// The gateway itself, for Prometheus: its engines, sessions, loop and memory.
import type { EngineStateWord } from '../engines/state.ts';
import type { HealthFacts } from './health.ts';
import type { MetricFacts } from './metrics.ts';

const states: readonly EngineStateWord[] = [
  'idle',
  'starting',
  'ready',
  'stopping',
  'backoff',
  'failed',
  'stopped',
];

export function gatewayMetrics(health: () => HealthFacts): readonly MetricFacts[] {
  const one = (value: number) => [{ labels: {}, value }];
  return [
    {
      ...{ name: 'greenroom_engine_state', type: 'gauge', labelNames: ['engine', 'state'] },
      help: '1 for the state that an engine is in.',
      samples: () =>
        health().engines.flatMap(({ name, state }) =>
          states.map((each) => ({ labels: { engine: name, state: each }, value: each === state ? 1 : 0 })),
        ),
    },
    {
      ...{ name: 'greenroom_engine_calls', type: 'gauge', labelNames: ['engine', 'state'] },
      help: 'Calls to an engine, by whether they wait or are being answered.',
      samples: () =>
        health().engines.flatMap(({ name, activeCalls, waitingCalls }) => [
          { labels: { engine: name, state: 'active' }, value: activeCalls },
          { labels: { engine: name, state: 'waiting' }, value: waitingCalls },
        ]),
    },
    {
      ...{ name: 'greenroom_sessions', type: 'gauge', labelNames: [] },
      help: 'Sessions that are open.',
      samples: () => one(health().sessions),
    },
    {
      ...{ name: 'greenroom_loop_delay_seconds', type: 'gauge', labelNames: ['quantile'] },
      help: 'How late the event loop was, of the last minute.',
      samples: () => {
        const { p50, p99, max } = health().loopDelay;
        return Object.entries({ '0.5': p50, '0.99': p99, '1': max }).map(([quantile, ms]) => ({
          ...{ labels: { quantile }, value: ms / 1000 },
        }));
      },
    },
    {
      ...{ name: 'greenroom_loop_stalls_total', type: 'counter', labelNames: [] },
      help: 'Times that something held the event loop for more than 100 ms.',
      samples: () => one(health().loopDelay.stalls),
    },
    {
      ...{ name: 'process_resident_memory_bytes', type: 'gauge', labelNames: [] },
      help: 'Resident memory.',
      samples: () => one(process.memoryUsage.rss()),
    },
    {
      ...{ name: 'process_cpu_seconds_total', type: 'counter', labelNames: [] },
      help: 'CPU time, of user and system.',
      samples: () => {
        const { user, system } = process.cpuUsage();
        return one((user + system) / 1e6);
      },
    },
    {
      ...{ name: 'greenroom_uptime_seconds', type: 'gauge', labelNames: [] },
      help: 'Since the process began.',
      samples: () => one(health().uptimeMs / 1000),
    },
  ];
}
