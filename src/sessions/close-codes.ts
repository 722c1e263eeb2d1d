// The one place that says which close code a reason has.
import { type ErrorCode, factsOf } from '../lifecycle/codes.ts';
import type { CloseReason } from '../lifecycle/reasons.ts';

const closeCodes: Readonly<Record<CloseReason, ErrorCode | 1000>> = {
  done: 1000,
  client_left: 1000,
  client_lost: 'client_lost',
  server_shutdown: 'server_shutdown',
  setup_failed: 'internal_error',
  engine_failed: 'engine_exited',
  slow_client: 'slow_client',
  replaced: 'replaced',
  restarted: 'pipeline_restarted',
  deadline: 'deadline_exceeded',
  protocol_error: 'protocol_error',
  internal_error: 'internal_error',
};

export function closeCodeOf(reason: CloseReason): number {
  const code = closeCodes[reason];
  return code === 1000 ? 1000 : factsOf(code).close;
}

/** At most 123 bytes fit into a close frame (RFC 6455, 5.5). */
export function closeReason(text: string): string {
  let reason = text;
  while (Buffer.byteLength(reason) > 123) reason = reason.slice(0, -1);
  return reason;
}
