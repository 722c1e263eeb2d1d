// Whether to come back after a connection has ended or could not be had, and when. Pure: time and chance are given.
import type { GreenroomError } from '../lifecycle/errors.ts';
import { timerMsMax } from './given.ts';

/** Exponential with full jitter: a wait is anything between nothing and `firstMs * 2 ** attempts`, up to `maxMs`. */
export interface ReconnectPolicy {
  /** In one outage. Default 20. */
  readonly attempts: number;
  /** How long an outage may last. Default 120,000. */
  readonly totalMs: number;
  /** Default 250. */
  readonly firstMs: number;
  /** Default 10,000. */
  readonly maxMs: number;
}

/**
 * Why a connection ended for good. `asked`: by us. `finished`: the server had no more to say (1000). `shutdown`: the
 * gateway left. `refused`: it does not want us, and would not the next time. `lost`: everything else.
 */
export type EndCause = 'asked' | 'finished' | 'shutdown' | 'refused' | 'lost';

export type Verdict =
  | { readonly next: 'retry'; readonly hintMs: number | null }
  | { readonly next: 'end'; readonly cause: EndCause };

export interface Outage {
  readonly sinceMs: number;
  /** Made so far. */
  readonly attempts: number;
}

export const reconnectDefaults: ReconnectPolicy = {
  attempts: 20,
  totalMs: 120_000,
  firstMs: 250,
  maxMs: 10_000,
};

/** An outage is over when the connection has held this long: who is let in and thrown out is not connected. */
export const steadyMs = 5000;
/** No status, cut, the server's fault, restart, try again later, bad gateway. */
const passingCloses: readonly number[] = [1005, 1006, 1011, 1012, 1013, 1014];
/** Timeout, too early, too many requests; and every 5xx. */
const passingStatuses: readonly number[] = [408, 425, 429];

/** What a server said of when it wants to see us again; null for what is no time. */
export function hintOf(ms: unknown): number | null {
  return typeof ms === 'number' && ms >= 0 ? ms : null;
}

export interface CloseRules {
  /** What 1001 means: come back, or not. */
  readonly shutdown: 'end' | 'wait';
  /** Closes after which to come back, beside the usual ones. */
  readonly alsoPassing?: readonly number[];
}

/** `hintMs`: when the server said it wants to see us again. */
export function verdictOfClose(
  code: number,
  hintMs: number | null,
  { shutdown, alsoPassing = [] }: CloseRules,
): Verdict {
  if (code === 1000) return { next: 'end', cause: 'finished' };
  if (code === 1001)
    return shutdown === 'wait' ? { next: 'retry', hintMs } : { next: 'end', cause: 'shutdown' };
  if (passingCloses.includes(code) || alsoPassing.includes(code)) return { next: 'retry', hintMs };
  return { next: 'end', cause: 'refused' };
}

/** Of a connection that did not open. Whoever cannot be reached may be there soon; a refusal in words stands. */
export function verdictOfRefusal({ details }: GreenroomError): Verdict {
  const { status, retryMs } = details;
  const hintMs = hintOf(retryMs);
  if (typeof status !== 'number' || status >= 500 || passingStatuses.includes(status))
    return { next: 'retry', hintMs };
  return { next: 'end', cause: 'refused' };
}

export type Schedule =
  | { readonly state: 'again'; readonly delayMs: number }
  | { readonly state: 'given_up'; readonly why: string };

/** A hint is waited for in full, and a little longer, so that not all who were told come at once. */
export function schedule(
  policy: ReconnectPolicy,
  outage: Outage,
  hintMs: number | null,
  world: { readonly nowMs: number; readonly random: () => number },
): Schedule {
  const { attempts, sinceMs } = outage;
  const spentMs = world.nowMs - sinceMs;
  const leftMs = policy.totalMs - spentMs;
  if (attempts >= policy.attempts || leftMs <= 0) {
    const tries = `${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`;
    return { state: 'given_up', why: `given up after ${tries} in ${(spentMs / 1000).toFixed(1)} s` };
  }
  if (hintMs !== null && hintMs > leftMs) {
    const why = `given up: the gateway wants us in ${hintMs} ms, and ${Math.round(leftMs)} ms are left`;
    return { state: 'given_up', why };
  }
  // Beyond 2 ** 31 nothing would be left of the doubling but its being infinite.
  const doubledMs = Math.min(policy.maxMs, policy.firstMs * 2 ** Math.min(attempts, 31));
  const waitMs = (hintMs ?? 0) + world.random() * (hintMs === null ? doubledMs : policy.firstMs);
  return { state: 'again', delayMs: Math.min(leftMs, timerMsMax, waitMs) };
}
