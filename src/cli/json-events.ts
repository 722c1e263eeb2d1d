// The events of `--json` that more than one command has. README.md has the table of all of them.
import type { ShutdownReport } from '../lifecycle/shutdown.ts';
import type { EngineShown } from './gateway-health.ts';

export function engineEvent({
  name,
  kind,
  state,
  rung,
  progress,
  elapsedMs,
  etaMs,
  pid,
  port,
  failure,
}: EngineShown) {
  const percent = progress === null ? null : Math.round(progress * 100);
  const error = failure && { code: failure.code, message: failure.message };
  return {
    event: 'engine',
    ...{ name, kind, state, rung, percent, ms: elapsedMs, etaMs, pid, port },
    ...(error && { error }),
  } as const;
}

/** What keeps a command from its work; `engine` when one of them does. */
export function failedEvent(code: string, message: string, engine: string | null = null) {
  return { event: 'failed', engine, code, message } as const;
}

export function shutdownEvent({ reason, stages, forced, ms, exitCode }: ShutdownReport) {
  const rounded = stages.map((stage) => ({
    ...stage,
    startMs: Math.round(stage.startMs),
    ms: Math.round(stage.ms),
  }));
  return { event: 'shutdown', reason, stages: rounded, forced, ms: Math.round(ms), exitCode } as const;
}
