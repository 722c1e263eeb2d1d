// What can still be told of a configuration whose schema is broken in places: what is wrong is taken out, and the rest
// is checked as if it were all. Problems that may only come from what was taken out are not told. Pure.
import { valueAt } from './explain.ts';
import type { Path, Problem } from './problems.ts';

/** A copy without the keys that are wrong; of a list none of it is left. What is missing stays missing. */
export function withoutBroken(input: unknown, broken: readonly Problem[]): unknown {
  const copy = structuredClone(input);
  for (const { path } of broken) {
    const upTo = path.findIndex((part) => typeof part === 'number');
    const whole = upTo === -1 ? path : path.slice(0, upTo);
    const holder = valueAt(copy, whole.slice(0, -1));
    if (typeof holder === 'object' && holder !== null)
      delete (holder as Record<string | number, unknown>)[whole.at(-1) ?? ''];
  }
  return copy;
}

/** Whether a problem of the rest would be one of the whole too. */
export function holdsAnyway({ path, code }: Problem, broken: readonly Problem[], input: unknown): boolean {
  if (code === 'secret_missing') return true;
  const touched = (...place: Path) =>
    broken.some((other) => place.every((part, at) => other.path[at] === part));
  switch (path[0]) {
    case 'listen':
      return !touched('listen') && !touched('auth') && !lost(broken);
    case 'engines':
      return path[2] !== 'port' || !touched('listen');
    case 'pipelines': {
      // What a task's schema says has nothing to do with what else there is.
      if (path[2] === 'tasks' && path[4] === 'schema') return true;
      const engine = valueAt(input, path);
      return !lost(broken) && !(typeof engine === 'string' && touched('engines', engine));
    }
    case 'aliases':
      return !lost(broken);
    default:
      return true;
  }
}

/** A whole section or something that has a name in it was taken out: others may name it. */
function lost(broken: readonly Problem[]): boolean {
  return broken.some(
    ({ path }) =>
      path.length < 2 || (path.length === 2 && (path[0] === 'engines' || path[0] === 'pipelines')),
  );
}
