// What a gateway says in codes, as the errors that a caller gets. Pure.
import { codes, type ErrorCode } from '../../lifecycle/codes.ts';
import { GreenroomError } from '../../lifecycle/errors.ts';
import type { Published } from '../../wire/hub.ts';
import { isFields } from '../given.ts';
import type { ConnectionEnd } from '../life-states.ts';
import { refusalOf } from '../refusal.ts';

/** A code of a later version is kept in the details. */
export function errorOf(code: string, message: string): GreenroomError {
  if (Object.hasOwn(codes, code)) return new GreenroomError(code as ErrorCode, message);
  return new GreenroomError('invalid_request', message, { details: { code } });
}

const closeMeanings: Readonly<Record<number, ErrorCode>> = {
  1008: 'unauthorized',
  1009: 'event_too_large',
  4408: 'slow_client',
};

/** Why a stream is over that nobody has ended. `said`: the gateway's last words, where it had some. */
export function errorOfEnd(
  end: ConnectionEnd,
  url: string,
  said: GreenroomError | undefined,
): GreenroomError {
  const { code, reason } = end;
  // It was refused in words, and not only closed.
  if (said && said.message === reason) return said;
  const details = { url, close: code };
  const why = reason || said?.message || `closed with ${code}`;
  const message = why.includes(url) ? why : `${url}: ${why}`;
  const meaning = said?.code ?? closeMeanings[code] ?? 'gateway_unreachable';
  return new GreenroomError(meaning, message, { details, ...(said && { cause: said }) });
}

/** Of a post of one event: its id. Throws what it was refused with. */
export function publishedId(answer: {
  readonly url: string;
  readonly status: number;
  readonly text: string;
}): string {
  const { url, status, text } = answer;
  const { id, rejected } = publishedIn(text) ?? {};
  const [first] = rejected ?? [];
  if (first) throw errorOf(first.code, first.message);
  if (status >= 300 || typeof id !== 'string') throw refusedPost(url, status, text);
  return id;
}

/** Of an answer that does not say what was taken. */
export function refusedPost(url: string, status: number, text: string): GreenroomError {
  return refusalOf({ socketUrl: url, status, text });
}

/** Of any answer to a post: what was taken and what was not; undefined when it does not say. */
export function publishedIn(text: string): Published | undefined {
  const body = parsed(text);
  if (!isFields(body)) return undefined;
  const { error } = body;
  const facts = isFields(error) && isFields(error['details']) ? error['details'] : body;
  const { accepted = 0, id = null, topic = null, rejected, rejectedCount } = facts;
  if (!Array.isArray(rejected) || !rejected.every(isRejection)) return undefined;
  return {
    ...{ accepted: Number(accepted), id: typeof id === 'string' ? id : null, rejected },
    topic: typeof topic === 'string' ? topic : null,
    rejectedCount: typeof rejectedCount === 'number' ? rejectedCount : rejected.length,
  };
}

function isRejection(value: unknown): value is Published['rejected'][number] {
  if (!isFields(value)) return false;
  const { line, code, message } = value;
  return typeof line === 'number' && typeof code === 'string' && typeof message === 'string';
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return undefined;
    throw thrown;
  }
}
