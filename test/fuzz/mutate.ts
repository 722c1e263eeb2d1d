// Makes valid things wrong in one place or a few: a key gone or misspelt, another type, too long, too deep, too many.
// The same seed makes the same mistakes.
import fc from 'fast-check';

type Json = unknown;

const oddities: readonly Json[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e308,
  '',
  'x'.repeat(5000),
  '\u0000',
  '\uD800',
  '../../etc/passwd',
  '__proto__',
  [],
  {},
  [[[[[[[[]]]]]]]],
  { __proto__: { polluted: true }, constructor: 1 },
  Array.from({ length: 200 }, (_, index) => index),
];

/** Applies `count` mistakes to a copy. `random` gives whole numbers below its argument. */
export function mutate(value: Json, random: (below: number) => number, count: number): Json {
  let mutated = structuredClone(value);
  for (let done = 0; done < count; done += 1) mutated = mistake(mutated, random, 0);
  return mutated;
}

function mistake(value: Json, random: (below: number) => number, depth: number): Json {
  const deeper = typeof value === 'object' && value !== null && depth < 8 && random(4) > 0;
  if (!deeper) return oddities[random(oddities.length)];
  if (Array.isArray(value)) return mistakeInList(value, random, depth);
  const entries = Object.entries(value);
  if (entries.length === 0) return { [`k${random(9)}`]: oddities[random(oddities.length)] };
  const at = random(entries.length);
  const [key = '', inner] = entries[at] ?? [];
  switch (random(6)) {
    case 0:
      return Object.fromEntries(entries.toSpliced(at, 1));
    case 1:
      return Object.fromEntries(entries.with(at, [`${key}x`, inner]));
    case 2:
      return { ...value, [`unknown_${random(9)}`]: inner };
    default:
      return { ...value, [key]: mistake(inner, random, depth + 1) };
  }
}

function mistakeInList(list: readonly Json[], random: (below: number) => number, depth: number): Json {
  if (list.length === 0) return [oddities[random(oddities.length)]];
  const at = random(list.length);
  if (random(3) === 0) return [...list, ...list, ...list];
  return list.with(at, mistake(list[at], random, depth + 1));
}

/** A small generator of its own for each seed (mulberry32), so that one number repeats a whole run. */
export function seeded(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** Short texts of every kind. */
export const someText = (seed: number): string =>
  fc.sample(fc.string({ unit: 'grapheme', maxLength: 40 }), { seed, numRuns: 1 })[0] ?? '';
