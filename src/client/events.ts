// What a connection tells: the events of the gateway, and those that the client makes itself (`client.*`). Parsing goes
// as far as the client relies on: an event this version does not know is passed on as it came.
import type { ServerEvent } from '../wire/server-events.ts';
import type { ConnectionState } from './life-states.ts';
import type { Continuation } from './resumption.ts';
import { type EndCause, hintOf } from './retry.ts';

export type ReceivedEvent = ServerEvent & { readonly event_id: string };

/** A frame that is no event. The connection goes on; whoever sent it is not a gateway, or something is between. */
export interface ClientFault {
  readonly type: 'client.fault';
  readonly code: 'protocol_error';
  readonly message: string;
}

/** The connection's state has another word now; or it is still `reconnecting`, and the next attempt is announced. */
export interface ClientState {
  readonly type: 'client.state';
  readonly state: ConnectionState;
  readonly before: ConnectionState;
  /** In words. */
  readonly reason: string;
  /** Of a connection that has closed. */
  readonly cause: EndCause | null;
  /** Of one that is open: `resumed`, it goes on with the session of before, and its items are told once more. */
  readonly conversation: Continuation | null;
  /** While reconnecting: which attempt comes next, from 1, and in how many ms. */
  readonly attempt: number | null;
  readonly retryMs: number | null;
}

/** Speech that was not sent, because it was too old, too much, or kept when the connection closed. */
export interface ClientAudioDropped {
  readonly type: 'client.audio_dropped';
  readonly ms: number;
  readonly bytes: number;
  readonly why: 'age' | 'bytes' | 'closed';
}

/**
 * What became of a line: the server has shown it; it has refused it, or there was no room to keep it; or the connection
 * has closed before it was sent, or before anybody could know.
 */
export interface ClientLine {
  readonly type: 'client.line';
  readonly itemId: string;
  readonly state: 'delivered' | 'refused' | 'undelivered' | 'unconfirmed';
  /** In words; null where there is nothing to say. */
  readonly reason: string | null;
}

export type ClientMade = ClientFault | ClientState | ClientAudioDropped | ClientLine;
export type ConnectionEvent = ReceivedEvent | ClientMade;
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
  if (isOurs(event as ReceivedEvent)) return fault(`an event that only the client tells: ${shown(data)}`);
  return event as ReceivedEvent;
}

/** From the server, and not made here. */
export function isReceived(event: ConnectionEvent): event is ReceivedEvent {
  return !isOurs(event);
}

/** What the gateway says when it leaves, if this is that. */
export function goodbyeIn(
  event: ConnectionEvent,
): { readonly message: string; readonly retryMs: number | null } | undefined {
  if (event.type !== 'greenroom.notice' || event.code !== 'server_shutdown') return undefined;
  const message = typeof event.message === 'string' ? event.message : 'the gateway is leaving';
  return { message, retryMs: hintOf(event.retry_ms) };
}

const isOurs = ({ type }: ConnectionEvent) => type.startsWith('client.');

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
