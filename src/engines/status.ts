// What everybody is shown of an engine: the API, the lobby, the terminal, the health page.
import type { EndGoal } from './asked-end.ts';
import { causeOf, type FailureCause } from './causes.ts';
import type { Capability } from './contract.ts';
import { endpointText } from './endpoint.ts';
import type { EngineInstance } from './instance.ts';
import type { EngineLife, EngineStateWord, Rung } from './state.ts';

export interface EngineStatus {
  readonly name: string;
  /** `builtin`, `worker`, `run` or `url`. */
  readonly kind: string;
  /** `lazy`: it is idle until somebody needs it. */
  readonly start: 'eager' | 'lazy';
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
  /** Where it is asked over HTTP, such as `http://127.0.0.1:20123` or `unix:/run/x.sock`; null: by calls alone. */
  readonly address: string | null;
  readonly offers: readonly Capability[];
  /** What it calls its model, where that is not its own name and is known; else null. */
  readonly model: string | null;
  /** Calls at a time, of one that is asked by calls alone and has loaded; null: nobody knows. */
  readonly lanes: number | null;
  readonly activeCalls: number;
  /** Callers that wait for it. */
  readonly waitingCalls: number;
  /** What it does when the calls under way have ended; null when it stays. */
  readonly ending: EndGoal | null;
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
  readonly start: 'eager' | 'lazy';
  readonly life: EngineLife;
  readonly offers: readonly Capability[];
  readonly instance: EngineInstance | undefined;
  readonly users: { readonly waiting: number; readonly leases: number };
  readonly ending: EndGoal | null;
  /** Of the load under way. */
  readonly expectedMs: number | null;
  readonly nowMs: number;
}): EngineStatus {
  const { name, kind, start, life, offers, instance, users, ending, nowMs } = facts;
  const elapsedMs = (life.readyMs ?? life.goneMs ?? nowMs) - life.startedMs;
  const expectedMs = life.state === 'starting' ? facts.expectedMs : null;
  const { failure } = life;
  return {
    name,
    kind,
    start,
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
    address: instance?.endpoint ? endpointText(instance.endpoint) : null,
    offers,
    model: instance?.modelName ?? null,
    lanes: instance?.lanes ?? null,
    activeCalls: activeCalls(instance, users.leases),
    waitingCalls: users.waiting,
    ending,
    evidence: { ...instance?.evidence },
    failure: failure && {
      ...{ code: failure.code, message: failure.message, cause: causeOf(failure) },
      logTail: failure.logTail,
    },
  };
}

/** What is passed on over HTTP is known by its lease alone; a worker knows which of its calls run. */
function activeCalls(instance: EngineInstance | undefined, leases: number): number {
  const running = instance?.activeCalls ?? 0;
  return instance?.endpoint ? Math.max(running, leases) : running;
}
