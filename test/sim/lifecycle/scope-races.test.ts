import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Scope } from '../../../src/lifecycle/scope.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { noRaceLosesAnything, type Owner, type Reached, type Tree } from './races.ts';
import { faults, plantToy } from './toys.ts';

const numRuns = 3000;

function ownerOf(scope: Scope): Owner {
  return {
    get state() {
      return scope.state;
    },
    acquire: (name, open, release) => scope.acquire(name, open, release),
    defer: (name, release) => scope.defer(name, release),
    spawn: (name, work) => scope.spawn(name, work),
    child: (name) => ownerOf(scope.child(name)),
    close: () => scope.close('done'),
  };
}

/** Its time never moves: a close resolves because everything has ended, or not at all. */
function plant(): Tree {
  const clock = new VirtualClock();
  const root = new Scope('root', { clock });
  return {
    root: ownerOf(root),
    leftovers: () => [
      ...(root.tree().children ?? []).map(({ name, state }) => `${name} left in the tree, ${state}`),
      ...(clock.pending > 0 ? [`${clock.pending} timers left`] : []),
    ],
  };
}

describe('whatever the order in which things happen', () => {
  test('everything opened is released once, after its last use and before its owner says that it is closed', async () => {
    const reached: Reached = new Map();
    const property = noRaceLosesAnything(plant, reached);
    await fc.assert(property, { numRuns });
    // A green search that never got into these corners would prove nothing.
    for (const branch of [
      'open succeeds late',
      'acquire while closing',
      'acquire while closed',
      'defer while closing',
      'defer while closed',
      'child while closing',
      'close of a closing owner',
      'close while closed',
      'task aborted',
    ])
      expect(reached.get(branch) ?? 0, branch).toBeGreaterThan(0);
  });
});

describe('the search itself', () => {
  test.each(faults)('finds a scope that %s', async (fault) => {
    const found = await fc.check(noRaceLosesAnything(plantToy(fault)), { numRuns });
    expect(found.failed).toBe(true);
  });

  test('finds nothing wrong with a toy that has none of these faults', async () => {
    await fc.assert(noRaceLosesAnything(plantToy('none')), { numRuns });
  });
});
