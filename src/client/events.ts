// What a connection tells: the events of the gateway, and the one kind that the client makes itself. Parsing only goes
// as far as the client relies on: an event this version does not know is passed on as it came.
import type { ServerEvent } from '../wire/server-events.ts';

export type ReceivedEvent = ServerEvent & { readonly event_id: string };

/** A frame that is no event. The connection goes on; whoever sent it is not a gateway, or something is between. */
export interface ClientFault {
  readonly type: 'client.fault';
  readonly code: 'protocol_error';
  readonly message: string;
}

export type ConnectionEvent = ReceivedEvent | ClientFault;
export type EventType = ConnectionEvent['type'];

/** The event with one type: `EventOf<'response.done'>`. */
export type EventOf<T extends EventType> = ConnectionEvent extends infer E
  ? E extends { readonly type: infer U }
    ? T extends U
      ? E & { readonly type: T }
      : never
    : never
  : never;

const shownMax = 80;

export function readEvent(data: unknown): ConnectionEvent {
  if (typeof data !== 'string') return fault('a binary frame; the Realtime wire has none');
  const event = parseJson(data);
  if (event === undefined) return fault(`a frame that is not JSON: ${shown(data)}`);
  if (typeof event !== 'object' || event === null || typeof (event as ReceivedEvent).type !== 'string') {
    return fault(`a frame that is no event (an object with a type): ${shown(data)}`);
  }
  return event as ReceivedEvent;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return undefined;
    throw thrown;
  }
}

function fault(what: string): ClientFault {
  return { type: 'client.fault', code: 'protocol_error', message: `the server sent ${what}` };
}

function shown(text: string): string {
  return JSON.stringify(text.length > shownMax ? `${text.slice(0, shownMax)}…` : text);
}
