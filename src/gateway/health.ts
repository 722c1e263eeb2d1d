// How the gateway is, in one word and in full.
import { getHeapStatistics } from 'node:v8';
import type { EngineStatus } from '../engines/status.ts';
import type { Shutdown } from '../lifecycle/shutdown.ts';
import type { LoopDelay } from '../telemetry/loop-monitor.ts';
import { version } from '../version.ts';

export type HealthStatus = 'starting' | 'healthy' | 'overloaded' | 'shutting_down' | 'failed';

export interface HealthFacts {
  readonly leaving: boolean;
  readonly engines: readonly EngineStatus[];
  readonly sessions: number;
  readonly sessionsMax: number;
  readonly loopDelay: LoopDelay;
  readonly uptimeMs: number;
}

/** A loop this late at p99 is overloaded, whatever else is well. */
const loopDelayMsMax = 250;

export function healthStatus({
  leaving,
  engines,
  sessions,
  sessionsMax,
  loopDelay,
}: HealthFacts): HealthStatus {
  if (leaving) return 'shutting_down';
  if (engines.some(({ state }) => state === 'failed')) return 'failed';
  if (missingEngines(engines).length > 0) return 'starting';
  return sessions >= sessionsMax || loopDelay.p99 > loopDelayMsMax ? 'overloaded' : 'healthy';
}

export function healthBody(facts: HealthFacts) {
  return {
    status: healthStatus(facts),
    version,
    pid: process.pid,
    uptime_ms: Math.round(facts.uptimeMs),
    engines: facts.engines,
    sessions: { open: facts.sessions, max: facts.sessionsMax },
    loop_delay_ms: facts.loopDelay,
    memory: memory(),
  };
}

function memory() {
  const { used_heap_size, total_heap_size, heap_size_limit } = getHeapStatistics();
  return {
    resident_bytes: process.memoryUsage.rss(),
    heap_used_bytes: used_heap_size,
    heap_bytes: total_heap_size,
    heap_limit_bytes: heap_size_limit,
  };
}

/** Unloaded until somebody needs it, as it should be. */
const onDemand = (state: EngineStatus['state'], start: EngineStatus['start'], attempt: number): boolean =>
  state === 'idle' && (start === 'lazy' || attempt > 0);

/** What keeps the gateway from being ready. */
export function missingEngines(engines: readonly EngineStatus[]): readonly EngineStatus[] {
  return engines.filter(({ state, start, attempt }) => state !== 'ready' && !onDemand(state, start, attempt));
}

export interface Missing {
  readonly missing: readonly EngineStatus[];
}

/** Resolves when every engine is ready; with the missing ones when one has failed for good or the gateway leaves. */
export function whenReady(gateway: {
  engines(): readonly EngineStatus[];
  onEngine(listener: () => void): () => void;
  readonly shutdown: Pick<Shutdown, 'state' | 'done'>;
}): Promise<Missing> {
  return new Promise((resolve) => {
    const look = () => {
      const missing = missingEngines(gateway.engines());
      const over = missing.length === 0 || missing.some(({ state }) => state === 'failed');
      if (!over && gateway.shutdown.state === 'running') return;
      leave();
      resolve({ missing });
    };
    const leave = gateway.onEngine(look);
    void gateway.shutdown.done.then(look);
    look();
  });
}
