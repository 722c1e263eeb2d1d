// An administrator's questions of `records` and `export`: which gateway, whose token, and what a refusal means.
import { refusalOf } from '../../client/refusal.ts';
import { GreenroomError } from '../../lifecycle/errors.ts';
import type { Scope } from '../../lifecycle/scope.ts';
import { ask, gatewayUrl } from '../ask.ts';
import { certificateHint } from '../certificate-hint.ts';
import type { CommandIo } from '../io.ts';
import { type GatewayOptions, requireGateway, startHint } from '../talk-address.ts';

export interface AdminOptions extends GatewayOptions {
  /** Default: of the environment, `GREENROOM_ADMIN_TOKEN`, else `GREENROOM_TOKEN`. */
  readonly token?: string | undefined;
}

export interface AdminQuestion {
  readonly url: URL;
  readonly token: string | undefined;
}

/** Throws `gateway_unreachable`, and `bad_usage` for what is no URL. */
export async function adminQuestion(
  path: string,
  options: AdminOptions,
  io: CommandIo,
): Promise<AdminQuestion> {
  const { url } = await requireGateway(options, io);
  const token = options.token ?? io.env['GREENROOM_ADMIN_TOKEN'] ?? io.env['GREENROOM_TOKEN'];
  return { url: gatewayUrl(url, path), token };
}

/** An answer that is small, as text. Throws what the gateway says. */
export async function answerTo(question: AdminQuestion, scope: Scope, limitMs: number): Promise<string> {
  const asked = await ask(question, scope, limitMs);
  if (asked.state === 'silent') throw unreachable(asked.why);
  if (asked.status === 200) return asked.text;
  throw refused(question, asked.status, asked.text);
}

/** What an answer that is none means, with the next step. */
export function refused({ url, token }: AdminQuestion, status: number, text: string): GreenroomError {
  const error = refusalOf({ socketUrl: url.href, status, text });
  if (error.code !== 'unauthorized') return error;
  const give = token === undefined ? 'give one' : 'give another';
  const message = `${error.message}; ${give} of an administrator with --token, or in GREENROOM_ADMIN_TOKEN`;
  return new GreenroomError(error.code, message, { details: error.details, cause: error });
}

export const unreachable = (why: string, cause?: unknown): GreenroomError =>
  new GreenroomError('gateway_unreachable', `${why}${certificateHint(cause) || `; ${startHint}`}`, { cause });
