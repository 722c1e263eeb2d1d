// A gateway that runs, as the commands ask it that look after one: found like everybody's, spoken to with an
// administrator's token.
import { refusedPost } from '../client/hub/failures.ts';
import { type Clock, systemClock } from '../lifecycle/clock.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import { Scope } from '../lifecycle/scope.ts';
import { ask, gatewayUrl } from './ask.ts';
import type { CommandIo } from './io.ts';
import { type GatewayOptions, requireGateway, startHint } from './talk-address.ts';

export interface RunningOptions extends GatewayOptions {
  readonly token?: string | undefined;
  readonly json?: boolean | undefined;
}

/** Throws what the gateway refused it with, and `gateway_unreachable`. */
export type AskGateway = <Answer>(path: string, post?: object) => Promise<Answer>;

/** A model's file may have to be looked at first. */
const answerWithinMs = 30_000;

/** Finds it, and closes whatever was asked when the command is over. Throws `gateway_unreachable`. */
export async function withGateway(
  options: RunningOptions,
  io: CommandIo,
  work: (askGateway: AskGateway, scope: Scope) => Promise<number>,
  clock: Clock = systemClock,
): Promise<number> {
  const found = await requireGateway(options, io);
  const scope = new Scope('command', { clock, kind: 'command' });
  const interrupt = () => void scope.close('done');
  io.signal.addEventListener('abort', interrupt, { once: true });
  const token = options.token ?? io.env['GREENROOM_ADMIN_TOKEN'];
  const askGateway: AskGateway = async (path, post) => {
    const url = gatewayUrl(found.url, path);
    if (io.signal.aborted) throw interrupted();
    const body = post && {
      type: 'application/json',
      bytes: new TextEncoder().encode(JSON.stringify(post)),
    };
    const asked = await ask(
      { url, token, ...(body && { method: 'POST' as const, body }) },
      scope,
      answerWithinMs,
    );
    if (io.signal.aborted) throw interrupted();
    if (asked.state === 'silent') {
      const why = found.state === 'guessed' ? `${found.why}, and ${asked.why}` : asked.why;
      throw new GreenroomError('gateway_unreachable', `${why}; ${startHint}`);
    }
    const { status, text } = asked;
    if ([401, 403].includes(status)) {
      const message = `${url.origin} takes this from an administrator only: --token, or GREENROOM_ADMIN_TOKEN`;
      throw new GreenroomError('unauthorized', message, { details: { status } });
    }
    if (status >= 300) throw refusedPost(url.href, status, text);
    return parsed(text, url);
  };
  try {
    return await work(askGateway, scope);
  } finally {
    io.signal.removeEventListener('abort', interrupt);
    await scope.close('done');
  }
}

const interrupted = () =>
  new GreenroomError('cancelled', 'interrupted: what was asked of the gateway still holds');

function parsed<Answer>(text: string, { href }: URL): Answer {
  try {
    return JSON.parse(text) as Answer;
  } catch (cause) {
    const message = `${href} answered what is no JSON, or is longer than is read of an answer (256 KiB)`;
    throw new GreenroomError('protocol_error', message, { cause });
  }
}
