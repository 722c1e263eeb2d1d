// One question to a gateway over HTTP, with a time limit. A task of the command's scope: it is over when that is.
import { readStart } from '../client/http-body.ts';
import { networkReason } from '../client/refusal.ts';
import { Deadline } from '../lifecycle/deadline.ts';
import { GreenroomError, messageOf } from '../lifecycle/errors.ts';
import type { Scope } from '../lifecycle/scope.ts';
import { certificateHint } from './certificate-hint.ts';

export interface Question {
  readonly url: URL;
  readonly method?: 'GET' | 'POST';
  readonly token?: string | undefined;
  readonly body?: { readonly type: string; readonly bytes: Uint8Array } | undefined;
}

export type Asked =
  | { readonly state: 'answered'; readonly status: number; readonly text: string }
  /** `why` is a sentence's beginning: who was asked, and what came instead of an answer. */
  | { readonly state: 'silent'; readonly why: string };

export async function ask(question: Question, scope: Scope, limitMs: number): Promise<Asked> {
  const { url } = question;
  const task = scope.spawn(`ask ${url.host}`, (signal) => fetched(question, signal));
  const limit = new Deadline(scope.clock, limitMs);
  const waited = await limit.wait(task.done);
  limit.dispose();
  if (waited.state === 'expired') {
    await task.cancel('deadline');
    return { state: 'silent', why: `${url.href} did not answer within ${Math.round(limitMs)} ms` };
  }
  const outcome = waited.state === 'done' ? waited.value : ({ state: 'cancelled' } as const);
  if (outcome.state === 'done') return outcome.value;
  const error = outcome.state === 'failed' ? outcome.error : undefined;
  const why = error ? (networkReason(error) || messageOf(error)) + certificateHint(error) : 'interrupted';
  return { state: 'silent', why: `no gateway answers at ${url.origin}: ${why}` };
}

/** A path of the gateway that is named by any of its URLs. Throws `bad_usage`. */
export function gatewayUrl(given: string, path: string): URL {
  const spelled = given.replace(/^ws/, 'http');
  if (URL.canParse(spelled) && /^https?:/.test(spelled)) return new URL(path, spelled);
  const message = `${JSON.stringify(given)} is not a URL; expected one such as http://127.0.0.1:7460`;
  throw new GreenroomError('bad_usage', message);
}

async function fetched({ url, method = 'GET', token, body }: Question, signal: AbortSignal): Promise<Asked> {
  const headers = {
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...(body && { 'content-type': body.type }),
  };
  const sent = body && { body: body.bytes as Uint8Array<ArrayBuffer> };
  const response = await fetch(url, { method, headers, signal, redirect: 'manual', ...sent });
  return { state: 'answered', status: response.status, text: await readStart(response) };
}
