// A frame of a client's becomes an event, or a coded error that names the parameter and the client's event id. Never
// throws, and does no work that is not bounded by the frame: it runs on the loop that serves everybody.
import type { core } from 'zod';
import { type ClientEvent, type ClientEventOf, clientEventSchema, eventIdCharsMax } from './client-schema.ts';
import { isObject, type JsonObject } from './json.ts';
import { type LongEvent, withTexts } from './long-event.ts';
import type { WireError } from './server-events.ts';

export type { ClientEvent } from './client-schema.ts';

export type ParsedClientEvent =
  | { readonly state: 'event'; readonly event: ClientEvent }
  | { readonly state: 'refused'; readonly error: WireError };

/** Of a frame, without the base64 in it: parsing 20 MiB of braces takes seconds. */
const charsMax = 1024 * 1024;
/** Every value is looked at some times over: a frame of nothing but crumbs would hold the loop. */
const valuesMax = 20_000;
const tooLargeMessage = `The event is over ${charsMax} characters, base64 of audio not counted.`;
/** A string from this length on may be bulk, if it is nothing but base64. */
const bulkCharsMin = 64 * 1024;
/** What nests deeper cannot be written out again by JSON.stringify at some point. */
const levelsMax = 64;
const shownCharsMax = 100;

export function parseClientEvent(frame: string): ParsedClientEvent {
  const parsed = parseFrame(frame);
  return parsed.state === 'refused' ? parsed : judge(parsed.given, frame.length > charsMax);
}

/** The audio in it stays a mark. */
export function parseLongEvent({ text, bulks }: LongEvent): ParsedClientEvent {
  const parsed = parseFrame(text);
  return parsed.state === 'refused' ? parsed : judge(withTexts(parsed.given, bulks), true);
}

export type ParsedFrame =
  | { readonly state: 'object'; readonly given: JsonObject }
  | { readonly state: 'refused'; readonly error: WireError };

/** Any JSON object that takes bounded work to read, and can be written out again; what is in it is not judged. */
export function parseFrame(frame: string): ParsedFrame {
  if (frame.length > charsMax && isBulky(frame)) return tooLarge();
  if (frame.length > bulkCharsMin && holdsOver(frame, valuesMax)) return tooMany();
  let given: unknown;
  try {
    given = JSON.parse(frame);
  } catch (error) {
    return refuse('invalid_json', `The frame is not JSON: ${(error as Error).message}`, null, null);
  }
  if (!isObject(given))
    return refuse('invalid_event', "A client event is a JSON object with a 'type'.", null, null);
  if (isDeep(given, levelsMax)) {
    return refuse(
      'invalid_event',
      `The event nests deeper than ${levelsMax} levels.`,
      null,
      eventIdOf(given),
    );
  }
  return { state: 'object', given };
}

function tooMany(): Extract<ParsedFrame, { state: 'refused' }> {
  const message = `The event has over ${valuesMax} values in it.`;
  return refuse('event_too_large', message, null, null);
}

/** Whether there are more commas outside of its texts. */
function holdsOver(frame: string, max: number): boolean {
  let values = 0;
  for (let at = 0; at < frame.length && values <= max; at += 1) {
    const code = frame.charCodeAt(at);
    if (code === 0x22) at = endOfText(frame, at);
    else if (code === 0x2c) values += 1;
  }
  return values > max;
}

/** Of the text that begins there. */
function endOfText(frame: string, from: number): number {
  for (let at = frame.indexOf('"', from + 1); at !== -1; at = frame.indexOf('"', at + 1)) {
    let escapes = 0;
    while (frame.charCodeAt(at - 1 - escapes) === 0x5c) escapes += 1;
    if (escapes % 2 === 0) return at;
  }
  return frame.length;
}

/** There is more in it beside base64 than is looked at. */
export function tooLarge(): Extract<ParsedFrame, { state: 'refused' }> {
  return refuse('event_too_large', tooLargeMessage, null, null);
}

function judge(given: object, large: boolean): ParsedClientEvent {
  if (isAppend(given)) return { state: 'event', event: given };
  const eventId = eventIdOf(given);
  // Of the others none has audio in it.
  if (large && (given as { type?: unknown }).type !== 'conversation.item.create') {
    return refuse('event_too_large', tooLargeMessage, null, eventId);
  }
  const parsed = clientEventSchema().safeParse(given);
  if (parsed.success) return { state: 'event', event: parsed.data };
  return refuseIssue(parsed.error.issues[0], given, eventId);
}

/** The one frequent event, fifty a second and caller, is judged by hand; odd ones are left to the schema. */
function isAppend(given: object): given is ClientEventOf<'input_audio_buffer.append'> {
  const { type, audio, event_id } = given as Readonly<Record<string, unknown>>;
  if (type !== 'input_audio_buffer.append' || typeof audio !== 'string') return false;
  if (event_id !== undefined && eventIdOf(given) === null) return false;
  return Object.keys(given).length === (event_id === undefined ? 2 : 3);
}

function eventIdOf(given: object): string | null {
  const id = (given as { event_id?: unknown }).event_id;
  return typeof id === 'string' && id.length <= eventIdCharsMax ? id : null;
}

/** Whether more than `charsMax` is left when the long base64 strings are taken out. Looks at each character once. */
function isBulky(frame: string): boolean {
  let rest = 0;
  for (let at = 0; at < frame.length && rest <= charsMax; ) {
    const quote = frame.indexOf('"', at);
    const end = quote === -1 ? frame.length : quote;
    // Some clients write `\/` for `/`.
    const bulk = end - at >= bulkCharsMin && !/[^A-Za-z0-9+/=\\]/.test(frame.slice(at, end));
    if (!bulk) rest += end - at + 1;
    at = end + 1;
  }
  return rest > charsMax;
}

function isDeep(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeep(inner, levels - 1));
}

function refuseIssue(
  issue: core.$ZodIssue | undefined,
  given: object,
  eventId: string | null,
): ParsedClientEvent {
  if (!issue) return refuse('invalid_event', 'The event does not fit the schema.', null, eventId);
  const path = issue.path.map(String).join('.');
  if (issue.code === 'unrecognized_keys') {
    const name = short([path, issue.keys[0]].filter(Boolean).join('.'));
    return refuse('unknown_parameter', `Unknown parameter: '${name}'.`, name, eventId);
  }
  const name = short(path);
  const value = valueAt(given, issue.path);
  if (value === undefined) {
    return refuse('missing_required_parameter', `Missing required parameter: '${name}'.`, name, eventId);
  }
  const why = issue.message.replace(/^Invalid [a-z ]+[:.] /i, '');
  return refuse('invalid_value', `Invalid value ${shown(value)} for '${name}': ${why}.`, name, eventId);
}

function valueAt(given: object, path: readonly PropertyKey[]): unknown {
  let value: unknown = given;
  for (const key of path) value = (value as Readonly<Record<PropertyKey, unknown>>)[key];
  return value;
}

function shown(value: unknown): string {
  if (typeof value === 'string') return `'${short(value)}'`;
  return short(JSON.stringify(value));
}

function short(text: string): string {
  return text.length > shownCharsMax ? `${text.slice(0, shownCharsMax)}…` : text;
}

function refuse(
  code: string,
  message: string,
  param: string | null,
  eventId: string | null,
): Extract<ParsedClientEvent, { state: 'refused' }> {
  return {
    state: 'refused',
    error: { type: 'invalid_request_error', code, message, param, event_id: eventId },
  };
}
