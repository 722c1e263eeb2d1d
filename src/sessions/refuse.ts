// A caller that is not let in, or whose session could not be set up, is told why before its connection is closed.
import type { GreenroomError } from '../lifecycle/errors.ts';
import type { NewId } from '../wire/ids.ts';
import type { Transport } from './transport.ts';

/** Tells and closes. Returns why. */
export function refuse(transport: Transport, error: GreenroomError, newId: NewId): GreenroomError {
  tellError(transport, error, newId);
  transport.close(error.closeCode, closeReason(error.message));
  return error;
}

export function tellError(transport: Transport, { code, message }: GreenroomError, newId: NewId): void {
  const error = { type: 'server_error', code, message, param: null, event_id: null };
  const text = JSON.stringify({ event_id: newId('event'), type: 'error', error });
  transport.send(text, () => undefined);
}

/** At most 123 bytes fit into a close frame (RFC 6455, 5.5). */
export function closeReason(text: string): string {
  let reason = text;
  while (Buffer.byteLength(reason) > 123) reason = reason.slice(0, -1);
  return reason;
}
