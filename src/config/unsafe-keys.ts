// `__proto__` as a key. The schema's records leave it out without a word, and whatever later assigns by key would lose
// it or change a prototype: it is refused wherever it stands. Every other name, `constructor` too, is a key like any.
import type { Path, Problem } from './problems.ts';

export function unsafeKeys(value: unknown, path: Path = []): Problem[] {
  if (typeof value !== 'object' || value === null) return [];
  const isList = Array.isArray(value);
  return Object.entries(value).flatMap(([key, inner]): Problem[] => {
    const here = [...path, isList ? Number(key) : key];
    return key === '__proto__'
      ? [{ path: here, message: 'no key can have this name; choose another', at: 'key' }]
      : unsafeKeys(inner, here);
  });
}
