// The life of an engine, as a pure machine. The shell (engine.ts) performs the effects and feeds the events back.
//
//     idle ──start──▶ starting ──rung ready──▶ ready
//                        │ failed, stalled, late    │ exited, wedged
//                        ▼                          ▼
//                     stopping ──exited──▶ backoff ──retry──▶ starting
//                        │                    (a cause that will not change, or 5 in a row: failed)
//        stop: any ──▶ stopping ──exited──▶ stopped
import type { ErrorCode } from '../lifecycle/codes.ts';

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
}

export interface EngineLife {
  readonly state: EngineStateWord;
  /** Counts the spawns; events of an earlier instance are ignored. */
  readonly instance: number;
  readonly rung: Rung | null;
  /** Start of the current attempt, for `elapsed`. */
  readonly startedMs: number;
  /** Ms from the start of the attempt to each rung. */
  readonly rungMs: Readonly<Partial<Record<Rung, number>>>;
  readonly progress: number | null;
  readonly text: string | null;
  readonly failure: EngineFailure | null;
  /** Failures in a row. */
  readonly failures: number;
  readonly readyMs: number | null;
  /** What to become when the instance is gone. */
  readonly afterwards: 'stopped' | 'recover' | null;
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
  | { readonly type: 'stop' };

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
  rungMs: {},
  progress: null,
  text: null,
  failure: null,
  failures: 0,
  readyMs: null,
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
  switch (event.type) {
    case 'start':
      return life.state === 'starting' || life.state === 'ready' || life.state === 'stopping'
        ? same(life)
        : spawn(life, env);
    case 'climbed':
      return life.state === 'starting' ? climb(life, event.rung, env) : same(life);
    case 'progressed':
      return progress(life, event.fraction, event.text, env);
    case 'active':
      return life.state === 'starting' ? { life, effects: [armStall(env)] } : same(life);
    case 'failed':
      return life.state === 'starting' || life.state === 'ready'
        ? fail(life, event.failure, env)
        : same(life);
    case 'exited':
      return exited(life, event.failure, env);
    case 'due':
      return due(life, event.timer, event.failure, env);
    case 'stop':
      return stop(life, env);
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

function spawn(life: EngineLife, env: Environment): LifeStep {
  const instance = life.instance + 1;
  return {
    life: {
      ...idleLife,
      state: 'starting',
      instance,
      startedMs: env.nowMs,
      failure: life.failure,
      failures: life.failures,
    },
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
    life: { ...climbed, state: 'ready', readyMs: env.nowMs, progress: 1, failure: null },
    effects: disarmStart,
  };
}

function progress(
  life: EngineLife,
  fraction: number | null,
  text: string | null,
  env: Environment,
): LifeStep {
  if (life.state !== 'starting') return same(life);
  return {
    life: { ...life, progress: fraction ?? life.progress, text: text ?? life.text },
    effects: [armStall(env)],
  };
}

/** It has failed but is still there: it must go before anything else. */
function fail(life: EngineLife, failure: EngineFailure, env: Environment): LifeStep {
  return {
    life: { ...forgetOld(life, env), state: 'stopping', failure, afterwards: 'recover' },
    effects: [
      ...disarmStart,
      { type: 'terminate' },
      { type: 'arm', timer: 'grace', ms: env.limits.stopGraceMs },
    ],
  };
}

function forgetOld(life: EngineLife, env: Environment): EngineLife {
  const longReady = life.readyMs !== null && env.nowMs - life.readyMs >= env.limits.forgetMs;
  return longReady ? { ...life, failures: 0 } : life;
}

function exited(life: EngineLife, failure: EngineFailure, env: Environment): LifeStep {
  if (life.state !== 'starting' && life.state !== 'ready' && life.state !== 'stopping') return same(life);
  const effects: LifeEffect[] = [...disarmStart, { type: 'disarm', timer: 'grace' }];
  const gone: EngineLife = { ...forgetOld(life, env), rung: null, readyMs: null, afterwards: null };
  if (life.afterwards === 'stopped') return { life: { ...gone, state: 'stopped' }, effects };
  // The first cause is the one that is told, not the exit that followed from it.
  const cause = life.afterwards === 'recover' && life.failure ? life.failure : failure;
  const failures = gone.failures + 1;
  const failed: EngineLife = { ...gone, failure: cause, failures, progress: null };
  if (cause.kind === 'lasting' || failures >= env.limits.failuresMax)
    return { life: { ...failed, state: 'failed' }, effects };
  const ceilingMs = Math.min(env.limits.backoffMaxMs, env.limits.backoffFirstMs * 2 ** (failures - 1));
  effects.push({ type: 'arm', timer: 'retry', ms: Math.round(ceilingMs * env.random) });
  return { life: { ...failed, state: 'backoff' }, effects };
}

function due(life: EngineLife, timer: LifeTimer, failure: EngineFailure, env: Environment): LifeStep {
  if (timer === 'retry') return life.state === 'backoff' ? spawn(life, env) : same(life);
  if (timer === 'grace')
    return life.state === 'stopping' ? { life, effects: [{ type: 'kill' }] } : same(life);
  return life.state === 'starting' ? fail(life, failure, env) : same(life);
}

function stop(life: EngineLife, env: Environment): LifeStep {
  const effects: LifeEffect[] = [...disarmStart, { type: 'disarm', timer: 'retry' }];
  if (life.state === 'stopping') return { life: { ...life, afterwards: 'stopped' }, effects };
  if (life.state !== 'starting' && life.state !== 'ready')
    return { life: { ...life, state: 'stopped' }, effects };
  effects.push({ type: 'terminate' }, { type: 'arm', timer: 'grace', ms: env.limits.stopGraceMs });
  return { life: { ...life, state: 'stopping', afterwards: 'stopped' }, effects };
}
