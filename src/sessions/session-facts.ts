// What everybody is shown of a session: the API and the console. Never what was said.
import type { Seat } from './seat.ts';

export interface SessionFacts {
  readonly id: string;
  readonly pipeline: string;
  /** Of the pipeline, from 1: the session keeps it to its end. */
  readonly generation: number;
  /** `away`: its connection was lost, and its caller may come back. */
  readonly state: 'lobby' | 'ready' | 'failed' | 'away' | 'closing';
  readonly ageMs: number;
  readonly remote: string;
  readonly items: number;
  readonly response: string | null;
  readonly pendingBytes: number;
  /** How long a caller that is away may still come back; null while it is there. */
  readonly awayLeftMs: number | null;
}

/** What is the same of every session, from where its caller is. @param phase what it is doing */
export function seatFacts(
  { state, remote, pendingBytes, awayLeftMs }: Pick<Seat, 'state' | 'remote' | 'pendingBytes' | 'awayLeftMs'>,
  phase: 'lobby' | 'ready' | 'failed',
): Pick<SessionFacts, 'state' | 'remote' | 'pendingBytes' | 'awayLeftMs'> {
  const words = { seated: phase, away: 'away', ended: 'closing' } as const;
  return { state: words[state], remote, pendingBytes, awayLeftMs };
}
