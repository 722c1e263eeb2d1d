// Lives in every state, made by the events that lead there, for the tests of the machine.
import {
  type EngineFailure,
  type EngineLife,
  type EngineStateWord,
  idleLife,
  type LifeEvent,
  type LifeLimits,
  type LifeStep,
  nextLife,
} from '../../../src/engines/state.ts';

export const limits: LifeLimits = {
  stallMs: 120,
  totalMs: 600,
  stopGraceMs: 10,
  backoffFirstMs: 1000,
  backoffMaxMs: 60_000,
  failuresMax: 5,
  forgetMs: 60_000,
};

export const failure = (message: string, kind: EngineFailure['kind'] = 'passing'): EngineFailure => ({
  code: 'engine_exited',
  message,
  logTail: [],
  kind,
});

export function step(life: EngineLife, event: LifeEvent, nowMs = 0, random = 0.5): LifeStep {
  return nextLife(life, event, { limits, nowMs, random });
}

export function live(events: readonly LifeEvent[], from: EngineLife = idleLife): EngineLife {
  return events.reduce((life, event) => step(life, event).life, from);
}

export const start: LifeEvent = { type: 'start' };
export const stop: LifeEvent = { type: 'stop', graceMs: 5 };
export const climbed = (rung: 'spawned' | 'alive' | 'http' | 'ready', instance = 1): LifeEvent => ({
  type: 'climbed',
  instance,
  rung,
});
export const failed = (
  message = 'unfit',
  instance = 1,
  kind: EngineFailure['kind'] = 'passing',
): LifeEvent => ({
  type: 'failed',
  instance,
  failure: failure(message, kind),
});
export const exited = (
  message = 'gone',
  instance = 1,
  kind: EngineFailure['kind'] = 'passing',
): LifeEvent => ({
  type: 'exited',
  instance,
  failure: failure(message, kind),
});
export const due = (timer: 'stall' | 'total' | 'grace' | 'retry'): LifeEvent => ({
  type: 'due',
  timer,
  failure: failure(`${timer} is over`),
});

export const lives: Readonly<Record<EngineStateWord, EngineLife>> = {
  idle: idleLife,
  starting: live([start, climbed('spawned')]),
  ready: live([start, climbed('ready')]),
  stopping: live([start, climbed('ready'), failed()]),
  stopped: live([start, stop, exited()]),
  backoff: live([start, exited()]),
  failed: live([start, exited('never', 1, 'lasting')]),
};
