// The error base. A GreenroomError carries a code from the closed table, a message with the facts (names, ids,
// ms, limits, pids) and structured details; everything thrown by us is one, or is wrapped in one at an edge.
import { type ErrorCode, factsOf } from './codes.ts';

export type ErrorDetails = Readonly<Record<string, unknown>>;

/** `{"error": {...}}`, the body of every HTTP error. */
export interface ErrorBody {
  readonly error: {
    readonly code: ErrorCode;
    readonly message: string;
    readonly type: string;
    readonly details: ErrorDetails;
  };
}

export class GreenroomError extends Error {
  override readonly name = 'GreenroomError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, options: { details?: ErrorDetails; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
  }

  get httpStatus(): number {
    return factsOf(this.code).http;
  }

  get closeCode(): number {
    return factsOf(this.code).close;
  }

  get exitCode(): number {
    return factsOf(this.code).exit;
  }

  toBody(): ErrorBody {
    const { code, message, details } = this;
    return { error: { code, message, type: factsOf(code).type, details } };
  }
}

/** Whatever was thrown, as one of ours; a stranger becomes `fallback` with the original kept as its cause. */
export function toGreenroomError(thrown: unknown, fallback: ErrorCode = 'internal_error'): GreenroomError {
  if (thrown instanceof GreenroomError) return thrown;
  return new GreenroomError(fallback, messageOf(thrown), { cause: thrown });
}

export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
