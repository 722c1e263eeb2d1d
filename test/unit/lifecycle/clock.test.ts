import { describe, expect, test, vi } from 'vitest';
import { delay, systemClock, turn } from '../../../src/lifecycle/clock.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';

/** How many listeners for `abort` a signal has, by what was added and removed. */
function listeners(signal: AbortSignal): () => number {
  const added = vi.spyOn(signal, 'addEventListener');
  const removed = vi.spyOn(signal, 'removeEventListener');
  return () => added.mock.calls.length - removed.mock.calls.length;
}

describe('delay', () => {
  test('waits its time, and leaves no timer and no listener', async () => {
    const clock = new VirtualClock();
    const { signal } = new AbortController();
    const left = listeners(signal);
    const waiting = delay(clock, 100, signal);
    expect([clock.pending, left()]).toEqual([1, 1]);
    await clock.advance(100);
    expect(await waiting).toBe('elapsed');
    expect([clock.pending, left()]).toEqual([0, 0]);
  });

  test('aborted is a value, and leaves no timer', async () => {
    const clock = new VirtualClock();
    const controller = new AbortController();
    const waiting = delay(clock, 100, controller.signal);
    controller.abort();
    expect(await waiting).toBe('aborted');
    expect(clock.pending).toBe(0);
  });

  test('with a signal that has aborted does not begin', async () => {
    const clock = new VirtualClock();
    expect(await delay(clock, 100, AbortSignal.abort())).toBe('aborted');
    expect(clock.pending).toBe(0);
  });

  test('needs no signal', async () => {
    const clock = new VirtualClock();
    const waiting = delay(clock, 100);
    await clock.advance(100);
    expect(await waiting).toBe('elapsed');
  });
});

describe('the clock of the system', () => {
  test('lets pending promises and input come first with `turn`', async () => {
    const order: string[] = [];
    const turning = turn(systemClock).then(() => order.push('turn'));
    queueMicrotask(() => order.push('microtask'));
    await turning;
    expect(order).toEqual(['microtask', 'turn']);
  });

  test('runs nothing that was cancelled, and cancelling twice is no harm', async () => {
    const called: string[] = [];
    const timers = [
      systemClock.after(0, () => called.push('after')),
      systemClock.soon(() => called.push('soon')),
    ];
    for (const timer of [...timers, ...timers]) timer.cancel();
    await delay(systemClock, 5);
    expect(called).toEqual([]);
  });

  test.each([2 ** 31, 30 * 86_400_000, Number.POSITIVE_INFINITY])(
    'does not run a timer of %d ms at once, as Node does over its limit',
    async (ms) => {
      const warnings: string[] = [];
      const onWarning = ({ name }: Error) => void warnings.push(name);
      process.on('warning', onWarning);
      let called = false;
      const timer = systemClock.after(ms, () => {
        called = true;
      });
      await delay(systemClock, 20);
      timer.cancel();
      process.off('warning', onWarning);
      expect([called, warnings]).toEqual([false, []]);
    },
  );

  test('runs a timer over the limit of Node when its time has come', () => {
    vi.useFakeTimers();
    try {
      const called = vi.fn();
      const cancelled = vi.fn();
      systemClock.after(2 ** 31 + 1000, called);
      const timer = systemClock.after(2 ** 31 + 1000, cancelled);
      vi.advanceTimersByTime(2 ** 31 + 999);
      expect(called).not.toHaveBeenCalled();
      timer.cancel();
      vi.advanceTimersByTime(1);
      expect(called).toHaveBeenCalledOnce();
      expect(cancelled).not.toHaveBeenCalled();
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('virtual time', () => {
  test('runs what falls due in order, ties in the order they were set, each at its own time', async () => {
    const clock = new VirtualClock();
    const order: string[] = [];
    const note = (name: string) => () => order.push(`${name} at ${clock.now()}`);
    clock.after(20, note('second'));
    clock.after(10, note('first'));
    clock.after(20, note('third'));
    clock.after(31, note('too late'));
    clock.after(5, () => clock.after(25, note('set by another')));
    await clock.advance(30);
    expect(order).toEqual(['first at 10', 'second at 20', 'third at 20', 'set by another at 30']);
    expect([clock.now(), clock.pending]).toEqual([30, 1]);
  });

  test('lets promises settle between two timers, however long their chain', async () => {
    const clock = new VirtualClock();
    const order: string[] = [];
    clock.after(10, async () => {
      for (let step = 0; step < 1000; step += 1) await undefined;
      order.push('chain');
    });
    clock.after(10, () => order.push('next timer'));
    await clock.advance(10);
    expect(order).toEqual(['chain', 'next timer']);
  });
});
