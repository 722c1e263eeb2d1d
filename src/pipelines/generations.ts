// The generations of one pipeline, pure: which is current, which are built beside it, who uses which, and when one is
// closed. A session enters the generation that is current, and leaves that very one, whatever is restarted meanwhile.

/** `building`: beside the current one, which new callers still get. `draining`: for those only who were there before. */
export type GenerationWord = 'building' | 'current' | 'draining' | 'closed';

/** `replace`: the next is current at once. `seamless`: when it is ready. */
export type RestartMode = 'replace' | 'seamless';

export interface Generation {
  /** From 1. */
  readonly number: number;
  readonly state: Exclude<GenerationWord, 'closed'>;
  /** Ids of sessions. */
  readonly users: ReadonlySet<string>;
  /** When it came into its state. */
  readonly sinceMs: number;
}

/** Why the last that was built beside did not become current. */
export interface GenerationFailure {
  readonly generation: number;
  readonly code: string;
  readonly message: string;
}

export interface Generations {
  /** `removed`: from the configuration; what is left of it drains, and it may come back. */
  readonly state: 'open' | 'removed';
  /** The highest that was given. */
  readonly last: number;
  /** Those that are not closed, the oldest first. */
  readonly all: readonly Generation[];
  readonly failure: GenerationFailure | null;
}

export type GenerationEvent =
  | { readonly type: 'restart'; readonly mode: RestartMode }
  | { readonly type: 'ready'; readonly generation: number }
  | { readonly type: 'failed'; readonly generation: number; readonly code: string; readonly message: string }
  | { readonly type: 'entered'; readonly generation: number; readonly user: string }
  | { readonly type: 'left'; readonly generation: number; readonly user: string }
  /** It has drained for as long as it may. */
  | { readonly type: 'overdue'; readonly generation: number }
  | { readonly type: 'removed' };

export type GenerationEffect =
  | { readonly type: 'became'; readonly generation: number; readonly state: GenerationWord }
  /** Those who stay in one that drains. */
  | { readonly type: 'tell'; readonly generation: number; readonly users: readonly string[] }
  | { readonly type: 'evict'; readonly generation: number; readonly users: readonly string[] };

export type RestartRefusal = 'building' | 'too_many';

/** That are not closed, of one pipeline: each may hold engines of its own. */
export const generationsMax = 8;

export const noGenerations: Generations = { state: 'open', last: 0, all: [], failure: null };

interface Stepped {
  readonly line: Generations;
  readonly effects: readonly GenerationEffect[];
}

/** What stands against a restart; undefined: nothing. A `replace` gives up what is being built. */
export function restartRefusal(line: Generations, mode: RestartMode): RestartRefusal | undefined {
  if (mode === 'seamless' && line.all.some(({ state }) => state === 'building')) return 'building';
  // What is given up makes room for the next.
  const left = mode === 'replace' ? line.all.filter(({ state }) => state !== 'building') : line.all;
  return left.length >= generationsMax ? 'too_many' : undefined;
}

export function currentOf(line: Generations): Generation | undefined {
  return line.all.find(({ state }) => state === 'current');
}

export function nextGenerations(line: Generations, event: GenerationEvent, nowMs: number): Stepped {
  switch (event.type) {
    case 'restart':
      if (restartRefusal(line, event.mode)) return still(line);
      // Where there is none that new callers could be left with, the next is current at once.
      return restarted(line, currentOf(line) ? event.mode : 'replace', nowMs);
    case 'ready':
      return isBuilding(line, event.generation) ? succeeded(line, event.generation, nowMs) : still(line);
    case 'failed': {
      if (!isBuilding(line, event.generation)) return still(line);
      const { generation, code, message } = event;
      const { line: rest, effects } = without(line, ({ number }) => number === generation);
      return { line: { ...rest, failure: { generation, code, message } }, effects };
    }
    case 'entered':
      return still(using(line, event.generation, (users) => users.add(event.user)));
    case 'left': {
      const left = using(line, event.generation, (users) => users.delete(event.user));
      return without(left, isSpent);
    }
    case 'overdue': {
      const late = line.all.find(({ number, state }) => number === event.generation && state === 'draining');
      if (!late) return still(line);
      return { line, effects: [{ type: 'evict', generation: late.number, users: [...late.users] }] };
    }
    case 'removed': {
      const given = without({ ...line, state: 'removed' }, ({ state }) => state === 'building');
      return retired(given, nowMs);
    }
  }
}

function restarted(line: Generations, mode: RestartMode, nowMs: number): Stepped {
  const number = line.last + 1;
  const given =
    mode === 'replace' ? without(line, ({ state }) => state === 'building') : { line, effects: [] };
  const next: Generation = { number, state: 'building', users: new Set(), sinceMs: nowMs };
  // One that was removed may be back.
  const built: Generations = {
    ...{ state: 'open', last: number, failure: null },
    all: [...given.line.all, next],
  };
  if (mode === 'seamless')
    return { line: built, effects: [{ type: 'became', generation: number, state: 'building' }] };
  const { line: current, effects } = succeeded(built, number, nowMs);
  return { line: current, effects: [...given.effects, ...effects] };
}

/** The one that was built is current; the one before has only those who are in it. */
function succeeded(line: Generations, generation: number, nowMs: number): Stepped {
  const before = currentOf(line);
  const all = line.all.map((each): Generation => {
    if (each.number === generation) return { ...each, state: 'current', sinceMs: nowMs };
    return each === before ? { ...each, state: 'draining', sinceMs: nowMs } : each;
  });
  const became: GenerationEffect = { type: 'became', generation, state: 'current' };
  const { line: rest, effects } = drained({ ...line, all }, before);
  return { line: rest, effects: [became, ...effects] };
}

function retired({ line, effects }: Stepped, nowMs: number): Stepped {
  const before = currentOf(line);
  const all = line.all.map(
    (each): Generation => (each === before ? { ...each, state: 'draining', sinceMs: nowMs } : each),
  );
  const { line: rest, effects: more } = drained({ ...line, all }, before);
  return { line: rest, effects: [...effects, ...more] };
}

/** The one that was current: closed at once where nobody is in it. */
function drained(line: Generations, before: Generation | undefined): Stepped {
  if (!before) return still(line);
  if (before.users.size === 0) return without(line, isSpent);
  const { number: generation, users } = before;
  return {
    line,
    effects: [
      { type: 'became', generation, state: 'draining' },
      { type: 'tell', generation, users: [...users] },
    ],
  };
}

function without(line: Generations, gone: (generation: Generation) => boolean): Stepped {
  const closed = line.all.filter(gone);
  if (closed.length === 0) return still(line);
  return {
    line: { ...line, all: line.all.filter((each) => !closed.includes(each)) },
    effects: closed.map(({ number: generation }) => ({ type: 'became', generation, state: 'closed' })),
  };
}

function using(line: Generations, generation: number, change: (users: Set<string>) => void): Generations {
  const all = line.all.map((each) => {
    if (each.number !== generation) return each;
    const users = new Set(each.users);
    change(users);
    return { ...each, users };
  });
  return { ...line, all };
}

const still = (line: Generations): Stepped => ({ line, effects: [] });

const isSpent = ({ state, users }: Generation): boolean => state === 'draining' && users.size === 0;

const isBuilding = (line: Generations, generation: number): boolean =>
  line.all.some(({ number, state }) => number === generation && state === 'building');
