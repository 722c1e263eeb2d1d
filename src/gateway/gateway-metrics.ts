// The gateway itself, for Prometheus: its engines, sessions, loop and memory.

import type { Engine } from '../engines/engine.ts';
import type { EngineStateWord } from '../engines/state.ts';
import type { LobbyWaits } from '../sessions/lobby.ts';
import type { SessionFacts } from '../sessions/session-facts.ts';
import type { HealthFacts } from './health.ts';
import type { Instruments } from './instruments.ts';
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

export interface GatewayMeasures {
  readonly health: () => HealthFacts;
  readonly sessions: () => readonly SessionFacts[];
  readonly engines: { readonly get: (name: string) => Engine };
  readonly instruments: Pick<Instruments, 'loop'>;
  readonly lobbyWaits: LobbyWaits;
}

export function gatewayMetrics(measures: GatewayMeasures): readonly MetricFacts[] {
  const { health, sessions } = measures;
  const { loop } = measures.instruments;
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
      ...{ name: 'greenroom_sessions_max', type: 'gauge', labelNames: [] },
      help: 'As many sessions as may be open.',
      samples: () => one(health().sessionsMax),
    },
    {
      ...{ name: 'greenroom_sessions_waiting', type: 'gauge', labelNames: [] },
      help: 'Sessions in the lobby: they wait for what their pipeline needs.',
      samples: () => one(sessions().filter(({ state }) => state === 'lobby').length),
    },
    {
      ...{ name: 'greenroom_loop_delay_seconds', type: 'histogram', labelNames: [] },
      help: 'How late the event loop came back to a timer of 20 ms.',
      histograms: () => [{ labels: {}, histogram: loop.late }],
    },
    {
      ...{ name: 'greenroom_loop_stalls_total', type: 'counter', labelNames: ['operation'] },
      help: 'Times that something held the event loop for more than 100 ms, by what most of it was spent on.',
      samples: () => [...loop.stalls].map(([operation, value]) => ({ labels: { operation }, value })),
    },
    {
      ...{ name: 'greenroom_uptime_seconds', type: 'gauge', labelNames: [] },
      help: 'Since the process began.',
      samples: () => one(health().uptimeMs / 1000),
    },
  ];
}

/** How long people wait at a closed door. */
export function waitMetrics({
  health,
  engines,
  lobbyWaits,
}: Pick<GatewayMeasures, 'health' | 'engines' | 'lobbyWaits'>): readonly MetricFacts[] {
  return [
    {
      ...{ name: 'greenroom_engine_wait_seconds', type: 'histogram', labelNames: ['engine', 'outcome'] },
      help: 'How long calls waited for their engine, those that had not to among them, by whether they were seated.',
      histograms: () =>
        health().engines.flatMap(({ name: engine }) =>
          engines
            .get(engine)
            .lobby.waits.list()
            .map(([outcome, histogram]) => ({ labels: { engine, outcome }, histogram })),
        ),
    },
    {
      ...{ name: 'greenroom_lobby_wait_seconds', type: 'histogram', labelNames: ['outcome'] },
      help: 'How long sessions waited in the lobby after they were opened, by how that ended.',
      histograms: () => lobbyWaits.list().map(([outcome, histogram]) => ({ labels: { outcome }, histogram })),
    },
  ];
}
