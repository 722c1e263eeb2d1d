// What `connect` is given, and what becomes of it: checked, with its defaults. Undefined is the default, everything else
// has to fit. Pure; throws `bad_usage`.
import { GreenroomError } from '../lifecycle/errors.ts';
import { type AddressOptions, realtimeUrl, subprotocols } from './address.ts';
import {
  aFunction,
  anObject,
  aString,
  check,
  checkAll,
  isFields,
  type Rule,
  type Rules,
  timerMsMax,
} from './given.ts';
import type { LifeWorld } from './life-states.ts';
import { type KeepLimits, keepDefaults } from './outgoing.ts';
import { type ReconnectPolicy, reconnectDefaults } from './retry.ts';
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
  /**
   * What to do when a connection that was open is lost (1005, 1006, 1011 to 1014): come back, to a new session, or
   * `false`. A refusal (1008, 44xx, HTTP 401, 403, 404) is never asked again, and neither is a first connection.
   */
  readonly reconnect?: boolean | Partial<ReconnectPolicy> | undefined;
  /**
   * Come back to the same session, where the gateway still has it (`sessions.resume`, 30 s by default): it tells the
   * items that there are once more, and goes on. `client.state` says whether it did. Default false: to a new one.
   */
  readonly resume?: boolean | undefined;
  /**
   * When the gateway says that it leaves: `end`, or `wait` for the next one, within `reconnect`; then what is said from
   * its notice on is kept for the next one. Default `end`.
   */
  readonly onShutdown?: 'end' | 'wait' | undefined;
  /** What is kept while it cannot be sent. */
  readonly keep?: Partial<KeepLimits> | undefined;
  /** Closes when it aborts. */
  readonly signal?: AbortSignal | undefined;
  /** Default: the global one. */
  readonly WebSocket?: SocketClass | undefined;
  /** How long the gateway may take to open. Default 15,000; at most 2,147,483,647. */
  readonly openTimeoutMs?: number | undefined;
  /** How long the server may take to answer a close. Default 1000; at most 2,147,483,647. */
  readonly closeGraceMs?: number | undefined;
}

/** Every option as it is used. */
export interface CheckedOptions {
  readonly url: string;
  readonly protocols: string[];
  readonly token: string | undefined;
  readonly Socket: SocketClass;
  readonly life: Omit<LifeWorld, 'nowMs' | 'random' | 'url'>;
  readonly keep: KeepLimits;
  readonly resume: boolean;
  readonly signal: AbortSignal | undefined;
}

/** A gateway closes within a second of its notice. */
const farewellMs = 1500;

export const waitMs: Rule = {
  expected: `a number of ms from 0 to ${timerMsMax}`,
  fits: (value) => typeof value === 'number' && value >= 0 && value <= timerMsMax,
};
/** Infinity too: an attempt without end is one that somebody may want. */
const count: Rule = {
  expected: 'a number from 0 on',
  fits: (value) => typeof value === 'number' && value >= 0,
};
/** Memory is never without a bound. */
const bound: Rule = {
  expected: 'a finite number from 0 on',
  fits: (value) => Number.isFinite(value) && (value as number) >= 0,
};
export const flag: Rule = { expected: 'true or false', fits: (value) => typeof value === 'boolean' };
export const reconnectRule: Rule = {
  expected: 'true, false or an object',
  fits: (value) => typeof value === 'boolean' || isFields(value),
};

const optionRules: Rules<ConnectOptions> = {
  url: aString,
  model: aString,
  token: { ...aString, secret: true },
  notices: flag,
  reconnect: reconnectRule,
  resume: flag,
  onShutdown: { expected: '"end" or "wait"', fits: (value) => value === 'end' || value === 'wait' },
  keep: anObject,
  signal: { expected: 'an AbortSignal', fits: isSignal },
  WebSocket: { ...aFunction, expected: 'a class' },
  openTimeoutMs: waitMs,
  closeGraceMs: waitMs,
};
const reconnectRules: Rules<ReconnectPolicy> = {
  ...{ attempts: count, totalMs: count },
  ...{ firstMs: waitMs, maxMs: waitMs },
};
const keepRules: Rules<KeepLimits> = { audioMs: bound, audioBytes: bound, lines: bound, characters: bound };

export function checkedOptions(given: ConnectOptions): CheckedOptions {
  const options = checkAll('', given, optionRules);
  check('url', options.url, aString);
  const { token, signal, reconnect = true, onShutdown: shutdown = 'end', keep = {} } = options;
  const { openTimeoutMs = 15_000, closeGraceMs = 1000, resume = false } = options;
  const Socket = options.WebSocket ?? (globalThis as { WebSocket?: SocketClass }).WebSocket;
  if (!Socket) throw new GreenroomError('bad_usage', 'there is no global WebSocket here; pass one');
  const policy = policyOf(reconnect);
  const life = {
    // Whoever does not come back has nobody to wait for.
    ...({ reconnect: policy, shutdown: policy ? shutdown : 'end' } as const),
    ...{ openTimeoutMs, closeGraceMs, farewellMs },
  };
  return {
    ...{ url: realtimeUrl(options), protocols: subprotocols(token), token, Socket, life, signal, resume },
    keep: { ...keepDefaults, ...checkAll('keep', keep, keepRules) },
  };
}

export function policyOf(given: boolean | Partial<ReconnectPolicy>): ReconnectPolicy | null {
  if (typeof given !== 'boolean')
    return { ...reconnectDefaults, ...checkAll('reconnect', given, reconnectRules) };
  return given ? reconnectDefaults : null;
}

/** By what it can do: one of another frame of the page is as good. */
export function isSignal(value: unknown): boolean {
  const { aborted, addEventListener, removeEventListener } = (value ?? {}) as Partial<AbortSignal>;
  return typeof aborted === 'boolean' && [addEventListener, removeEventListener].every(aFunction.fits);
}
