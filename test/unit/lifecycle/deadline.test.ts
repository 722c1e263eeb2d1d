import { stat } from 'node:fs/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { systemClock, turn } from '../../../src/lifecycle/clock.ts';
import { Deadline } from '../../../src/lifecycle/deadline.ts';
import { Scope } from '../../../src/lifecycle/scope.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { failOnLeftovers, never, watch } from './ground.ts';

failOnLeftovers();

const collectGarbage = (): void => {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
};

describe('a deadline', () => {
  test('tells what is left, never less than nothing', async () => {
    const clock = new VirtualClock();
    const deadline = new Deadline(clock, 100);
    expect([deadline.remainingMs(), deadline.expired]).toEqual([100, false]);
    await clock.advance(99);
    expect([deadline.remainingMs(), deadline.expired]).toEqual([1, false]);
    await clock.advance(51);
    expect([deadline.remainingMs(), deadline.expired]).toEqual([0, true]);
    expect(new Deadline(clock, -5).remainingMs()).toBe(0);
  });

  test('has a timer only while somebody waits', async () => {
    const clock = new VirtualClock();
    const deadline = new Deadline(clock, 100);
    expect(clock.pending).toBe(0);
    const undo = [deadline.onExpire(() => undefined), deadline.onExpire(() => undefined)];
    expect(clock.pending).toBe(1);
    for (const each of undo) each();
    expect(clock.pending).toBe(0);
  });

  test('calls each waiter back once, and none that has left', async () => {
    const clock = new VirtualClock();
    const deadline = new Deadline(clock, 100);
    const called: string[] = [];
    deadline.onExpire(() => called.push('stays'));
    deadline.onExpire(() => called.push('leaves'))();
    await clock.advance(100);
    deadline.expire();
    await clock.advance(100);
    expect(called).toEqual(['stays']);
  });

  test('calls back soon who comes when time is up already', async () => {
    const clock = new VirtualClock();
    const deadline = new Deadline(clock, 0);
    let called = 0;
    deadline.onExpire(() => {
      called += 1;
    });
    expect(called).toBe(0);
    await clock.advance(0);
    expect(called).toBe(1);
  });

  test('expires at once when it is told to, and moves earlier, never later', async () => {
    const clock = new VirtualClock();
    const deadline = new Deadline(clock, 100);
    let called = 0;
    deadline.onExpire(() => {
      called += 1;
    });
    deadline.shorten(500);
    expect(deadline.remainingMs()).toBe(100);
    deadline.shorten(50);
    await clock.advance(49);
    expect(called).toBe(0);
    deadline.expire();
    expect([called, deadline.expired, clock.pending]).toEqual([1, true, 0]);
  });
});

describe('a child', () => {
  test('is never longer than its parent, also when the parent is moved earlier later on', async () => {
    const clock = new VirtualClock();
    const parent = new Deadline(clock, 100);
    const long = parent.child(500);
    const grandchild = long.child(Number.POSITIVE_INFINITY);
    const short = parent.child(20);
    const left = () => [long, grandchild, short].map((deadline) => deadline.remainingMs());
    expect(left()).toEqual([100, 100, 20]);
    parent.shorten(50);
    expect(left()).toEqual([50, 50, 20]);
    parent.shorten(10);
    expect(left()).toEqual([10, 10, 10]);
  });

  test('expires with its parent, and never takes its parent with it', async () => {
    const clock = new VirtualClock();
    const parent = new Deadline(clock, 100);
    const child = parent.child(500);
    const other = parent.child(500);
    const called: string[] = [];
    child.onExpire(() => called.push('child'));
    other.onExpire(() => called.push('other'));
    child.expire();
    expect([called, parent.expired, other.expired]).toEqual([['child'], false, false]);
    parent.expire();
    await clock.advance(0);
    expect([called, other.expired, clock.pending]).toEqual([['child', 'other'], true, 0]);
  });

  test('that was disposed of has no timer, and follows its parent no more', async () => {
    const clock = new VirtualClock();
    const parent = new Deadline(clock, 100);
    const child = parent.child(50);
    let called = 0;
    child.onExpire(() => {
      called += 1;
    });
    child.dispose();
    expect(clock.pending).toBe(0);
    parent.expire();
    await clock.advance(100);
    expect(called).toBe(0);
  });

  test('that was disposed of is not kept by a parent that lives on', async () => {
    const clock = new VirtualClock();
    const parent = new Deadline(clock, 1_000_000);
    const gone: WeakRef<Deadline>[] = [];
    for (let index = 0; index < 100; index += 1) {
      const child = parent.child(10);
      child.onExpire(() => undefined);
      child.dispose();
      gone.push(new WeakRef(child));
    }
    await turn(systemClock);
    collectGarbage();
    // The last one may still lie in a register.
    expect(gone.filter((child) => child.deref()).length).toBeLessThan(5);
    expect(parent.remainingMs()).toBe(1_000_000);
  });

  test('scopes and tasks that ended within a deadline are not kept by it', async () => {
    const clock = new VirtualClock();
    const deadline = new Deadline(clock, 1_000_000);
    const gone: WeakRef<Scope>[] = [];
    const closeOne = async () => {
      const scope = new Scope('scope', { clock });
      scope.defer('thing', () => undefined);
      gone.push(new WeakRef(scope));
      await scope.close('done', { deadline });
    };
    for (let index = 0; index < 100; index += 1) await closeOne();
    await turn(systemClock);
    collectGarbage();
    expect(gone.filter((scope) => scope.deref()).length).toBeLessThan(5);
    expect(deadline.remainingMs()).toBe(1_000_000);
  });

  test('scopes that have closed are not kept by a parent that lives on', async () => {
    const root = new Scope('root', { clock: new VirtualClock() });
    const gone: WeakRef<Scope>[] = [];
    const closeOne = async () => {
      const child = root.child('child');
      child.defer('thing', () => undefined);
      gone.push(new WeakRef(child));
      await child.close('done');
    };
    for (let index = 0; index < 100; index += 1) await closeOne();
    await turn(systemClock);
    collectGarbage();
    // The last one may still lie in a register.
    expect(gone.filter((child) => child.deref()).length).toBeLessThan(5);
    expect(root.state).toBe('open');
  });
});

describe('one that follows', () => {
  test('is bound by whoever has the least time, however they came to be', async () => {
    const clock = new VirtualClock();
    const [deadline, one, other] = [300, 200, 100].map((ms) => new Deadline(clock, ms)) as [
      Deadline,
      Deadline,
      Deadline,
    ];
    deadline.follow(one);
    deadline.follow(other);
    expect(deadline.remainingMs()).toBe(100);
    one.shorten(50);
    expect(deadline.remainingMs()).toBe(50);
    expect(other.remainingMs()).toBe(100);
  });

  test('in a circle is no harm: a release may close its own scope with its own deadline', async () => {
    const clock = new VirtualClock();
    const scope = new Scope('root', { clock });
    scope.defer('thing', ({ deadline }) => void scope.close('done', { deadline }), { graceMs: 20 });
    scope.defer('stuck', () => never);
    const closing = watch(scope.close('done'));
    void scope.destroy('done');
    await clock.advance(0);
    expect(closing.state).toBe('done');
  });
});

describe('waiting for work', () => {
  test('answers its value or its error, and leaves no timer', async () => {
    const clock = new VirtualClock();
    const deadline = new Deadline(clock, 100);
    const error = new Error('no');
    expect(await deadline.wait(Promise.resolve(7))).toEqual({ state: 'done', value: 7 });
    expect(await deadline.wait(Promise.reject(error))).toEqual({ state: 'failed', error });
    expect(clock.pending).toBe(0);
  });

  test('ends when the deadline does, and what the work comes to later harms nobody', async () => {
    const clock = new VirtualClock();
    const work = Promise.withResolvers<number>();
    const waiting = new Deadline(clock, 100).wait(work.promise);
    const seen = watch(waiting);
    await clock.advance(99);
    expect(seen.state).toBe('pending');
    await clock.advance(1);
    expect(await waiting).toEqual({ state: 'expired' });
    work.reject(new Error('too late'));
    await clock.advance(0);
    expect(clock.pending).toBe(0);
  });

  test('past the deadline still takes what settles within a turn of the loop', async () => {
    const clock = new VirtualClock();
    const deadline = new Deadline(clock, 0);
    const prompt = (async () => {
      for (let step = 0; step < 100; step += 1) await undefined;
      return 'prompt';
    })();
    const waiting = Promise.all([deadline.wait(prompt), deadline.wait(never)]);
    await clock.advance(0);
    expect(await waiting).toEqual([{ state: 'done', value: 'prompt' }, { state: 'expired' }]);
    expect(clock.pending).toBe(0);
  });

  test('that passed while the loop was held takes what had arrived by then', async () => {
    const arriving = stat('/');
    const waiting = new Deadline(systemClock, 10).wait(arriving);
    const untilMs = performance.now() + 60;
    while (performance.now() < untilMs);
    // Timers run before input: without a last turn this would be called late.
    expect((await waiting).state).toBe('done');
  });
});
