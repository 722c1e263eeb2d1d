// What a `session.update` of a bridged call holds for the gateway alone: `session.greenroom`. Upstream would refuse it. Pure.
import { isObject, type JsonObject, objectAt } from '../wire/json.ts';
import type { WireError } from '../wire/server-events.ts';

export type Ours =
  | { readonly state: 'none'; readonly event: JsonObject }
  /** Without it, as it is to travel. `record`: whether the session is to be recorded. */
  | {
      readonly state: 'ours';
      readonly event: JsonObject;
      readonly text: string;
      readonly record: boolean | undefined;
    }
  | { readonly state: 'refused'; readonly error: WireError };

export function withoutOurs(event: JsonObject): Ours {
  const { type, session } = event;
  if (type === 'session.update' && wantsWebm(session)) return { state: 'refused', error: noWebm(event) };
  if (type !== 'session.update' || !isObject(session) || !Object.hasOwn(session, 'greenroom'))
    return { state: 'none', event };
  const { greenroom, ...rest } = session;
  const wanted = greenroom === null ? {} : greenroom;
  const { record = null, ...unknown } = isObject(wanted) ? wanted : { odd: wanted };
  const [name] = Object.keys(unknown);
  if (name !== undefined || (record !== null && typeof record !== 'boolean')) {
    const param = 'session.greenroom';
    const message = `Invalid value for '${param}': expected {"record":true} or {"record":false}.`;
    const eventId = typeof event['event_id'] === 'string' ? event['event_id'] : null;
    const error = { code: 'invalid_value', message, param, event_id: eventId };
    return { state: 'refused', error: { type: 'invalid_request_error', ...error } };
  }
  const left: JsonObject = { ...event, session: rest };
  return { state: 'ours', event: left, text: JSON.stringify(left), record: record ?? undefined };
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
