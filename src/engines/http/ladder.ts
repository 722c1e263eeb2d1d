// The rungs that an engine shows over HTTP: it listens, it is ours, it answers, it is loaded. Each is told with who
// showed it. Ends at the first thing that is no way to become ready; how long it may take is the engine's life to judge.
import type { Clock } from '../../lifecycle/clock.ts';
import type { ErrorCode } from '../../lifecycle/codes.ts';
import { endpointText } from '../endpoint.ts';
import type { EngineFailure, Rung } from '../state.ts';
import type { Pace } from './pace.ts';
import { answerText, judge, type Probed, type ProbeTarget, probe, probes } from './probe.ts';

/** Why a start cannot go on. */
export interface Refusal {
  readonly code: ErrorCode;
  /** Without the engine's name. */
  readonly why: string;
  readonly kind: EngineFailure['kind'];
}

export type Climbed = { readonly state: 'done' } | { readonly state: 'aborted' } | RefusedClimb;
type RefusedClimb = { readonly state: 'refused'; readonly refusal: Refusal };

/** Whose it is that listens: evidence, or that it is a stranger; `unclear` is asked again. */
export type Owner =
  | { readonly state: 'ours'; readonly evidence: string }
  | { readonly state: 'unclear' }
  | RefusedClimb;

export interface LadderOptions {
  readonly target: ProbeTarget;
  readonly clock: Clock;
  readonly pace: Pace;
  readonly signal: AbortSignal;
  readonly climbed: (rung: Rung, evidence: string) => void;
  readonly progressed: (text: string) => void;
  /** Asked while it is not clear, as soon as something listens. Default: nobody asks. */
  readonly owner?: () => Promise<Owner>;
  readonly expected: Expected;
}

/** `coming`: a program that loads, and may not even listen yet; `there`: somebody else's, that should be. */
type Expected = 'coming' | 'there';

/** Up to `http`, and until it answers as a ready one; `loaded` is for whoever knows what else that takes. */
export async function climbHttp(options: LadderOptions): Promise<Climbed> {
  const { target, clock, pace, signal, climbed, progressed, owner, expected } = options;
  const where = endpointText(target.endpoint);
  let whose: Owner = owner ? { state: 'unclear' } : { state: 'ours', evidence: '' };
  for await (const probed of probes({ target, clock, pace, signal })) {
    const { answer, verdict, isNew } = probed;
    const text = answerText(answer, target);
    // Before the rungs, so that none is shown with what was said of the one before.
    if (isNew)
      progressed(
        answer.state === 'answered' && answer.status === 404 ? `${text}: ${noSuchPath(target)}` : text,
      );
    if (answer.state === 'answered' || answer.state === 'connected') {
      climbed('listening', `${where} takes connections`);
      if (owner && whose.state === 'unclear') {
        whose = await owner();
        if (signal.aborted) break;
        if (whose.state === 'refused') return whose;
        if (whose.state === 'ours') climbed('owned', whose.evidence);
      }
    }
    if (answer.state === 'answered') climbed('http', text);
    if (verdict === 'ready') return { state: 'done' };
    const refusal = refusalOf(probed, target, expected);
    if (refusal) return { state: 'refused', refusal };
  }
  return { state: 'aborted' };
}

/** Of one that was ready, asked once. Undefined when it is there, and when nobody wants to know any more. */
export async function missedBy(
  target: ProbeTarget,
  clock: Clock,
  signal: AbortSignal,
): Promise<Refusal | undefined> {
  const answer = await probe(target, clock, signal);
  return signal.aborted ? undefined : refusalOf({ answer, verdict: judge(answer, target) }, target, 'there');
}

/** A key, or a path: they will not change until somebody does something. */
const lastingStatuses: readonly number[] = [401, 403, 404];

function refusalOf(
  { answer, verdict }: Pick<Probed, 'answer' | 'verdict'>,
  target: ProbeTarget,
  expected: Expected,
): Refusal | undefined {
  const where = endpointText(target.endpoint);
  if (answer.state !== 'answered') {
    if (expected === 'coming') return undefined;
    return { code: 'engine_unreachable', why: `${where} does not answer: ${answer.why}`, kind: 'passing' };
  }
  const { status, body } = answer;
  const text = answerText(answer, target);
  // What never loads says at once what it is.
  if (body === 'wrong' && expected === 'there' && target.loading?.length === 0)
    return { code: 'engine_unfit', why: `${where} is something else: ${text}`, kind: 'passing' };
  const lasting = lastingStatuses.includes(status);
  if (verdict !== 'wrong' && !(expected === 'there' && lasting && verdict !== 'ready')) return undefined;
  const why = `${where} answers ${text}: ${nextStep(status, target, expected)}`;
  return { code: 'engine_unfit', why, kind: lasting ? 'lasting' : 'passing' };
}

const noSuchPath = ({ path }: ProbeTarget): string =>
  `there is no such path; is \`ready.http\`, ${path}, right?`;

function nextStep(status: number, target: ProbeTarget, expected: Expected): string {
  if (status === 404) return noSuchPath(target);
  if (status === 401 || status === 403) {
    const ours = 'it wants a key; let its health path do without one, or name another (`ready.http`)';
    return expected === 'there' ? 'its key is missing or wrong (`key`)' : ours;
  }
  return `a ready one answers ${target.status}, and this is none of the statuses of one that loads (\`ready.loading\`)`;
}
