// What `events` is given, and what becomes of it: checked, with its defaults. Pure; throws `bad_usage`.
import { GreenroomError } from '../../lifecycle/errors.ts';
import { parseEventId } from '../../wire/hub.ts';
import { eventsUrl, httpUrl } from '../address.ts';
import { aFunction, anObject, aString, check, checkAll, type Rule, type Rules } from '../given.ts';
import type { LifeWorld } from '../life-states.ts';
import { flag, isSignal, policyOf, reconnectRule, waitMs } from '../options.ts';
import type { ReconnectPolicy } from '../retry.ts';
import type { SocketClass } from '../socket.ts';
import type { Place } from './place.ts';
import type { UnreadLimits } from './unread.ts';

export interface EventsOptions {
  /** Names and patterns: `*` stands for one token, `>` at the end for all that follow. Default: all that the token may. */
  readonly topics?: readonly string[] | undefined;
  /** The last id that you have had: everything after it comes first. Default: from now on. */
  readonly since?: string | undefined;
  /** The newest event of each topic first. Default false. */
  readonly snapshot?: boolean | undefined;
  /** What the gateway does when we are too slow: send us away, to come back (`evict`), skip, or keep the newest of each key. */
  readonly policy?: 'evict' | 'skip' | 'conflate' | undefined;
  /** An id of your own for this watcher: 1 to 64 letters, digits, `.`, `_` or `-`. Default: the gateway gives one. */
  readonly client?: string | undefined;
  /** Of the caller surface; of an administrator for `greenroom.>`. */
  readonly token?: string | undefined;
  /** As of `connect`: how often and how long to come back, or `false`. */
  readonly reconnect?: boolean | Partial<ReconnectPolicy> | undefined;
  /** Default `websocket`. */
  readonly transport?: 'websocket' | 'sse' | undefined;
  /** Closes when it aborts. */
  readonly signal?: AbortSignal | undefined;
  /** Default: the global one. One that can `pause` (`ws`) is not read while too much is unread. */
  readonly WebSocket?: SocketClass | undefined;
  /** Of server-sent events, and what is sent beside them. Default: the global one. */
  readonly fetch?: typeof fetch | undefined;
  /**
   * Whether the gateway may ask how far we are: it is told the last event that the reader is done with, and measures the
   * true latency. Default true over a WebSocket, false over server-sent events, where each answer is a request.
   */
  readonly pings?: boolean | undefined;
  /** What may wait unread, see `HubStream`. Default 100,000 events, 16 Mi characters. */
  readonly unread?: Partial<UnreadLimits> | undefined;
  /** How long the gateway may take to open. Default 15,000. */
  readonly openTimeoutMs?: number | undefined;
}

/** Every option as it is used. */
export interface CheckedEvents {
  readonly transport: 'websocket' | 'sse';
  /** Of the endpoint, for a WebSocket, as it was given. */
  readonly base: string;
  /** None: all that the token may. */
  readonly topics: readonly string[];
  readonly since: string | undefined;
  readonly snapshot: boolean;
  readonly client: string | undefined;
  readonly policy: string | undefined;
  readonly token: string | undefined;
  readonly pings: boolean;
  readonly Socket: SocketClass | undefined;
  readonly fetch: typeof fetch;
  readonly signal: AbortSignal | undefined;
  readonly unread: UnreadLimits;
  readonly life: Omit<LifeWorld, 'nowMs' | 'random' | 'url'>;
}

const unreadDefaults: UnreadLimits = { events: 100_000, characters: 16 * 1024 * 1024 };
/** A gateway closes within a second of its goodbye. */
const farewellMs = 1500;
const slowClose = 4408;

const word = (...words: readonly string[]): Rule => ({
  expected: words.map((one) => JSON.stringify(one)).join(' or '),
  fits: (value) => words.includes(value as string),
});
const atLeastOne: Rule = {
  expected: 'a finite number from 1 on',
  fits: (value) => Number.isFinite(value) && (value as number) >= 1,
};
const topicList: Rule = {
  expected: 'a list of topics, at least one',
  fits: (value) => Array.isArray(value) && value.length > 0,
};
const topicText: Rule = {
  expected: 'a topic without a comma (several are several elements)',
  fits: (value) => typeof value === 'string' && /^[^,]+$/.test(value),
};
const clientName: Rule = {
  expected: '1 to 64 letters, digits, `.`, `_` or `-`',
  fits: (value) => typeof value === 'string' && /^[\w.-]{1,64}$/.test(value),
};
const eventId: Rule = {
  expected: 'the id of an event, EPOCH.NUMBER',
  fits: (value) => typeof value === 'string' && parseEventId(value) !== undefined,
};

const rules: Rules<EventsOptions> = {
  topics: topicList,
  since: eventId,
  snapshot: flag,
  policy: word('evict', 'skip', 'conflate'),
  client: clientName,
  token: { ...aString, secret: true },
  reconnect: reconnectRule,
  transport: word('websocket', 'sse'),
  signal: { expected: 'an AbortSignal', fits: isSignal },
  WebSocket: { ...aFunction, expected: 'a class' },
  fetch: aFunction,
  pings: flag,
  unread: anObject,
  openTimeoutMs: waitMs,
};
const unreadRules: Rules<UnreadLimits> = { events: atLeastOne, characters: atLeastOne };

export function checkTopics(topics: readonly string[]): void {
  check('topics', topics, topicList);
  for (const [at, topic] of topics.entries()) check(`topics[${at}]`, topic, topicText);
}

export function checkedEvents(url: string, given: EventsOptions): CheckedEvents {
  check('url', url, aString);
  const options = checkAll('', given, rules);
  const { topics, transport = 'websocket', reconnect = true, openTimeoutMs = 15_000 } = options;
  if (topics) checkTopics(topics);
  const page = globalThis as { WebSocket?: SocketClass; fetch?: typeof fetch };
  const Socket = options.WebSocket ?? page.WebSocket;
  if (transport === 'websocket' && !Socket)
    throw new GreenroomError(
      'bad_usage',
      'there is no global WebSocket here; pass one, or take transport: "sse"',
    );
  const request = options.fetch ?? page.fetch;
  if (!request) throw new GreenroomError('bad_usage', 'there is no global fetch here; pass one');
  const policy = policyOf(reconnect);
  const { since, client, token, signal } = options;
  return {
    ...{ transport, base: eventsUrl(url), topics: [...(topics ?? [])], since, client, token, signal, Socket },
    ...{ snapshot: options.snapshot ?? false, policy: options.policy },
    pings: options.pings ?? transport === 'websocket',
    // Called as a method of something else a browser's throws.
    fetch: (...args) => request(...args),
    unread: { ...unreadDefaults, ...checkAll('unread', options.unread ?? {}, unreadRules) },
    life: {
      ...{ reconnect: policy, shutdown: policy ? 'wait' : 'end', alsoPassing: [slowClose] },
      ...{ openTimeoutMs, closeGraceMs: 1000, farewellMs },
    },
  };
}

/** What the next connection asks for. */
export function dialUrl(
  { base, transport, policy, pings, token }: CheckedEvents,
  { topics, place, client }: { topics: readonly string[]; place: Place; client: string | undefined },
): string {
  const url = new URL(transport === 'sse' ? httpUrl(base) : base);
  const query = url.searchParams;
  if (topics.length > 0) query.set('topics', topics.join(','));
  if (place.since !== null) query.set('since', place.since);
  if (place.wantsSnapshot) query.set('snapshot', '1');
  if (client !== undefined) query.set('client', client);
  if (policy !== undefined) query.set('policy', policy);
  if (pings) query.set('ping', '1');
  // A browser can send no headers with a WebSocket.
  if (token !== undefined && transport === 'websocket') query.set('token', token);
  return url.href;
}
