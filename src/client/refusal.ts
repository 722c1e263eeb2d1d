// Why a connection did not open. A browser's WebSocket says nothing of it, and neither does Node's: the same address
// is asked once more over HTTP, which a refusal and a missing server answer in words.
import { codes, type ErrorCode } from '../lifecycle/codes.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import { httpUrl, shownUrl } from './address.ts';
import { readStart } from './http-body.ts';

export interface RefusalQuestion {
  readonly socketUrl: string;
  readonly token: string | undefined;
  /** What the socket itself said, if anything. */
  readonly hint: string;
  /** What would be taken over HTTP, where the same path gives that. */
  readonly accept?: string;
  /** The address in messages. Default: all of it. */
  readonly shown?: string;
  readonly signal: AbortSignal;
}

const shownMax = 200;

/** Never rejects; an aborted question is answered with what is known without it. */
export async function askWhy({
  socketUrl,
  token,
  hint,
  accept,
  signal,
  shown = shownUrl(socketUrl),
}: RefusalQuestion): Promise<GreenroomError> {
  const said = hint ? `: ${hint}` : '';
  try {
    const response = await fetch(httpUrl(socketUrl), {
      redirect: 'manual',
      signal,
      headers: { ...(accept && { accept }), ...(token && { authorization: `Bearer ${token}` }) },
    });
    // Over HTTP the path is there: it is the WebSocket that did not come about. Its answer may be a stream without end.
    if (response.ok || response.status === 426) {
      await response.body?.cancel();
      const message = `${shown} answers over HTTP, but the WebSocket did not open${said}`;
      return new GreenroomError('gateway_unreachable', message, { details: { url: shown } });
    }
    const text = await readStart(response);
    const retryAfter = response.headers.get('retry-after');
    return refusalOf({ socketUrl, status: response.status, text, retryAfter });
  } catch (thrown) {
    const why = networkReason(thrown);
    const message = `no gateway answers at ${shown}${why ? `: ${why}` : said}`;
    return new GreenroomError('gateway_unreachable', message, { cause: thrown, details: { url: shown } });
  }
}

/** The HTTP answer to an upgrade, as the error it stands for. */
export function refusalOf(answer: {
  readonly socketUrl: string;
  readonly status: number;
  readonly text: string;
  /** The header; in seconds. */
  readonly retryAfter?: string | null | undefined;
}): GreenroomError {
  const { socketUrl, status, text, retryAfter } = answer;
  const url = shownUrl(socketUrl);
  const retryMs = /^\d{1,6}$/.test(retryAfter ?? '') ? Number(retryAfter) * 1000 : undefined;
  const details = { url, status, ...(retryMs !== undefined && { retryMs }) };
  const error = errorIn(text);
  if (error) {
    return new GreenroomError(error.code, error.message, { details: { ...error.details, ...details } });
  }
  const code = status === 401 || status === 403 ? 'unauthorized' : 'gateway_unreachable';
  const body = text.trim().slice(0, shownMax);
  const message = `${url} refused the connection with HTTP ${status}${body ? `: ${body}` : ''}`;
  return new GreenroomError(code, message, { details });
}

/** `{"error": {"code", "message"}}` with a code of ours; anything else is a stranger's. */
function errorIn(
  text: string,
): { code: ErrorCode; message: string; details: Record<string, unknown> } | undefined {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return undefined;
    throw thrown;
  }
  const error = (body as { error?: unknown } | null)?.error as
    | { code?: unknown; message?: unknown; details?: unknown }
    | undefined
    | null;
  const code = error?.code;
  if (typeof code !== 'string' || !Object.hasOwn(codes, code)) return undefined;
  const { message, details } = error ?? {};
  return {
    code: code as ErrorCode,
    message: typeof message === 'string' ? message : codes[code as ErrorCode].meaning,
    details: typeof details === 'object' && details !== null ? { ...details } : {},
  };
}

/** Node puts the cause of a failed fetch beneath it; browsers keep it to themselves. */
export function networkReason(thrown: unknown): string {
  const cause = thrown instanceof Error ? (thrown.cause as { code?: unknown; message?: unknown }) : undefined;
  const code = typeof cause?.code === 'string' ? cause.code : '';
  const words: Readonly<Record<string, string>> = {
    ECONNREFUSED: 'connection refused',
    ECONNRESET: 'the connection was reset',
    ENOTFOUND: 'the host name is not known',
    EAI_AGAIN: 'the host name could not be looked up',
    ETIMEDOUT: 'the host does not answer',
    UND_ERR_SOCKET: 'the server closed the connection without an answer',
  };
  const word = words[code] ?? (typeof cause?.message === 'string' ? cause.message : '');
  return code && words[code] && code.startsWith('E') ? `${word} (${code})` : word;
}
