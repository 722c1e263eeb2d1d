// What a caller gives, checked at the moment it is given: later nobody would know whose it was. Pure; throws `bad_usage`
// that names what was given, what is expected and what came.
import { GreenroomError } from '../lifecycle/errors.ts';

/** What a value has to be. */
export interface Rule {
  readonly expected: string;
  readonly fits: (value: unknown) => boolean;
  /** What came is not shown. */
  readonly secret?: true;
}

export type Rules<T> = { readonly [Name in keyof T]-?: Rule };

/** What a timer can wait for, 24.8 days; it takes more for nothing at all. */
export const timerMsMax = 2 ** 31 - 1;

export const aString: Rule = { expected: 'a string', fits: (value) => typeof value === 'string' };
export const aFunction: Rule = { expected: 'a function', fits: (value) => typeof value === 'function' };
export const anObject: Rule = { expected: 'an object', fits: isFields };
/** By its name: one of another frame of the page is as good. */
export const int16: Rule = {
  expected: 'an Int16Array',
  fits: (value) => ArrayBuffer.isView(value) && tagOf(value) === 'Int16Array',
};

export const closeCode: Rule = {
  expected: '1000 or 3000 to 4999',
  fits: (code) => code === 1000 || (Number.isInteger(code) && Number(code) >= 3000 && Number(code) <= 4999),
};
export const anEvent: Rule = {
  expected: 'an object with a type',
  fits: (event) => isFields(event) && aString.fits(event['type']),
};

export function check(name: string, value: unknown, { expected, fits, secret }: Rule): void {
  if (fits(value)) return;
  const came = secret ? typeof value : shown(value);
  throw new GreenroomError('bad_usage', `${name}: expected ${expected}, got ${came}`);
}

/** A copy of what is given, every name and value of it checked; undefined is as good as nothing. */
export function checkAll<T extends object>(name: string, given: T, rules: Rules<T>): T {
  check(name || 'options', given, anObject);
  const prefix = name && `${name}.`;
  const known = Object.keys(rules);
  for (const [key, value] of Object.entries(given)) {
    if (known.includes(key) || value === undefined) continue;
    throw new GreenroomError('bad_usage', `${prefix}${key}: unknown; there are ${known.join(', ')}`);
  }
  const values = known.map((key) => [key, given[key as keyof T]] as const);
  const defined = values.filter(([, value]) => value !== undefined);
  for (const [key, value] of defined) check(`${prefix}${key}`, value, rules[key as keyof T]);
  return Object.fromEntries(defined) as T;
}

/** As JSON: once it is that, nothing can keep it from being sent. */
export function toJson(name: string, value: unknown): string {
  try {
    const json = JSON.stringify(value, noLoss) as string | undefined;
    if (json === undefined) throw new TypeError(`${shown(value)} is nothing that JSON can say`);
    return json;
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message.split('\n')[0] : String(thrown);
    throw new GreenroomError('bad_usage', `${name}: expected what JSON can say: ${why}`, { cause: thrown });
  }
}

export function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** JSON has null for what is no finite number, which means something else. */
function noLoss(key: string, value: unknown): unknown {
  if (typeof value !== 'number' || Number.isFinite(value)) return value;
  throw new RangeError(key === '' ? `it is ${value}` : `${key} is ${value}`);
}

const shownMax = 40;

function shown(value: unknown): string {
  if (typeof value === 'string')
    return JSON.stringify(value.length > shownMax ? `${value.slice(0, shownMax)}…` : value);
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object' || value === null) return String(value).slice(0, shownMax);
  const tag = tagOf(value);
  return `${/^[AEIOU]/.test(tag) ? 'an' : 'a'} ${tag}`;
}

const tagOf = (value: unknown) => Object.prototype.toString.call(value).slice(8, -1);
