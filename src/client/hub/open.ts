// The door of the hub's client: from what the user gives to a stream that is being opened.
import { type ClientWorld, pageWorld } from '../timers.ts';
import { checkedEvents, type EventsOptions } from './options.ts';
import { HubStream } from './stream.ts';

/**
 * The events of a gateway, over all reconnections. Begins to connect, and returns at once. Throws `bad_usage` for options
 * that cannot be used, and for unknown ones.
 *
 * ```ts
 * for await (const event of events('http://127.0.0.1:7460', { topics: ['machine.>'] })) {
 *   console.log(event.topic, event.data);
 * }
 * ```
 */
export function events(url: string, options: EventsOptions = {}): HubStream {
  return eventsIn(pageWorld, url, options);
}

/** The same, with time and chance given. */
export function eventsIn(world: ClientWorld, url: string, options: EventsOptions = {}): HubStream {
  return new HubStream(checkedEvents(url, options), world);
}
