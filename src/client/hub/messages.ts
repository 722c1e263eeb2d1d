// What a gateway sends on `/v1/events`, read as far as the client relies on it. Pure; bad input is a value.
import { type HubControl, type HubEvent, parseEventId } from '../../wire/hub.ts';
import { isFields } from '../given.ts';

/** An event as it came. */
export class ReceivedHubEvent implements HubEvent {
  readonly id: string;
  readonly topic: string;
  readonly ts: number;
  readonly data: unknown;
  readonly #raw: string;

  constructor({ id, topic, ts, data }: HubEvent, raw: string) {
    this.id = id;
    this.topic = topic;
    this.ts = ts;
    this.data = data;
    this.#raw = raw;
  }

  /** The whole message, byte for byte: `data` has lost digits where a number has more than JavaScript's have. */
  get raw(): string {
    return this.#raw;
  }
}

export type HubMessage =
  | { readonly kind: 'event'; readonly event: ReceivedHubEvent }
  | { readonly kind: 'control'; readonly control: HubControl }
  /** One of a later version. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'fault'; readonly message: string };

const shownMax = 80;

export function readHubMessage(text: unknown): HubMessage {
  if (typeof text !== 'string') return fault('a binary frame; there are none on /v1/events');
  const message = parsed(text);
  if (!isFields(message)) return fault(`what is no JSON object: ${shown(text)}`);
  const { id, topic, ts, type } = message;
  if (typeof type === 'string') return control(message, type, text);
  if (typeof id !== 'string' || typeof topic !== 'string' || typeof ts !== 'number' || !parseEventId(id))
    return fault(`what is neither an event nor a control message: ${shown(text)}`);
  return { kind: 'event', event: new ReceivedHubEvent(message as unknown as HubEvent, text) };
}

/** What each control message cannot do without. */
const needed: Readonly<Record<HubControl['type'], (fields: Readonly<Record<string, unknown>>) => boolean>> = {
  welcome: ({ epoch, head, client, gap, evicted }) =>
    [epoch, head, client].every(isString) &&
    (gap === undefined || isGap(gap)) &&
    (evicted === undefined || isFields(evicted)),
  gap: isGap,
  lag: ({ ms, events }) => typeof ms === 'number' && typeof events === 'number',
  ping: ({ id }) => isString(id),
  pong: () => true,
  subscribed: () => true,
  unsubscribed: () => true,
  published: ({ id }) => isString(id),
  error: ({ code, message }) => isString(code) && isString(message),
  bye: ({ code }) => typeof code === 'number',
};

function control(fields: Readonly<Record<string, unknown>>, type: string, text: string): HubMessage {
  if (!Object.hasOwn(needed, type)) return { kind: 'unknown' };
  if (!needed[type as HubControl['type']](fields))
    return fault(`a control message that lacks something: ${shown(text)}`);
  return { kind: 'control', control: fields as unknown as HubControl };
}

function isString(value: unknown): value is string {
  return typeof value === 'string';
}

function isGap(value: unknown): boolean {
  return isFields(value) && isString(value['from']) && isString(value['to']) && isString(value['reason']);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return undefined;
    throw thrown;
  }
}

const fault = (what: string): HubMessage => ({ kind: 'fault', message: `the server sent ${what}` });

function shown(text: string): string {
  return JSON.stringify(text.length > shownMax ? `${text.slice(0, shownMax)}…` : text);
}
