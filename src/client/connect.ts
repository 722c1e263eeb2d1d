// The door of the client: from what the user gives to a connection that is being opened.
import { RealtimeConnection } from './connection.ts';
import { type ConnectOptions, checkedOptions } from './options.ts';
import { type ClientWorld, pageWorld } from './timers.ts';

/**
 * Begins to connect, and returns at once. Throws `bad_usage` for options that cannot be used, and for unknown ones.
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
  return new RealtimeConnection(checkedOptions(options), world);
}
