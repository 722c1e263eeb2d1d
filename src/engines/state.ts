// The life of an engine, as a pure machine. The shell (engine.ts) performs the effects and feeds the events back.
//
//     idle ──start──▶ starting ──rung ready──▶ ready
//                        │ failed, stalled, late    │ exited, stalled
//                        ▼                          ▼
//                     stopping ──exited──▶ backoff ──retry──▶ starting
//                        │                    (a cause that will not change, or 5 in a row: failed)
//        stop: any ──▶ stopping ──exited──▶ stopped (until it is asked for), or idle (until it is needed)
//
// What was asked last holds, as soon as it is gone. To need is less than to ask: it wakes only what is idle.
import type { ErrorCode } from '../lifecycle/codes.ts';
import type { FailureCause } from './causes.ts';

export type EngineStateWord = 'idle' | 'starting' | 'ready' | 'stopping' | 'stopped' | 'backoff' | 'failed';

/** The ladder of readiness, in order. Not every kind of engine has every rung. */
export const rungs = [
  'spawned',
  'alive',
  'listening',
  'owned',
  'http',
  'loaded',
  'generated',
  'ready',
] as const;
export type Rung = (typeof rungs)[number];

export interface EngineFailure {
  readonly code: ErrorCode;
  readonly message: string;
  /** The last lines the engine wrote. */
  readonly logTail: readonly string[];
  /** `lasting`: trying again would end the same way, so nobody tries until asked. */
  readonly kind: 'lasting' | 'passing';
  /** What is behind it, where somebody knows; `code` says how it showed. */
  readonly cause?: FailureCause;
}

/** Where it stays when it has ended: `stopped` until somebody asks for it, `idle` until somebody needs it. */
export type Rest = 'stopped' | 'idle';

export interface EngineLife {
  readonly state: EngineStateWord;
  /** Counts the spawns; events of an earlier instance are ignored. */
  readonly instance: number;
  readonly rung: Rung | null;
  /** Start of the current attempt, for `elapsed`. */
  readonly startedMs: number;
  /** When the attempt succeeded, and when its instance was gone. */
  readonly readyMs: number | null;
  readonly goneMs: number | null;
  /** Ms from the start of the attempt to each rung. */
  readonly rungMs: Readonly<Partial<Record<Rung, number>>>;
  readonly progress: number | null;
  readonly text: string | null;
  readonly failure: EngineFailure | null;
  /** Failures in a row. */
  readonly failures: number;
  /** While it is stopping: when it is killed, and what it becomes when it is gone. */
  readonly killAtMs: number | null;
  readonly afterwards: Rest | 'recover' | 'start' | null;
}

export interface LifeLimits {
  readonly stallMs: number;
  readonly totalMs: number;
  readonly stopGraceMs: number;
  readonly backoffFirstMs: number;
  readonly backoffMaxMs: number;
  readonly failuresMax: number;
  /** Ready for this long: the failures before are forgotten. */
  readonly forgetMs: number;
}

export const limitsDefault = {
  backoffFirstMs: 1000,
  backoffMaxMs: 60_000,
  failuresMax: 5,
  forgetMs: 60_000,
} as const;

export type LifeEvent =
  | { readonly type: 'start' }
  /** A caller waits for it. */
  | { readonly type: 'need' }
  | { readonly type: 'climbed'; readonly instance: number; readonly rung: Rung }
  | {
      readonly type: 'progressed';
      readonly instance: number;
      readonly fraction: number | null;
      readonly text: string | null;
    }
  /** It wrote something: a sign of life. */
  | { readonly type: 'active'; readonly instance: number }
  | { readonly type: 'failed'; readonly instance: number; readonly failure: EngineFailure }
  | { readonly type: 'exited'; readonly instance: number; readonly failure: EngineFailure }
  | { readonly type: 'due'; readonly timer: LifeTimer; readonly failure: EngineFailure }
  /** Of two that ask for a stop, the one with less patience decides when it is killed. */
  | { readonly type: 'stop'; readonly graceMs: number; readonly rest?: Rest };

export type LifeTimer = 'stall' | 'total' | 'grace' | 'retry';

export type LifeEffect =
  | { readonly type: 'spawn'; readonly instance: number }
  | { readonly type: 'terminate' }
  | { readonly type: 'kill' }
  | { readonly type: 'arm'; readonly timer: LifeTimer; readonly ms: number }
  | { readonly type: 'disarm'; readonly timer: LifeTimer };

export interface LifeStep {
  readonly life: EngineLife;
  readonly effects: readonly LifeEffect[];
}

export const idleLife: EngineLife = {
  state: 'idle',
  instance: 0,
  rung: null,
  startedMs: 0,
  readyMs: null,
  goneMs: null,
  rungMs: {},
  progress: null,
  text: null,
  failure: null,
  failures: 0,
  killAtMs: null,
  afterwards: null,
};

interface Environment {
  readonly limits: LifeLimits;
  readonly nowMs: number;
  /** 0 to 1, for the jitter of the back-off. */
  readonly random: number;
}

const same = (life: EngineLife): LifeStep => ({ life, effects: [] });

export function nextLife(life: EngineLife, event: LifeEvent, env: Environment): LifeStep {
  if ('instance' in event && event.instance !== life.instance) return same(life);
  const starting = life.state === 'starting';
  switch (event.type) {
    case 'start':
      return start(life, env);
    case 'need':
      return need(life, env);
    case 'climbed':
      return starting ? climb(life, event.rung, env) : same(life);
    case 'progressed':
      return starting ? progress(life, event.fraction, event.text, env) : same(life);
    case 'active':
      return starting ? { life, effects: [armStall(env)] } : same(life);
    case 'failed':
      return starting || life.state === 'ready' ? fail(life, event.failure, env) : same(life);
    case 'exited':
      return starting || life.state === 'ready' || life.state === 'stopping'
        ? exited(life, event.failure, env)
        : same(life);
    case 'due':
      return due(life, event.timer, event.failure, env);
    case 'stop':
      return stop(life, event.graceMs, event.rest ?? 'stopped', env);
  }
}

const armStall = ({ limits }: Environment): LifeEffect => ({
  type: 'arm',
  timer: 'stall',
  ms: limits.stallMs,
});
const disarmStart: readonly LifeEffect[] = [
  { type: 'disarm', timer: 'stall' },
  { type: 'disarm', timer: 'total' },
];

/** Somebody asks for it: what was before is forgotten. */
function start(life: EngineLife, env: Environment): LifeStep {
  if (life.state === 'starting' || life.state === 'ready') return same(life);
  if (life.state !== 'stopping') return spawn({ ...life, failure: null, failures: 0 }, env);
  return life.afterwards === 'start' ? same(life) : { life: { ...life, afterwards: 'start' }, effects: [] };
}

function need(life: EngineLife, env: Environment): LifeStep {
  const { state, afterwards } = life;
  return state === 'idle' || (state === 'stopping' && afterwards === 'idle') ? start(life, env) : same(life);
}

function spawn(life: EngineLife, env: Environment): LifeStep {
  const { failure, failures } = life;
  const instance = life.instance + 1;
  return {
    life: { ...idleLife, state: 'starting', instance, startedMs: env.nowMs, failure, failures },
    effects: [
      { type: 'disarm', timer: 'retry' },
      { type: 'arm', timer: 'total', ms: env.limits.totalMs },
      armStall(env),
      { type: 'spawn', instance },
    ],
  };
}

function climb(life: EngineLife, rung: Rung, env: Environment): LifeStep {
  if (life.rung && rungs.indexOf(rung) <= rungs.indexOf(life.rung)) return same(life);
  const climbed = { ...life, rung, rungMs: { ...life.rungMs, [rung]: env.nowMs - life.startedMs } };
  if (rung !== 'ready') return { life: climbed, effects: [armStall(env)] };
  return {
    life: { ...climbed, state: 'ready', readyMs: env.nowMs, progress: 1, text: null, failure: null },
    effects: disarmStart,
  };
}

function progress(
  life: EngineLife,
  fraction: number | null,
  text: string | null,
  env: Environment,
): LifeStep {
  return {
    life: { ...life, progress: fraction ?? life.progress, text: text ?? life.text },
    effects: [armStall(env)],
  };
}

/** It has failed but is still there: it must go before anything else. */
function fail(life: EngineLife, failure: EngineFailure, env: Environment): LifeStep {
  return end(blame(life, failure, env), 'recover', env.limits.stopGraceMs, env);
}

function end(life: EngineLife, afterwards: Rest | 'recover', graceMs: number, env: Environment): LifeStep {
  return {
    life: { ...life, state: 'stopping', afterwards, killAtMs: env.nowMs + graceMs },
    effects: [...disarmStart, { type: 'terminate' }, { type: 'arm', timer: 'grace', ms: graceMs }],
  };
}

/** Counts a failure; those before a long time of being ready are forgotten. */
function blame(life: EngineLife, failure: EngineFailure, env: Environment): EngineLife {
  const longReady = life.readyMs !== null && env.nowMs - life.readyMs >= env.limits.forgetMs;
  return { ...life, failure, failures: longReady ? 1 : life.failures + 1 };
}

function exited(life: EngineLife, failure: EngineFailure, env: Environment): LifeStep {
  const { afterwards } = life;
  const gone: EngineLife = {
    ...life,
    ...{ rung: null, progress: null, text: null, killAtMs: null, afterwards: null, goneMs: env.nowMs },
  };
  const step = (next: LifeStep): LifeStep => ({
    life: next.life,
    effects: [...disarmStart, { type: 'disarm', timer: 'grace' }, ...next.effects],
  });
  if (afterwards === 'stopped') return step(same({ ...gone, state: 'stopped' }));
  if (afterwards === 'idle') return step(same({ ...gone, state: 'idle', failure: null, failures: 0 }));
  if (afterwards === 'start') return step(spawn({ ...gone, failure: null, failures: 0 }, env));
  if (afterwards !== 'recover') return step(recover(blame(gone, failure, env), env));
  // The first cause is the one that is told, not the exit that followed from it; with what was written until then.
  const { failure: first } = gone;
  const fuller =
    first && failure.logTail.length > first.logTail.length ? { ...first, logTail: failure.logTail } : first;
  return step(recover({ ...gone, failure: fuller }, env));
}

function recover(life: EngineLife, env: Environment): LifeStep {
  const { failuresMax, backoffFirstMs, backoffMaxMs } = env.limits;
  // Somebody was faster at a port: the next one is another one, so nothing is gained by waiting. Three times, also for
  // who allows no further try: the program itself has had none.
  const atOnce = life.failure?.code === 'engine_port_taken' && life.failures <= 3;
  if (life.failure?.kind === 'lasting' || (life.failures >= failuresMax && !atOnce))
    return same({ ...life, state: 'failed' });
  const ceilingMs = atOnce ? 0 : Math.min(backoffMaxMs, backoffFirstMs * 2 ** (life.failures - 1));
  const ms = Math.round(ceilingMs * env.random);
  return { life: { ...life, state: 'backoff' }, effects: [{ type: 'arm', timer: 'retry', ms }] };
}

function due(life: EngineLife, timer: LifeTimer, failure: EngineFailure, env: Environment): LifeStep {
  if (timer === 'retry') return life.state === 'backoff' ? spawn(life, env) : same(life);
  if (timer === 'grace')
    return life.state === 'stopping' ? { life, effects: [{ type: 'kill' }] } : same(life);
  return life.state === 'starting' ? fail(life, failure, env) : same(life);
}

function stop(life: EngineLife, graceMs: number, rest: Rest, env: Environment): LifeStep {
  const { state } = life;
  // To unload what was stopped would let callers start it.
  if (state === rest || (state === 'stopped' && rest === 'idle')) return same(life);
  if (state === 'starting' || state === 'ready') return end(life, rest, graceMs, env);
  if (state !== 'stopping') {
    const forgotten = rest === 'idle' ? { failure: null, failures: 0 } : {};
    return { life: { ...life, ...forgotten, state: rest }, effects: [{ type: 'disarm', timer: 'retry' }] };
  }
  const killAtMs = Math.min(life.killAtMs ?? Number.POSITIVE_INFINITY, env.nowMs + graceMs);
  const afterwards = rest === 'idle' && life.afterwards === 'stopped' ? 'stopped' : rest;
  return {
    life: { ...life, afterwards, killAtMs },
    effects: [{ type: 'arm', timer: 'grace', ms: Math.max(0, killAtMs - env.nowMs) }],
  };
}
