// The generations of a pipeline, in any order of restarts, callers, readiness, failures and drain limits.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  currentOf,
  type GenerationEffect,
  type GenerationEvent,
  type Generations,
  generationsMax,
  nextGenerations,
  noGenerations,
  restartRefusal,
} from '../../../src/pipelines/generations.ts';

type Step =
  | { readonly do: 'restart'; readonly mode: 'replace' | 'seamless' }
  | { readonly do: 'ready' | 'fail' | 'overdue'; readonly which: number }
  | { readonly do: 'open' }
  | { readonly do: 'close'; readonly which: number }
  | { readonly do: 'remove' };

const which = fc.nat(20);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('open' as const) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('close' as const), which }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('restart' as const),
      mode: fc.constantFrom('replace', 'seamless'),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('ready', 'fail', 'overdue'), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const) }) },
);

/** What happened to a line, told by its effects alone. */
class World {
  line: Generations = noGenerations;
  readonly closings = new Map<number, number>();
  /** Sessions that are open, and the generation that each entered. */
  readonly sessions = new Map<string, number>();
  #names = 0;

  feed(event: GenerationEvent): readonly GenerationEffect[] {
    const { line, effects } = nextGenerations(this.line, event, 0);
    this.line = line;
    for (const effect of effects)
      if (effect.type === 'became' && effect.state === 'closed')
        this.closings.set(effect.generation, (this.closings.get(effect.generation) ?? 0) + 1);
    return effects;
  }

  perform(step: Step): void {
    switch (step.do) {
      case 'restart': {
        const refused = restartRefusal(this.line, step.mode);
        const before = this.line;
        this.feed({ type: 'restart', mode: step.mode });
        if (refused) expect(this.line).toBe(before);
        else expect(this.line.last).toBe(before.last + 1);
        return;
      }
      case 'ready':
      case 'fail':
      case 'overdue':
        return this.#about(step.do, step.which);
      case 'open': {
        const current = currentOf(this.line);
        if (!current) return;
        const user = `session ${(this.#names += 1)}`;
        this.sessions.set(user, current.number);
        this.feed({ type: 'entered', generation: current.number, user });
        return;
      }
      case 'close': {
        const user = [...this.sessions.keys()][step.which];
        if (user === undefined) return;
        const generation = this.sessions.get(user) ?? 0;
        this.sessions.delete(user);
        this.feed({ type: 'left', generation, user });
        return;
      }
      case 'remove':
        this.feed({ type: 'removed' });
    }
  }

  #about(what: 'ready' | 'fail' | 'overdue', number: number): void {
    const before = this.line.all.find((each) => each.number === number);
    if (what === 'ready') this.feed({ type: 'ready', generation: number });
    else if (what === 'fail')
      this.feed({ type: 'failed', generation: number, code: 'engine_exited', message: 'it has failed' });
    else {
      const effects = this.feed({ type: 'overdue', generation: number });
      const inIt = [...this.sessions].filter(([, generation]) => generation === number).map(([user]) => user);
      const evicted = effects.flatMap((effect) => (effect.type === 'evict' ? effect.users : []));
      expect(evicted).toEqual(before?.state === 'draining' ? inIt : []);
    }
  }

  check(): void {
    const { all, last, state } = this.line;
    const currents = all.filter((each) => each.state === 'current');
    expect(currents.length).toBe(state === 'open' && last > 0 ? 1 : 0);
    expect(all.filter((each) => each.state === 'building').length).toBeLessThanOrEqual(1);
    expect(all.length).toBeLessThanOrEqual(generationsMax);
    for (const each of all) {
      const users = [...this.sessions].filter(([, number]) => number === each.number).map(([user]) => user);
      // A session is in the generation that it entered, and in no other.
      expect([...each.users]).toEqual(users);
      // One that drains has somebody in it: it is closed with the last.
      if (each.state === 'draining') expect(users.length).toBeGreaterThan(0);
      if (each.state === 'building') expect(users).toEqual([]);
      expect(this.closings.has(each.number)).toBe(false);
    }
    for (let number = 1; number <= last; number += 1) {
      const open = all.some((each) => each.number === number);
      expect(this.closings.get(number) ?? 0).toBe(open ? 0 : 1);
    }
    // Nobody is in one that is closed.
    for (const number of this.sessions.values())
      expect(all.some((each) => each.number === number)).toBe(true);
  }
}

test('a session is released once, by the generation that it began with; each generation is closed once, by its last session', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const world = new World();
      world.feed({ type: 'restart', mode: 'replace' });
      world.check();
      for (const each of steps) {
        world.perform(each);
        world.check();
      }
      // When it is removed, and the last caller has gone, nothing is left.
      world.feed({ type: 'removed' });
      for (const [user, generation] of [...world.sessions]) {
        world.sessions.delete(user);
        world.feed({ type: 'left', generation, user });
      }
      world.check();
      expect(world.line.all).toEqual([]);
    }),
    { numRuns: 500 },
  );
});

test('a seamless restart that fails leaves the current one where it is, and says why', () => {
  const world = new World();
  world.feed({ type: 'restart', mode: 'replace' });
  world.feed({ type: 'restart', mode: 'seamless' });
  expect(restartRefusal(world.line, 'seamless')).toBe('building');
  world.feed({ type: 'failed', generation: 2, code: 'engine_exited', message: 'it has failed' });
  expect(currentOf(world.line)?.number).toBe(1);
  expect(world.line.failure).toEqual({ generation: 2, code: 'engine_exited', message: 'it has failed' });
  world.feed({ type: 'restart', mode: 'seamless' });
  expect(world.line.failure).toBeNull();
  world.feed({ type: 'ready', generation: 3 });
  expect(world.line.all.map(({ number, state }) => [number, state])).toEqual([[3, 'current']]);
});

test('a replacement gives up what is being built', () => {
  const world = new World();
  world.feed({ type: 'restart', mode: 'replace' });
  world.feed({ type: 'restart', mode: 'seamless' });
  world.feed({ type: 'restart', mode: 'replace' });
  expect(world.line.all.map(({ number, state }) => [number, state])).toEqual([[3, 'current']]);
  // What is heard of it later means nothing any more.
  world.feed({ type: 'ready', generation: 2 });
  expect(currentOf(world.line)?.number).toBe(3);
});

test('no more than so many generations have sessions in them', () => {
  const world = new World();
  world.feed({ type: 'restart', mode: 'replace' });
  for (let count = 1; count < generationsMax; count += 1) {
    world.perform({ do: 'open' });
    world.perform({ do: 'restart', mode: 'replace' });
  }
  expect(restartRefusal(world.line, 'replace')).toBe('too_many');
  world.perform({ do: 'close', which: 0 });
  expect(restartRefusal(world.line, 'replace')).toBeUndefined();
});
