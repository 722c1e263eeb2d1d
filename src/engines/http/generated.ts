// The last rung before ready: one small real request has been answered, by whatever is asked over HTTP.
import type { HttpReadyConfig } from '../../config/types.ts';
import type { Clock } from '../../lifecycle/clock.ts';
import type { Scope } from '../../lifecycle/scope.ts';
import type { Capability } from '../contract.ts';
import type { Rung } from '../state.ts';
import type { HttpCalls } from './calls.ts';
import type { Climbed } from './ladder.ts';
import { tryWithin } from './timed-trial.ts';

export async function climbGenerated(options: {
  readonly config: { readonly offers: readonly Capability[] | undefined; readonly ready: HttpReadyConfig };
  readonly calls: HttpCalls;
  readonly scope: Scope;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly climbed: (rung: Rung, evidence: string) => void;
  readonly progressed: (text: string) => void;
}): Promise<Climbed> {
  const { config, calls, scope, clock, signal, climbed, progressed } = options;
  progressed('waiting for its first output');
  const { offers = [], ready } = config;
  const outcome = await tryWithin({ calls, offers, scope, clock, timeoutMs: ready.generateTimeoutMs });
  if (signal.aborted) return { state: 'aborted' };
  if (outcome.state === 'passed') climbed('generated', outcome.evidence);
  if (outcome.state !== 'failed') return { state: 'done' };
  const why = `a first small request came to nothing: ${outcome.why}`;
  return { state: 'refused', refusal: { code: 'engine_no_output', why, kind: outcome.kind } };
}
