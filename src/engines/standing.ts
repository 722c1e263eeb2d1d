// Where an engine stands for those who want to use it.
import { GreenroomError } from '../lifecycle/errors.ts';
import type { Capability } from './contract.ts';
import type { EngineInstance } from './instance.ts';
import type { EngineFailure, EngineLife } from './state.ts';

export type Standing =
  | { readonly state: 'ready'; readonly instance: EngineInstance }
  | { readonly state: 'waiting' }
  /** It does not come back by itself. */
  | { readonly state: 'failed'; readonly failure: EngineFailure };

export function standingOf(name: string, life: EngineLife, instance: EngineInstance | undefined): Standing {
  const { state, failure } = life;
  if (state === 'ready' && instance) return { state: 'ready', instance };
  if (state === 'failed' && failure) return { state: 'failed', failure };
  if (state !== 'stopped') return { state: 'waiting' };
  const message = `engine ${name} is stopped; it starts when it is asked for (POST /api/engines/${name}/start)`;
  return { state: 'failed', failure: { code: 'engine_stopped', message, logTail: [], kind: 'lasting' } };
}

/** Throws `engine_not_ready` and `engine_call_unsupported`. */
export function readyFor(
  capability: Capability,
  name: string,
  life: EngineLife,
  instance: EngineInstance | undefined,
): EngineInstance {
  if (life.state !== 'ready' || !instance) {
    const message = `engine ${name} is ${placeOf(life)}, not ready`;
    throw new GreenroomError('engine_not_ready', message);
  }
  if (instance.offers.includes(capability)) return instance;
  const offers = instance.offers.join(', ') || 'nothing';
  throw new GreenroomError('engine_call_unsupported', `engine ${name} offers ${offers}, not ${capability}`);
}

/** For messages: `starting (http)`, `backoff`. */
export function placeOf({ state, rung }: Pick<EngineLife, 'state' | 'rung'>): string {
  return rung && state === 'starting' ? `${state} (${rung})` : state;
}
