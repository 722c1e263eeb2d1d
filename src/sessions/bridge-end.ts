// How a bridged call ends when its upstream does.
import { type ErrorCode, factsOf } from '../lifecycle/codes.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import type { CloseReason } from '../lifecycle/reasons.ts';

/** An end that is upstream's own, handed on with its close code. */
class HandedOn extends GreenroomError {
  readonly #closeCode: number;

  constructor(code: ErrorCode, message: string, closeCode: number) {
    super(code, message);
    this.#closeCode = closeCode;
  }

  override get closeCode(): number {
    return this.#closeCode;
  }
}

export function bridgeEnd(
  code: ErrorCode,
  message: string,
  closeCode: number | null,
): [CloseReason, GreenroomError] {
  if (closeCode === null) return ['engine_failed', new GreenroomError(known(code), message)];
  const reason = closeCode === 1000 ? 'done' : code === 'session_expired' ? 'deadline' : 'engine_failed';
  return [reason, new HandedOn(known(code), message, closeCode)];
}

/** An engine's failure may come with a word of its own. */
const known = (code: ErrorCode): ErrorCode => (factsOf(code) ? code : 'engine_stopped');
