// The one place where what a host says enters: whatever runs in an engine can write to where its messages come from, so
// each is checked completely. Pure, and never throws. Costs a chunk a few comparisons: its samples are not looked at.
import { type ChatPart, capabilities, isRate, rateExpected } from '../contract.ts';
import { secretCharsMax } from '../shown.ts';
import type { Frames, FromHost } from './protocol.ts';

export const partExpected =
  '{ text }, { toolCall } with texts as id, name and arguments, or { finish, usage } with numbers';
/** Of what an engine counts. */
const usageMax = 64;

export type Parsed =
  | { readonly state: 'ours'; readonly message: FromHost }
  /** No message of this protocol: a library in a thread may talk over the same port. */
  | { readonly state: 'stray' }
  /** It claims to be one of ours and is not. `what` may hold what the engine knows: to be masked, then cut. */
  | { readonly state: 'odd'; readonly what: string };

type Value = Readonly<Record<string, unknown>>;
type Check = (value: unknown) => boolean;
const reasons: readonly unknown[] = ['contract', 'load', 'passing'];

interface Field {
  readonly name: string;
  readonly of: (message: Value) => unknown;
  readonly fits: Check;
  readonly expected: string;
}

const field = (name: string, expected: string, fits: Check): Field => ({
  ...{ name, expected, fits },
  of: (message) => message[name],
});
/** Of a piece of an answer. */
const part = (name: string, expected: string, fits: Check): Field => ({
  ...{ name: `value.${name}`, expected, fits },
  of: ({ value }) => (value as Value | null | undefined)?.[name],
});
const text = (name: string) => field(name, 'a text', (value) => typeof value === 'string');
const id = field('id', 'a whole number', Number.isSafeInteger);

const fields: Readonly<Record<FromHost['type'], readonly Field[]>> = {
  hello: [],
  progress: [
    field('fraction', 'from 0 to 1', (value) => typeof value === 'number' && value >= 0 && value <= 1),
    field('text', 'a text or null', (value) => value === null || typeof value === 'string'),
  ],
  loaded: [
    field('offers', `a list of ${capabilities.join(', ')}`, areOffers),
    field('concurrency', 'a whole number from 1', (value) => Number.isInteger(value) && Number(value) >= 1),
  ],
  load_failed: [
    field('reason', reasons.join(' or '), (value) => reasons.includes(value)),
    text('message'),
    text('stack'),
  ],
  chunk: [id, part('pcm', 'an Int16Array', isPcm), part('rate', rateExpected, isRate)],
  part: [id, field('value', partExpected, isChatPart)],
  heard: [
    id,
    part('text', 'a text', (value) => typeof value === 'string'),
    part('final', 'true or false', (value) => typeof value === 'boolean'),
  ],
  vector: [id, field('value', 'a Float32Array with something in it', isVector)],
  given: [id],
  pushed: [id, field('value', 'a list of { speech } with a number each', areFrames)],
  ended: [id],
  call_failed: [id, text('message'), text('stack')],
};
const fieldsOf: ReadonlyMap<unknown, readonly Field[]> = new Map(Object.entries(fields));

export function parseFromHost(came: unknown): Parsed {
  if (typeof came !== 'object' || came === null) return { state: 'stray' };
  const { type } = came as Value;
  const expected = fieldsOf.get(type);
  if (!expected) return { state: 'stray' };
  for (const { name, of, fits, expected: fitting } of expected) {
    const value = of(came as Value);
    if (fits(value)) continue;
    const what = `a message \`${type}\` came whose \`${name}\` is ${described(value)}, not ${fitting}`;
    return { state: 'odd', what };
  }
  return { state: 'ours', message: came as FromHost };
}

/** Also for the host. */
export function isChatPart(value: unknown): value is ChatPart {
  if (typeof value !== 'object' || value === null) return false;
  const { text, toolCall, finish, usage } = value as Value;
  if (text !== undefined) return typeof text === 'string';
  if (toolCall === undefined) return typeof finish === 'string' && isUsage(usage);
  const { id: callId, name, arguments: given } = (toolCall ?? {}) as Value;
  return [callId, name, given].every((each) => typeof each === 'string');
}

/** Also for the host. Not in memory that the engine can still change. */
export function isVector(value: unknown): value is Float32Array {
  return value instanceof Float32Array && value.length > 0 && value.buffer instanceof ArrayBuffer;
}

function isUsage(value: unknown): boolean {
  if (value === undefined) return true;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const counts = Object.values(value);
  return counts.length <= usageMax && counts.every(Number.isFinite);
}

/** Also for the host: what it lets through fits here. A hole in a list is no frame. */
export function areFrames(value: unknown): value is Frames {
  if (!Array.isArray(value)) return false;
  for (let at = 0; at < value.length; at += 1)
    if (!Number.isFinite((value[at] as Frames[0] | null | undefined)?.speech)) return false;
  return true;
}

function areOffers(value: unknown): boolean {
  if (!Array.isArray(value) || value.length === 0 || value.length > capabilities.length) return false;
  return Array.from(value).every((offer) => capabilities.includes(offer));
}

/** Not in memory that the engine can still change: a host sends none such. */
function isPcm(value: unknown): boolean {
  return value instanceof Int16Array && value.buffer instanceof ArrayBuffer;
}

/** Without asking the value: how it becomes a text may be a part of it, or take for ever. */
function described(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 2 * secretCharsMax));
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  return typeof value === 'bigint' ? 'a bigint' : String(value);
}
