// One small real request to an engine that says that it is ready: a few tokens, a moment of audio, one vector. Its
// answer is the proof; nothing, however politely, is a failure.
import { GreenroomError, messageOf } from '../../lifecycle/errors.ts';
import type { Capability } from '../contract.ts';
import type { HttpCalls } from './calls.ts';

export type TrialOutcome =
  | { readonly state: 'passed'; readonly evidence: string }
  | {
      readonly state: 'failed';
      readonly why: string;
      readonly kind: 'lasting' | 'passing';
      /** It has too much to do, or somebody may ask it no more often. */
      readonly busy?: true;
    }
  /** It offers nothing that can be tried. */
  | { readonly state: 'nothing' };

/** In this order: an engine that offers more is tried by the first. */
const tried = ['chat', 'transcribe', 'speak', 'embed'] as const satisfies Capability[];
type Tried = (typeof tried)[number];

const rateHz = 16_000;
const audioMs = 1100;
const toneHz = 440;

/** A wrong key, a model that is not there: the same tomorrow. */
const lastingStatuses: readonly unknown[] = [401, 403, 404];

/** Never rejects; when the signal aborts, whatever it says is of no interest. */
export async function tryOut(
  calls: HttpCalls,
  offers: readonly Capability[],
  signal: AbortSignal,
): Promise<TrialOutcome> {
  const capability = tried.find((candidate) => offers.includes(candidate));
  if (!capability) return { state: 'nothing' };
  try {
    const got = await requests[capability](calls, signal);
    if (got !== undefined) return { state: 'passed', evidence: got };
    return failed(`its answer to a ${capability} request was empty; ${nextStep(capability)}`);
  } catch (error) {
    const why = messageOf(error).replace(/^engine \S+: /, '');
    // A connection that is lost says nothing of the model; a refusal says it itself.
    if (!(error instanceof GreenroomError)) return failed(why);
    const { status } = error.details;
    if (status === undefined) return failed(`${why}; ${nextStep(capability)}`);
    const refused = failed(why, lastingStatuses.includes(status) ? 'lasting' : 'passing');
    return status === 429 ? { ...refused, busy: true } : refused;
  }
}

const failed = (why: string, kind: 'lasting' | 'passing' = 'passing') =>
  ({ state: 'failed', why, kind }) as const;

const nextStep = (capability: Tried): string => `is its model whole, and one for ${capability}?`;

type Request = (calls: HttpCalls, signal: AbortSignal) => Promise<string | undefined>;

/** Each says what came; undefined for nothing. */
const requests: Readonly<Record<Tried, Request>> = {
  chat: async (calls, signal) => {
    const messages = [{ role: 'user', content: 'Hello' }];
    let pieces = 0;
    // A thought is a token as well: some think before they say the first word.
    for await (const event of calls.chatEvents({ messages, maxTokens: 4, temperature: 0 }, signal))
      if ('text' in event || 'thought' in event || 'toolCall' in event) pieces += 1;
    return pieces === 0 ? undefined : `${pieces} pieces of text from a chat of 4 tokens`;
  },
  transcribe: async (calls, signal) => {
    const call = { pcm: oneOf(tone()), rate: rateHz, language: null };
    for await (const { text } of calls.transcribe(call, signal))
      return `a transcript of ${text.length} characters of a tone`;
    return undefined;
  },
  speak: async (calls, signal) => {
    let samples = 0;
    for await (const { pcm } of calls.speak({ text: 'Hello.', voice: null }, signal)) {
      samples += pcm.length;
      if (samples > 0) break;
    }
    return samples === 0 ? undefined : `${samples} samples of speech`;
  },
  embed: async (calls, signal) => {
    const [vector] = await calls.embed({ input: ['Hello'] }, signal);
    return vector && vector.length > 0 ? `a vector of ${vector.length} numbers` : undefined;
  },
};

/** Quiet, and a little longer than the second that whisper needs at least. */
function tone(): Int16Array {
  return Int16Array.from({ length: (rateHz * audioMs) / 1000 }, (_, at) =>
    Math.round(1000 * Math.sin((2 * Math.PI * toneHz * at) / rateHz)),
  );
}

async function* oneOf<T>(value: T): AsyncGenerator<T> {
  yield value;
}
