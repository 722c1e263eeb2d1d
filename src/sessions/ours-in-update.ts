// What a `session.update` of a bridged call holds for the gateway alone: `session.greenroom` and `session.resumption`.
// Upstream would refuse them. Pure.
import { isObject, type JsonObject, objectAt } from '../wire/json.ts';
import type { WireError } from '../wire/server-events.ts';

export type Ours =
  | { readonly state: 'none'; readonly event: JsonObject }
  /** Without it, as it is to travel. */
  | {
      readonly state: 'ours';
      readonly event: JsonObject;
      readonly text: string;
      /** Whether the session is to be recorded. */
      readonly record: boolean | undefined;
      /** Whether its caller may come back after a lost connection. */
      readonly resumption: boolean | undefined;
    }
  | { readonly state: 'refused'; readonly error: WireError };

export function withoutOurs(event: JsonObject): Ours {
  const { type, session } = event;
  if (type === 'session.update' && wantsWebm(session)) return { state: 'refused', error: noWebm(event) };
  if (type !== 'session.update' || !isObject(session) || !hasOurs(session)) return { state: 'none', event };
  const { greenroom, resumption, ...rest } = session;
  const record = switchIn(greenroom, 'record');
  const enabled = switchIn(resumption, 'enabled');
  if (record === 'odd') return refused(event, 'session.greenroom', 'record');
  if (enabled === 'odd') return refused(event, 'session.resumption', 'enabled');
  const left: JsonObject = { ...event, session: rest };
  const text = JSON.stringify(left);
  return {
    ...{ state: 'ours', event: left, text, record },
    // `null` clears, as everywhere.
    resumption: resumption === null ? false : enabled,
  };
}

const hasOurs = (session: JsonObject): boolean =>
  Object.hasOwn(session, 'greenroom') || Object.hasOwn(session, 'resumption');

function switchIn(given: unknown, name: string): boolean | undefined | 'odd' {
  if (given === undefined || given === null) return undefined;
  if (!isObject(given) || Object.keys(given).some((key) => key !== name)) return 'odd';
  const value = given[name] ?? undefined;
  return value === undefined || typeof value === 'boolean' ? value : 'odd';
}

function refused(event: JsonObject, param: string, name: string): Ours {
  const message = `Invalid value for '${param}': expected {"${name}":true} or {"${name}":false}.`;
  const eventId = typeof event['event_id'] === 'string' ? event['event_id'] : null;
  const error = { code: 'invalid_value', message, param, event_id: eventId };
  return { state: 'refused', error: { type: 'invalid_request_error', ...error } };
}

/** Ours as well, and nothing that can be taken out: what comes then is no audio to an upstream. */
export function wantsWebm(session: unknown): boolean {
  if (!isObject(session)) return false;
  return objectAt(session, 'audio', 'input', 'format')?.['type'] === 'audio/webm';
}

export const noWebmMessage =
  'audio/webm is decoded for pipelines of engines; a bridge gives audio on as it comes, and its upstream takes {"type":"audio/pcm","rate":24000}, {"type":"audio/pcmu"} and {"type":"audio/pcma"}';

function noWebm(event: JsonObject): WireError {
  const eventId = typeof event['event_id'] === 'string' ? event['event_id'] : null;
  const param = 'session.audio.input.format';
  return {
    type: 'invalid_request_error',
    code: 'invalid_value',
    message: noWebmMessage,
    param,
    event_id: eventId,
  };
}
