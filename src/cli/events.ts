// `greenroom events`: shows what happens on a gateway, as it happens, or publishes.
import { events as openEvents } from '../client/index.ts';
import { type Clock, systemClock } from '../lifecycle/clock.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import { Scope } from '../lifecycle/scope.ts';
import { connectFailure } from './connect-failure.ts';
import { Output } from './events/output.ts';
import { publish } from './events/publish.ts';
import { tail } from './events/tail.ts';
import type { CommandIo } from './io.ts';
import { TalkSocket } from './talk/socket.ts';
import { type GatewayOptions, requireGateway } from './talk-address.ts';

export interface EventsCommandOptions extends GatewayOptions {
  readonly since?: string | undefined;
  readonly snapshot?: boolean | undefined;
  /** Publish this file, `-` for standard input. */
  readonly publish?: string | undefined;
  /** Of what is published. */
  readonly topic?: string | undefined;
  /** Each line of what is published is a text. */
  readonly text?: boolean | undefined;
  readonly token?: string | undefined;
  readonly count?: number | undefined;
  readonly json?: boolean | undefined;
}

/** Until somebody ends it: a gateway that is started anew an hour later is one that is waited for. */
const reconnect = { attempts: Number.POSITIVE_INFINITY, totalMs: Number.POSITIVE_INFINITY, maxMs: 3000 };
/** As much as a screen and its scrolling; the gateway keeps the rest. */
const unread = { events: 10_000 };

/**
 * Returns 0 when who watches has seen enough, or everything was published; 1 when something was not. Throws what keeps it
 * from its work: `bad_usage`, `gateway_unreachable`, a refusal.
 */
export async function events(
  topics: readonly string[],
  options: EventsCommandOptions,
  io: CommandIo,
  clock: Clock = systemClock,
): Promise<number> {
  const { since, snapshot, count, json = false, token = io.env['GREENROOM_TOKEN'] } = options;
  checkUsage(topics, options);
  const found = await requireGateway(options, io);
  const scope = new Scope('events', { clock, kind: 'command' });
  const interrupt = () => void scope.close('done');
  io.signal.addEventListener('abort', interrupt, { once: true });
  try {
    if (options.publish !== undefined)
      return await publish(
        { file: options.publish, topic: options.topic, text: options.text, token, json },
        found.url,
        io,
        scope,
      );
    const output = new Output(io.streams?.out ?? process.stdout);
    try {
      const stream = openEvents(found.url, {
        ...(topics.length > 0 && { topics }),
        ...{ since, snapshot, token, reconnect, unread, signal: io.signal, WebSocket: TalkSocket },
      });
      await tail(stream, { json, count }, { io, output, clock });
      await stream.closed;
    } finally {
      output.end();
    }
    return 0;
  } catch (thrown) {
    throw thrown instanceof GreenroomError ? connectFailure(thrown, found, token) : thrown;
  } finally {
    io.signal.removeEventListener('abort', interrupt);
    await scope.close('done');
  }
}

function checkUsage(topics: readonly string[], options: EventsCommandOptions): void {
  const { publish: file, since, snapshot, count, topic, text } = options;
  if (file === undefined && topic !== undefined)
    throw new GreenroomError(
      'bad_usage',
      '--topic is for --publish; the topics to watch are given without it',
    );
  if (text && (file === undefined || topic === undefined))
    throw new GreenroomError('bad_usage', '--text is for --publish with --topic: a text names no topic');
  const watching = topics.length > 0 || since !== undefined || snapshot || count !== undefined;
  if (file !== undefined && watching)
    throw new GreenroomError(
      'bad_usage',
      '--publish goes with --topic and --text only; topics, --since, --snapshot and --count are for watching',
    );
}
