// Whether an engine that was ready still is, asked when one of its calls has lost its connection: its launcher may live
// on while its server is gone. Asks twice, a moment apart: what is on its way out is known for it by then.
import { type Clock, delay } from '../../lifecycle/clock.ts';
import { type ProbeTarget, probe } from './probe.ts';

export type LookVerdict =
  | { readonly state: 'there'; readonly facts: string }
  | { readonly state: 'gone'; readonly why: string };

export const secondLookMs = 250;

export async function secondLook(options: {
  readonly target: ProbeTarget;
  readonly clock: Clock;
  /** Aborted: whatever is told is of no interest any more. */
  readonly signal: AbortSignal;
  readonly callsUnderWay: () => number;
}): Promise<LookVerdict> {
  const { target, clock, signal, callsUnderWay } = options;
  let answer = await probe(target, clock, signal);
  if (answer.state !== 'answered') {
    await delay(clock, secondLookMs, signal);
    answer = await probe(target, clock, signal);
  }
  if (answer.state === 'answered')
    return { state: 'there', facts: `the program still answers (HTTP ${answer.status})` };
  // Nothing but a refusal is certain of one that works: it may do one thing at a time.
  const refused = answer.state === 'refused' && answer.code === 'ECONNREFUSED';
  const calls = callsUnderWay();
  if (refused || calls === 0) return { state: 'gone', why: answer.why };
  return { state: 'there', facts: `the program is busy with ${calls} other calls (${answer.why})` };
}
