// A trial request that has an end: its own time, or that of the instance that is tried.
import type { Clock } from '../../lifecycle/clock.ts';
import type { Scope } from '../../lifecycle/scope.ts';
import type { Capability } from '../contract.ts';
import type { HttpCalls } from './calls.ts';
import { type TrialOutcome, tryOut } from './trial.ts';

export async function tryWithin(options: {
  readonly calls: HttpCalls;
  readonly offers: readonly Capability[];
  /** Of the instance: the request is a task of it. */
  readonly scope: Scope;
  readonly clock: Clock;
  readonly timeoutMs: number;
}): Promise<TrialOutcome> {
  const { calls, offers, scope, clock, timeoutMs } = options;
  const late: TrialOutcome = {
    state: 'failed',
    why: `nothing came in ${timeoutMs} ms; is its model too large for this machine?`,
    kind: 'passing',
  };
  if (scope.state !== 'open') return late;
  const task = scope.spawn('trial', (signal) => tryOut(calls, offers, signal));
  const timer = clock.after(timeoutMs, () => task.abort('deadline'));
  const outcome = await task.done;
  timer.cancel();
  return outcome.state === 'done' ? outcome.value : late;
}
