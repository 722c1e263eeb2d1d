// Asks an engine again and again whether it is ready: connects, then wants the right status, and what its body has to
// hold. What is normal while it loads differs by engine: a refusal, a 503, a 400. What is not ends the wait.
import type { Clock } from '../../lifecycle/clock.ts';
import type { Endpoint } from '../endpoint.ts';
import { type GetAnswer, get } from './get.ts';
import type { Pace } from './pace.ts';

export interface ProbeTarget {
  readonly endpoint: Endpoint;
  readonly path: string;
  readonly status: number;
  readonly timeoutMs: number;
  /** Text that the body of a ready answer holds. Default: any body will do. */
  readonly body?: string | undefined;
  /** Statuses that are normal while it loads; undefined: all but those that want a key. */
  readonly loading?: readonly number[] | undefined;
}

export type ProbeAnswer =
  | Exclude<GetAnswer, { readonly state: 'answered' }>
  /** `body`: of one with the right status, whether its body holds what it has to. */
  | { readonly state: 'answered'; readonly status: number; readonly body: 'right' | 'wrong' };

export type Verdict = 'ready' | 'loading' | 'wrong';

/** A health answer is no longer. */
const bodyBytesMax = 65_536;

/** One probe; never throws, and leaves no connection. */
export async function probe(target: ProbeTarget, clock: Clock, signal: AbortSignal): Promise<ProbeAnswer> {
  const { endpoint, path, timeoutMs, status, body } = target;
  const bytesMax = body === undefined ? 0 : bodyBytesMax;
  const answer = await get({ endpoint, path, timeoutMs, bytesMax }, clock, signal);
  if (answer.state !== 'answered') return answer;
  const wrong = answer.status === status && body !== undefined && !answer.text.includes(body);
  return { state: 'answered', status: answer.status, body: wrong ? 'wrong' : 'right' };
}

/** It wants a key, and will want it when it has loaded. */
const keyStatuses: readonly number[] = [401, 403];

export function judge(answer: ProbeAnswer, { status, loading }: ProbeTarget): Verdict {
  if (answer.state !== 'answered') return 'loading';
  if (answer.status === status) return answer.body === 'right' ? 'ready' : 'loading';
  const normal = loading ? loading.includes(answer.status) : !keyStatuses.includes(answer.status);
  return normal ? 'loading' : 'wrong';
}

/** `HTTP 503 from /health`; of what is no answer why. */
export function answerText(answer: ProbeAnswer, { path, body }: ProbeTarget): string {
  if (answer.state !== 'answered') return answer.why;
  const text = `HTTP ${answer.status} from ${path}`;
  return answer.body === 'wrong' ? `${text} without ${JSON.stringify(body)}` : text;
}

export interface Probed {
  readonly answer: ProbeAnswer;
  readonly verdict: Verdict;
  /** Whether it is another than the one before, the first among them. */
  readonly isNew: boolean;
}

/** Probes at the given pace, until it is left or its signal aborts. A new answer makes the next probe come soon. */
export async function* probes(options: {
  readonly target: ProbeTarget;
  readonly clock: Clock;
  readonly pace: Pace;
  readonly signal: AbortSignal;
}): AsyncGenerator<Probed> {
  const { target, clock, pace, signal } = options;
  let before: string | undefined;
  while (!signal.aborted) {
    const answer = await probe(target, clock, signal);
    if (signal.aborted) break;
    const now = JSON.stringify(answer);
    const isNew = now !== before;
    before = now;
    yield { answer, verdict: judge(answer, target), isNew };
    if (isNew) pace.stir();
    await pace.pause(signal);
  }
}
