// What every scope test stands on: virtual time, a root scope, a record of what happened in which order, and a watch
// that fails the test on an unhandled rejection or a timer that was left behind.
import { afterEach, beforeEach, expect } from 'vitest';
import type { ScopeOptions } from '../../../src/lifecycle/estate.ts';
import type { ReleaseFunction } from '../../../src/lifecycle/holding.ts';
import type { Ending, TreeNode } from '../../../src/lifecycle/report.ts';
import { Scope } from '../../../src/lifecycle/scope.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';

export interface Ground {
  readonly clock: VirtualClock;
  readonly root: Scope;
  /** What the test has written down, in order. */
  readonly happened: string[];
  /** A release that writes its name down, at once or after `ms`. */
  note(name: string, ms?: number): ReleaseFunction;
  pass(ms: number): Promise<void>;
  /** Lets `ms` go by, and answers what the promise has come to by then. */
  within<T>(ms: number, promise: Promise<T>): Promise<T>;
}

/** The timers that scopes of this test have left behind, of each root that has closed. */
const left: (() => number)[] = [];

export function groundOf(options: Omit<ScopeOptions, 'clock'> = {}): Ground {
  const clock = new VirtualClock();
  const root = new Scope('root', { clock, ...options });
  const happened: string[] = [];
  let passing = 0;
  const pass = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      passing += 1;
      clock.after(ms, () => {
        passing -= 1;
        resolve();
      });
    });
  left.push(() => (root.state === 'closed' ? clock.pending - passing : 0));
  return {
    clock,
    root,
    happened,
    pass,
    note:
      (name, ms = 0) =>
      async () => {
        if (ms > 0) await pass(ms);
        happened.push(name);
      },
    async within(ms, promise) {
      const seen = watch(promise);
      await clock.advance(ms);
      if (seen.state === 'pending') throw new Error(`still pending after ${ms} ms`);
      return promise;
    },
  };
}

export interface Seen {
  state: 'pending' | 'done' | 'failed';
}

/** What a promise has come to so far. */
export function watch(promise: Promise<unknown>): Seen {
  const seen: Seen = { state: 'pending' };
  promise.then(
    () => {
      seen.state = 'done';
    },
    () => {
      seen.state = 'failed';
    },
  );
  return seen;
}

export const never = new Promise<never>(() => undefined);

/** `name result`, without the root's name. */
export const said = (endings: readonly Ending[]): readonly string[] =>
  endings.map(({ path, result }) => `${path.replace(/^root\//, '')} ${result}`);

/** Every line of a tree: its depth, its name, its state. */
export function lines(node: TreeNode, indent = ''): readonly string[] {
  const below = (node.children ?? []).flatMap((child) => lines(child, `${indent}  `));
  return [`${indent}${node.name} ${node.state}`, ...below];
}

const unhandled: unknown[] = [];
const onUnhandled = (thrown: unknown) => void unhandled.push(thrown);

/** Fails every test of a file that leaves an unhandled rejection, or a timer after its root has closed. */
export function failOnLeftovers(): void {
  beforeEach(() => {
    unhandled.length = 0;
    left.length = 0;
    process.on('unhandledRejection', onUnhandled);
  });
  afterEach(async () => {
    // Node tells of a rejection nobody handles after the microtasks of the turn.
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', onUnhandled);
    expect(unhandled, 'unhandled rejections').toEqual([]);
    expect(left.map((timers) => timers()).filter(Boolean), 'timers left').toEqual([]);
  });
}
