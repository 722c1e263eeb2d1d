// What somebody asks of sessions in the query of a URL, checked. Pure.
import { GreenroomError } from '../lifecycle/errors.ts';
import { type ExportFormat, exportFormats, wordsIn } from '../store/archive.ts';
import type { RouteCall } from './route-table.ts';

export interface SessionQuestion {
  readonly state: 'open' | 'ended' | 'all';
  readonly pipeline?: string | undefined;
  readonly sinceMs?: number | undefined;
  readonly untilMs?: number | undefined;
  readonly words?: readonly string[] | undefined;
  readonly cursor?: number | undefined;
  readonly limit?: number | undefined;
}

type Query = RouteCall['query'];

const states = ['open', 'ended', 'all'] as const;
const limitMax = 1000;
const textMax = 1000;

/** Throws `invalid_request`. */
export function sessionQuestion(query: Query): SessionQuestion {
  const sinceMs = timeIn('since', query('since'));
  const untilMs = timeIn('until', query('until'));
  const words = soughtIn(query('q'));
  const cursor = wholeNumber('cursor', query('cursor'), 0, Number.MAX_SAFE_INTEGER);
  // Who looks for something looks at everything; who asks nothing wants to know who is here.
  const looking = [sinceMs, untilMs, words, cursor].some((given) => given !== undefined);
  const state = query('state') ?? (looking ? 'all' : 'open');
  return {
    ...{ state: oneOf('state', state, states), pipeline: query('pipeline'), sinceMs, untilMs, words, cursor },
    limit: limitIn(query('limit')),
  };
}

/** 1 to 1000. Throws `invalid_request`. */
export const limitIn = (given: string | undefined): number | undefined =>
  wholeNumber('limit', given, 1, limitMax);

/** Throws `invalid_request`. */
export const cursorIn = (given: string | undefined): number =>
  wholeNumber('cursor', given, 0, Number.MAX_SAFE_INTEGER) ?? 0;

/** Throws `invalid_request`. */
export const formatIn = (given: string | undefined): ExportFormat =>
  oneOf('format', given ?? 'json', exportFormats);

/** A take of the session. Throws `invalid_request`. */
export const takeIn = (given: string | undefined): number | null =>
  wholeNumber('take', given, 1, 999_999_999) ?? null;

function soughtIn(given: string | undefined): readonly string[] | undefined {
  if (given === undefined) return undefined;
  const words = wordsIn(given.slice(0, textMax));
  if (words.length > 0) return words;
  throw refused('q', 'at least one word', given);
}

function timeIn(name: string, given: string | undefined): number | undefined {
  if (given === undefined) return undefined;
  const ms = /^\d{1,15}$/.test(given) ? Number(given) : Date.parse(given);
  if (Number.isFinite(ms)) return ms;
  throw refused(name, 'ms since the epoch, or a time such as 2026-01-31 or 2026-01-31T12:00:00Z', given);
}

function wholeNumber(name: string, given: string | undefined, min: number, max: number): number | undefined {
  if (given === undefined) return undefined;
  const value = Number(given);
  if (/^\d{1,16}$/.test(given) && value >= min && value <= max) return value;
  throw refused(name, `a whole number from ${min} to ${max}`, given);
}

function oneOf<Word extends string>(name: string, given: string, words: readonly Word[]): Word {
  const word = words.find((one) => one === given);
  if (word !== undefined) return word;
  throw refused(name, `one of ${words.join(', ')}`, given);
}

function refused(name: string, expected: string, given: string): GreenroomError {
  const message = `${name}: expected ${expected}, got ${JSON.stringify(given.slice(0, 60))}`;
  return new GreenroomError('invalid_request', message, { details: { param: name } });
}
