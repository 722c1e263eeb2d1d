// The course of a leaving, from what the page sees of it. Pure.
//
//     none ──told──▶ leaving ──the connection ends──▶ gone ──another gateway──▶ back;   any ──lost without a word──▶ gone
import type { StageReport } from '../../../src/lifecycle/shutdown.ts';
import type { LinkState } from '../live/gateway.ts';

interface Told {
  /** Ms since 1970. */
  readonly atMs: number;
  /** Null: it said nothing, and its connection ended. */
  readonly reason: string | null;
  /** The time it has for it. */
  readonly totalMs: number | null;
  readonly stages: readonly StageReport[];
}

export type Leaving =
  | { readonly state: 'none' }
  | ({ readonly state: 'leaving' } & Told)
  | ({ readonly state: 'gone'; readonly goneMs: number } & Told)
  | ({ readonly state: 'back'; readonly goneMs: number; readonly backMs: number } & Told);

export const nextLeaving = (told: Omit<Told, 'stages'>): Leaving => ({
  state: 'leaving',
  ...told,
  stages: [],
});

/** What the connection's state says of it. */
export function left(before: Leaving, link: LinkState, nowMs: number): Leaving {
  if (link === 'gone') {
    if (before.state === 'leaving') return { ...before, state: 'gone', goneMs: nowMs };
    if (before.state === 'gone') return before;
    return { state: 'gone', atMs: nowMs, goneMs: nowMs, reason: null, totalMs: null, stages: [] };
  }
  if (link === 'open' && before.state === 'gone') return { ...before, state: 'back', backMs: nowMs };
  return before;
}
