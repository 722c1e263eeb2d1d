// Whether a watcher is slow, and what is done about it: a pure function of two ages. Bytes tell nothing: the kernel
// takes some 4 MB from us before one byte is unsent.

export interface SlowLimits {
  /** Age of the oldest event that could not be sent. */
  readonly unsent: { readonly warnMs: number; readonly actMs: number };
  /** Age of the oldest probe that was not answered. */
  readonly silent: { readonly warnMs: number; readonly actMs: number };
}

export interface SlowFacts {
  /** 0: nothing is unsent. */
  readonly unsentMs: number;
  /** 0: no probe waits for its answer. */
  readonly silentMs: number;
}

export type Pace = 'well' | 'lagging';

export type SlowReason = keyof SlowLimits;

export type Verdict =
  | { readonly pace: Pace; readonly act: 'nothing' }
  | {
      readonly pace: 'lagging';
      readonly act: 'warn' | 'policy';
      readonly reason: SlowReason;
      readonly ms: number;
    };

/** Warned once; warned again only when it was well between, which is when both ages are under half of the warning. */
export function judge(pace: Pace, facts: SlowFacts, limits: SlowLimits): Verdict {
  const { unsentMs, silentMs } = facts;
  const { unsent, silent } = limits;
  if (unsentMs >= unsent.actMs) return { pace: 'lagging', act: 'policy', reason: 'unsent', ms: unsentMs };
  if (silentMs >= silent.actMs) return { pace: 'lagging', act: 'policy', reason: 'silent', ms: silentMs };
  if (pace === 'lagging') {
    const well = unsentMs < unsent.warnMs / 2 && silentMs < silent.warnMs / 2;
    return { pace: well ? 'well' : 'lagging', act: 'nothing' };
  }
  if (unsentMs >= unsent.warnMs) return { pace: 'lagging', act: 'warn', reason: 'unsent', ms: unsentMs };
  if (silentMs >= silent.warnMs) return { pace: 'lagging', act: 'warn', reason: 'silent', ms: silentMs };
  return { pace: 'well', act: 'nothing' };
}
