// How far a load is, and what can be asked of an engine. Pure.
import type { EngineStatus } from '../../../src/engines/status.ts';

type Rung = NonNullable<EngineStatus['rung']>;

const ladder: readonly Rung[] = [
  ...(['spawned', 'alive', 'listening', 'owned', 'http', 'loaded', 'generated', 'ready'] as const),
];

export interface RungShown {
  readonly name: Rung;
  readonly state: 'reached' | 'next' | 'open';
  /** Since the start of the attempt; null: not reached. */
  readonly ms: number | null;
  readonly evidence: string | null;
}

/** The rungs reached, and while it starts those that may come. A kind of engine has only those that it can show. */
export function rungsOf({ state, rung, rungMs, evidence }: EngineStatus): readonly RungShown[] {
  const at = rung === null ? -1 : ladder.indexOf(rung);
  return ladder.flatMap((name, place): RungShown[] => {
    const ms = rungMs[name];
    const facts = { name, evidence: evidence[name] ?? null };
    if (ms !== undefined) return [{ ...facts, ms, state: 'reached' }];
    if (state !== 'starting' || place <= at) return [];
    return [{ ...facts, ms: null, state: place === at + 1 ? 'next' : 'open' }];
  });
}

export interface Load {
  readonly elapsedMs: number;
  /** 0 to 1; null: nobody knows. */
  readonly part: number | null;
  /** `estimated`: by how long it took before. */
  readonly from: 'engine' | 'estimated' | 'nowhere';
  readonly etaMs: number | null;
  readonly expectedMs: number | null;
}

/** Of an engine that starts, so long after it was told. */
export function loadOf(status: EngineStatus, sinceMs: number): Load {
  const { progress, expectedMs } = status;
  const elapsedMs = status.elapsedMs + Math.max(0, sinceMs);
  const etaMs = expectedMs === null ? null : Math.max(0, expectedMs - elapsedMs);
  const shared = { elapsedMs, etaMs, expectedMs };
  if (progress !== null) return { ...shared, part: progress, from: 'engine' };
  if (expectedMs === null) return { ...shared, part: null, from: 'nowhere' };
  return { ...shared, part: Math.min(0.99, elapsedMs / Math.max(1, expectedMs)), from: 'estimated' };
}

export type EngineAction = 'start' | 'restart' | 'unload' | 'stop';

const inUse: readonly EngineStatus['state'][] = ['starting', 'ready', 'backoff'];

/** What makes sense to ask of it now. */
export function actionsFor({ state }: Pick<EngineStatus, 'state'>): readonly EngineAction[] {
  if (inUse.includes(state)) return ['restart', 'unload', 'stop'];
  if (state === 'stopping') return [];
  return state === 'idle' ? ['start', 'stop'] : ['start'];
}
