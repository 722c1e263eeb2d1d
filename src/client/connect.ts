// The door of the client: from what the user gives to a connection that is being opened.
import { GreenroomError } from '../lifecycle/errors.ts';
import { type AddressOptions, realtimeUrl, subprotocols } from './address.ts';
import { RealtimeConnection } from './connection.ts';
import { type KeepLimits, keepDefaults } from './outgoing.ts';
import { type ReconnectPolicy, reconnectPolicy } from './retry.ts';
import type { SocketClass } from './socket.ts';
import { type ClientWorld, pageWorld } from './timers.ts';

export interface ConnectOptions extends AddressOptions {
  /** `ws://`, `wss://`, `http://` or `https://`; without a path `/v1/realtime` is meant. */
  readonly url: string;
  /** The pipeline; the gateway's default when left out. */
  readonly model?: string | undefined;
  /** Of the caller surface. Travels as a subprotocol, since browsers can send no headers. */
  readonly token?: string | undefined;
  /** Ask for the gateway's own notices, the lobby's among them. Default true. */
  readonly notices?: boolean | undefined;
  /**
   * What to do when a connection that was open is lost (1005, 1006, 1011 to 1014): come back, to a new session, or
   * `false`. A refusal (1008, 44xx, HTTP 401, 403, 404) is never asked again, and neither is a first connection.
   */
  readonly reconnect?: boolean | Partial<ReconnectPolicy> | undefined;
  /** When the gateway says that it leaves: `end`, or `wait` for the next one, within `reconnect`. Default `end`. */
  readonly onShutdown?: 'end' | 'wait' | undefined;
  /** What is kept while it cannot be sent. */
  readonly keep?: Partial<KeepLimits> | undefined;
  /** Closes when it aborts. */
  readonly signal?: AbortSignal | undefined;
  /** Default: the global one. */
  readonly WebSocket?: SocketClass | undefined;
  /** How long the gateway may take to open. Default 15,000. */
  readonly openTimeoutMs?: number | undefined;
  /** How long the server may take to answer a close. Default 1000. */
  readonly closeGraceMs?: number | undefined;
}

/** A gateway closes within a second of its notice. */
const farewellMs = 1500;

/**
 * Begins to connect, and returns at once. Throws `bad_usage` for options that cannot be used.
 *
 * ```ts
 * const connection = connect({ url: 'ws://127.0.0.1:7460' });
 * connection.on('response.output_audio_transcript.done', ({ transcript }) => console.log(transcript));
 * await connection.opened;
 * connection.say('Hello.');
 * ```
 */
export function connect(options: ConnectOptions): RealtimeConnection {
  return connectIn(pageWorld, options);
}

/** The same, with time and chance given. */
export function connectIn(world: ClientWorld, options: ConnectOptions): RealtimeConnection {
  const { token, signal, reconnect = true, onShutdown: shutdown = 'end', keep } = options;
  const { openTimeoutMs = 15_000, closeGraceMs = 1000 } = options;
  const Socket = options.WebSocket ?? (globalThis as { WebSocket?: SocketClass }).WebSocket;
  if (!Socket) throw new GreenroomError('bad_usage', 'there is no global WebSocket here; pass one');
  const life = { reconnect: reconnectPolicy(reconnect), shutdown, openTimeoutMs, closeGraceMs, farewellMs };
  return new RealtimeConnection({
    ...{ url: realtimeUrl(options), protocols: subprotocols(token), token },
    ...{ Socket, life, keep: { ...keepDefaults, ...keep }, signal, world },
  });
}
