// What everybody is shown of an engine: the API, the lobby, the terminal, the health page.
import { causeOf, type FailureCause } from './causes.ts';
import type { Capability } from './contract.ts';
import type { EngineInstance } from './instance.ts';
import type { EngineLife, EngineStateWord, Rung } from './state.ts';

export interface EngineStatus {
  readonly name: string;
  /** `builtin`, `worker`, `run` or `url`. */
  readonly kind: string;
  readonly state: EngineStateWord;
  readonly rung: Rung | null;
  /** 0 to 1 where the engine says it. */
  readonly progress: number | null;
  readonly text: string | null;
  /** Since the current attempt began; once it has ended, how long it took. */
  readonly elapsedMs: number;
  /** While it starts: how long its last loads took, and how much of that is left; null where there were none. */
  readonly expectedMs: number | null;
  readonly etaMs: number | null;
  readonly rungMs: Readonly<Partial<Record<Rung, number>>>;
  readonly attempt: number;
  readonly pid: number | null;
  readonly port: number | null;
  readonly offers: readonly Capability[];
  readonly activeCalls: number;
  /** Of each rung who showed it, and how. */
  readonly evidence: Readonly<Partial<Record<Rung, string>>>;
  readonly failure: {
    readonly code: string;
    readonly message: string;
    /** `out_of_memory`, `port_in_use` and the like; null where nobody knows. */
    readonly cause: FailureCause | null;
    readonly logTail: readonly string[];
  } | null;
}

export function statusOf(facts: {
  readonly name: string;
  readonly kind: string;
  readonly life: EngineLife;
  readonly instance: EngineInstance | undefined;
  /** Of the load under way. */
  readonly expectedMs: number | null;
  readonly nowMs: number;
}): EngineStatus {
  const { name, kind, life, instance, nowMs } = facts;
  const elapsedMs = (life.readyMs ?? life.goneMs ?? nowMs) - life.startedMs;
  const expectedMs = life.state === 'starting' ? facts.expectedMs : null;
  const { failure } = life;
  return {
    name,
    kind,
    state: life.state,
    rung: life.rung,
    progress: life.progress,
    text: life.text,
    elapsedMs: life.instance === 0 ? 0 : Math.round(elapsedMs),
    expectedMs,
    etaMs: expectedMs === null ? null : Math.max(0, Math.round(expectedMs - elapsedMs)),
    rungMs: Object.fromEntries(Object.entries(life.rungMs).map(([rung, ms]) => [rung, Math.round(ms)])),
    attempt: life.instance,
    pid: instance?.pid ?? null,
    port: instance?.port ?? null,
    offers: instance?.offers ?? [],
    activeCalls: instance?.activeCalls ?? 0,
    evidence: { ...instance?.evidence },
    failure: failure && {
      ...{ code: failure.code, message: failure.message, cause: causeOf(failure) },
      logTail: failure.logTail,
    },
  };
}
