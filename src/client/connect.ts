// The door of the client: from what the user gives to a connection that is being opened.
import { GreenroomError } from '../lifecycle/errors.ts';
import { type AddressOptions, realtimeUrl, subprotocols } from './address.ts';
import { RealtimeConnection } from './connection.ts';
import type { SocketClass } from './socket.ts';

export interface ConnectOptions extends AddressOptions {
  /** `ws://`, `wss://`, `http://` or `https://`; without a path `/v1/realtime` is meant. */
  readonly url: string;
  /** The pipeline; the gateway's default when left out. */
  readonly model?: string | undefined;
  /** Of the caller surface. Travels as a subprotocol, since browsers can send no headers. */
  readonly token?: string | undefined;
  /** Ask for the gateway's own notices, the lobby's among them. Default true. */
  readonly notices?: boolean | undefined;
  /** Default: the global one. */
  readonly WebSocket?: SocketClass | undefined;
  /** How long the gateway may take to open. Default 15,000. */
  readonly openTimeoutMs?: number | undefined;
  /** How long the server may take to answer a close. Default 1000. */
  readonly closeGraceMs?: number | undefined;
}

/**
 * Begins to connect, and returns at once. Throws `bad_usage` for a URL or token that cannot be used.
 *
 * ```ts
 * const connection = connect({ url: 'ws://127.0.0.1:7460' });
 * connection.on('response.output_audio_transcript.done', ({ transcript }) => console.log(transcript));
 * await connection.opened;
 * connection.say('Hello.');
 * ```
 */
export function connect(options: ConnectOptions): RealtimeConnection {
  const { token, openTimeoutMs = 15_000, closeGraceMs = 1000 } = options;
  const url = realtimeUrl(options);
  const protocols = subprotocols(token);
  const Socket = options.WebSocket ?? (globalThis as { WebSocket?: SocketClass }).WebSocket;
  if (!Socket) throw new GreenroomError('bad_usage', 'there is no global WebSocket here; pass one');
  const socket = new Socket(url, protocols);
  return new RealtimeConnection({ url, socket, token, openTimeoutMs, closeGraceMs });
}
