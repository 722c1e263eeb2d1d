// What keeps a command from its gateway, with what to do about it.
import { GreenroomError, toGreenroomError } from '../lifecycle/errors.ts';
import { certificateHint } from './certificate-hint.ts';
import { type GatewayFound, startHint } from './talk-address.ts';

/** The same error, its sentence carried to an end. `token`: the one that was brought. */
export function connectFailure(
  thrown: unknown,
  found: GatewayFound,
  token: string | undefined,
): GreenroomError {
  const error = toGreenroomError(thrown);
  const { code, details, message } = error;
  const guess = found.state === 'guessed' && code === 'gateway_unreachable' ? `${found.why}, and ` : '';
  return new GreenroomError(code, guess + message + hintOf(error, token), { details, cause: error });
}

function hintOf(error: GreenroomError, token: string | undefined): string {
  switch (error.code) {
    case 'gateway_unreachable':
      return certificateHint(error) || `; ${startHint}`;
    case 'unauthorized':
      return `; ${token === undefined ? 'give one' : 'give another'} with --token, or in GREENROOM_TOKEN`;
    default:
      return '';
  }
}
