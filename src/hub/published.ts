// What a producer sent, read: an envelope, or an event as it is. The data goes on byte for byte. Pure.
//
// Any JSON value is an event. Of an object with a string `topic` and a `data`, the data is the inner value; every other
// object is the data itself, of the topic that its `machine_name` says. What is no object has no name: a number, a text
// or an array (which is one event: in NDJSON a line is one) goes to `default`.
import { isUtf8 } from 'node:buffer';
import type { ErrorCode } from '../lifecycle/codes.ts';
import { type ErrorDetails, GreenroomError } from '../lifecycle/errors.ts';
import { type Members, membersOf, type Names, namesOf, type Span } from './json-span.ts';
import { dataBytesMax, type ReadPublication } from './publication.ts';
import { isReserved, reservedPrefix, topicProblem } from './topic.ts';

export interface ReadOptions {
  /** Everything is data, whatever it looks like. Default false. */
  readonly raw?: boolean;
  /** The topic, whatever the event says. */
  readonly as?: string | undefined;
}

/** Of a message `{"type":"publish",...}`, and what its sender calls it. */
export type ReadPublish = ReadPublication & { readonly ref: string | number | undefined };

/** Of producers who name no topic. */
const defaultTopic = 'default';
/** Keys are kept for as long as their topics' newest events are. */
const keyBytesMax = 255;

const shownMax = 80;
const eventNames = namesOf('topic', 'data', 'key', 'machine_name');
const messageNames = namesOf('type', 'topic', 'key', 'data', 'ref', 'machine_name');
const machineName = namesOf('machine_name');

/** `event` is not kept; what is good refers to it. Never throws. */
export function readPublication(event: Uint8Array, options: ReadOptions = {}): ReadPublication {
  return outcomeOf(() => {
    const bytes = bufferOf(event);
    const read = parts(bytes, eventNames);
    const { topic, data, key, machine_name } = read.members;
    const given = options.raw || !data ? undefined : text(bytes, topic);
    if (data === undefined || given === undefined)
      return publication(bytes, read.value, options.as ?? text(bytes, machine_name), null);
    const other = read.other ?? (machine_name && 'machine_name');
    if (other !== undefined)
      throw strange(other, 'an event with `topic` and `data` has `key` beside them', true);
    return publication(bytes, data, options.as ?? given, keyOf(bytes, key));
  });
}

/** Of a WebSocket: `{"type":"publish","topic"?,"key"?,"data":...,"ref"?}`. Never throws. */
export function readPublish(message: Uint8Array): ReadPublish {
  const bytes = bufferOf(message);
  let ref: string | number | undefined;
  const read = outcomeOf(() => {
    const { kind, members, other } = parts(bytes, messageNames);
    ref = refOf(bytes, members.ref);
    const { topic, data, key, machine_name } = members;
    if (kind !== 'object' || !data)
      throw bad('bad_envelope', 'a publish message has a `data`, and this one has none');
    const strangeKey = other ?? (machine_name && 'machine_name');
    if (strangeKey !== undefined)
      throw strange(strangeKey, 'a publish message has `topic`, `key`, `data` and `ref`', false);
    const given = text(bytes, topic);
    if (topic && given === undefined) throw bad('invalid_topic', `the topic is to be a text, ${next}`);
    return publication(
      bytes,
      data,
      given ?? machineOf(bytes.subarray(data.start, data.end)),
      keyOf(bytes, key),
    );
  });
  return { ...read, ref };
}

/** Of JSON that was made here, and need not be read again. `data` is not kept. Never throws. */
export function publicationOf(topic: string, data: Buffer, key: string | null): ReadPublication {
  return outcomeOf(() => {
    // Whoever writes JavaScript is held to neither type.
    if (typeof topic !== 'string') throw bad('invalid_topic', `the topic is to be a text, ${next}`);
    return publication(data, { start: 0, end: data.length }, topic, key === null ? null : checkedKey(key));
  });
}

function outcomeOf(read: () => ReadPublication & { readonly state: 'good' }): ReadPublication {
  try {
    return read();
  } catch (thrown) {
    if (thrown instanceof GreenroomError) return { state: 'bad', error: thrown };
    throw thrown;
  }
}

type Good = Extract<ReadPublication, { state: 'good' }>;

function publication(bytes: Buffer, { start, end }: Span, topic = defaultTopic, key: string | null): Good {
  checkTopic(topic);
  const data = bytes.subarray(start, end);
  if (data.length <= dataBytesMax) return { state: 'good', publication: { topic, key, data } };
  const message = `the event has ${data.length} bytes, and ${dataBytesMax} are the most; send less, or where it can be fetched`;
  throw bad('event_too_large', message, { limit: dataBytesMax });
}

/** Whether others may publish there. Throws `invalid_topic` and `topic_reserved`. */
export function checkTopic(topic: string): void {
  const problem = topicProblem(topic) ?? (topic.isWellFormed() ? undefined : 'it has half a character');
  const shown = JSON.stringify(topic.slice(0, shownMax));
  if (problem !== undefined) throw bad('invalid_topic', `${shown} is no topic: ${problem}; ${next}`);
  if (!isReserved(topic)) return;
  const message = `topic ${shown}: what begins with ${reservedPrefix} is the gateway's own; take another name`;
  throw bad('topic_reserved', message);
}

const next = 'a topic is tokens separated by dots, such as "machine.state"';

function parts<Name extends string>(
  bytes: Buffer,
  names: Names<Name>,
): Extract<Members<Name>, { state: 'json' }> {
  if (!isUtf8(bytes)) {
    const at = brokenAt(bytes);
    throw bad('invalid_event', `byte ${at + 1} is not UTF-8: 0x${bytes.toString('hex', at, at + 1)}`, { at });
  }
  const read = membersOf(bytes, names);
  if (read.state === 'json') return read;
  const { at } = read;
  const found = [...bytes.toString('utf8', at, at + 4)][0];
  const another = `byte ${at + 1} begins another value; several are an array, or NDJSON (one a line, of type application/x-ndjson)`;
  const what =
    found === undefined
      ? `it ends after ${at} bytes`
      : /[}\]]\s*$/.test(bytes.toString('latin1', Math.max(0, at - 8), at)) && /[[{]/.test(found)
        ? another
        : `byte ${at + 1} is not expected: ${JSON.stringify(found)}`;
  throw bad('invalid_event', `this is not JSON: ${what}`, { at });
}

/** The first byte that is no text: the others come out again as they went in. */
function brokenAt(bytes: Buffer): number {
  const replacement = '\uFFFD';
  const decoded = bytes.toString('utf8');
  let at = 0;
  for (let from = 0; ; ) {
    const found = decoded.indexOf(replacement, from);
    at += Buffer.byteLength(decoded.slice(from, found === -1 ? undefined : found));
    const real = bytes.toString('latin1', at, at + 3) === '\xEF\xBF\xBD';
    if (found === -1 || !real) return at;
    at += 3;
    from = found + 1;
  }
}

/** Undefined when it is no string. */
function text(bytes: Buffer, span: Span | undefined): string | undefined {
  if (span === undefined || bytes[span.start] !== 0x22) return undefined;
  return JSON.parse(bytes.toString('utf8', span.start, span.end)) as string;
}

function machineOf(bytes: Buffer): string | undefined {
  const read = membersOf(bytes, machineName);
  return read.state === 'json' ? text(bytes, read.members.machine_name) : undefined;
}

/** None, or null: the topic is its own key. */
function keyOf(bytes: Buffer, span: Span | undefined): string | null {
  if (span === undefined || bytes.toString('latin1', span.start, span.end) === 'null') return null;
  return checkedKey(text(bytes, span));
}

function checkedKey(key: string | undefined): string {
  if (typeof key === 'string' && Buffer.byteLength(key) <= keyBytesMax) return key;
  throw bad('bad_envelope', `the \`key\` is to be a text of ${keyBytesMax} bytes at most`);
}

function refOf(bytes: Buffer, span: Span | undefined): string | number | undefined {
  if (span === undefined || span.end - span.start > refBytesMax) return undefined;
  const ref: unknown = JSON.parse(bytes.toString('utf8', span.start, span.end));
  return typeof ref === 'string' || typeof ref === 'number' ? ref : undefined;
}

/** It is sent back. */
const refBytesMax = 1024;

function strange(key: string, allowed: string, rawHelps: boolean): GreenroomError {
  const shown = JSON.stringify(key.slice(0, shownMax));
  const other = rawHelps ? '; to publish it as it is, ask with `raw=1`, or put it into `data`' : '';
  return bad('bad_envelope', `${allowed}, not ${shown}${other}`, { key: key.slice(0, shownMax) });
}

function bad(code: ErrorCode, message: string, details: ErrorDetails = {}): GreenroomError {
  return new GreenroomError(code, message, { details });
}

const bufferOf = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
