// The words the schema is written in: sections that know their keys, durations, sizes, choices, names. Each puts
// its own sentence into the error, and what editors need into the JSON Schema.
import * as z from 'zod';
import type { ListenAddress } from './listen.ts';
import { parseListen } from './listen.ts';
import { didYouMean } from './suggest.ts';
import type { Parsed } from './units.ts';
import { durationMsMax, formatDuration, formatSize, parseDuration, parseSize } from './units.ts';

/** Words that are known to have no meaning yet or here, each with the sentence that is said instead. */
export type Refused = Readonly<Record<string, string>>;

/** Words with a meaning that this version does not have yet. */
export const notYet = (words: readonly string[]): Refused =>
  Object.fromEntries(
    words.map((word) => [word, `\`${word}\` is not in this version of greenroom; it comes in a later one`]),
  );

/** An object with exactly these keys. Unknown ones are told one by one, with the nearest known key. */
export function section<Shape extends z.core.$ZodLooseShape>(
  shape: Shape,
  description: string,
  refused: Refused = {},
) {
  const known = Object.keys(shape);
  return z
    .strictObject(shape, {
      error: (issue) =>
        issue.code === 'unrecognized_keys'
          ? issue.keys.map((key: string) => unknownKey(key, known, refused)).join('\n')
          : undefined,
    })
    .describe(description);
}

/** One message per line of an `unrecognized_keys` issue, in the order of its `keys`. */
function unknownKey(key: string, known: readonly string[], refused: Refused): string {
  if (Object.hasOwn(refused, key)) return refused[key]!;
  const hint = didYouMean(key, known);
  return hint === '' ? `unknown key; known here: ${known.join(', ')}` : `unknown key${hint}`;
}

/** One of these words. */
export function choice<const Words extends readonly [string, ...string[]]>(
  words: Words,
  description: string,
  refused: Refused = {},
) {
  const expected = words.length === 1 ? `expected "${words[0]}"` : `expected one of ${words.join(', ')}`;
  return z
    .enum(words, {
      error: ({ input }) => {
        if (input === undefined) return `is missing; ${expected}`;
        if (typeof input !== 'string') return expected;
        if (Object.hasOwn(refused, input)) return refused[input];
        return `${expected}, got ${JSON.stringify(input.slice(0, 60))}${didYouMean(input, words)}`;
      },
    })
    .describe(description);
}

/** The union's own message where one of its branches is meant: its issues are the ones to tell. */
export const seeBranch = (index: number): string => `see branch ${index}`;

/** Undefined for every other message. */
export function branchToSee(message: string): number | undefined {
  const index = /^see branch (-?\d+)$/.exec(message)?.[1];
  return index === undefined ? undefined : Number(index);
}

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A duration in the file, milliseconds after parsing. */
export function duration(
  written: string,
  description: string,
  { minMs = 0, maxMs = durationMsMax }: { readonly minMs?: number; readonly maxMs?: number } = {},
) {
  const parse = (value: unknown): Parsed<number> => {
    const parsed = parseDuration(value, Math.max(maxMs, durationMsMax));
    if (!parsed.ok || (parsed.value >= minMs && parsed.value <= maxMs)) return parsed;
    return {
      ok: false,
      problem: `from ${formatDuration(minMs)} to ${formatDuration(maxMs)}, got ${String(value)}`,
    };
  };
  const pattern = '^(0|\\d+(\\.\\d+)?(ms|s|m|h|d))$';
  return parsedBy(parse, { description, type: ['string', 'integer'], pattern }).prefault(written);
}

/** The same with nothing in its place where it is left out. */
export function notGiven<Value extends z.core.SomeType>(withDefault: z.ZodPrefault<Value>) {
  return z.optional(withDefault.unwrap());
}

/** A size in the file, bytes after parsing. */
export function size(written: string, description: string, bytesMin = 1) {
  const parse = (value: unknown): Parsed<number> => {
    const parsed = parseSize(value);
    if (!parsed.ok || parsed.value >= bytesMin) return parsed;
    return { ok: false, problem: `at least ${formatSize(bytesMin)}, got ${String(value)}` };
  };
  const pattern = '^\\d+(\\.\\d+)?([kKMGT]i?B|B)?$';
  return parsedBy(parse, { description, type: ['string', 'integer'], pattern }).prefault(written);
}

export function listenAddress(written: string, description: string) {
  return parsedBy<ListenAddress>(parseListen, { description, type: ['string', 'integer'] }).prefault(written);
}

/** A name of an engine or pipeline: it stands in paths, variables and topics. */
const namePattern = /^[a-z0-9][a-z0-9_-]{0,63}$/;

const nameRule = 'a name is 1 to 64 small letters, digits, - and _, and begins with a letter or digit';

/** Things by name. */
export function named<Value extends z.core.SomeType>(value: Value, description: string) {
  return z.record(z.string().regex(namePattern, nameRule), value).describe(description);
}

export function text(description: string, lengthMax = 4096) {
  return z.string().min(1).max(lengthMax).describe(description);
}

export function wholeNumber(min: number, max: number, description: string) {
  return z.int().min(min).max(max).describe(description);
}

function parsedBy<Value>(
  parse: (written: unknown) => Parsed<Value>,
  meta: Readonly<Record<string, unknown>>,
) {
  return z
    .unknown()
    .transform((written, context): Value => {
      const parsed = parse(written);
      if (parsed.ok) return parsed.value;
      context.issues.push({ code: 'custom', message: parsed.problem, input: written });
      return z.NEVER;
    })
    .meta(meta);
}
