import { describe, expect, test } from 'vitest';
import { Deadline } from '../../../src/lifecycle/deadline.ts';
import { failOnLeftovers, groundOf, never, watch } from './ground.ts';

failOnLeftovers();

describe('a task', () => {
  test('starts in the same turn, and answers what it came to', async () => {
    const { root, happened } = groundOf();
    const task = root.spawn('task', async () => {
      happened.push('started');
      return 7;
    });
    expect(happened).toEqual(['started']);
    expect(await task.done).toEqual({ state: 'done', value: 7 });
  });

  test('that throws or rejects is a value, never a rejection', async () => {
    const { root } = groundOf();
    const error = new Error('no');
    const throws = root.spawn('throws', () => {
      throw error;
    });
    expect(await throws.done).toEqual({ state: 'failed', error });
    expect(await root.spawn('rejects', () => Promise.reject(error)).done).toEqual({ state: 'failed', error });
  });

  test('cancelled is aborted and awaited; the first reason wins; the rest of its scope goes on', async () => {
    const { root, ...ground } = groundOf();
    let reason: unknown;
    const task = root.spawn('task', async (signal) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      await ground.pass(10);
      reason = signal.reason;
    });
    const cancelling = task.cancel('client_left');
    task.abort('deadline');
    const seen = watch(cancelling);
    await ground.clock.advance(9);
    expect(seen.state).toBe('pending');
    expect(await ground.within(1, cancelling)).toEqual({ state: 'cancelled' });
    expect([reason, root.state, root.signal.aborted]).toEqual(['client_left', 'open', false]);
  });

  test('cancelled after it ended keeps what it came to', async () => {
    const { root } = groundOf();
    const task = root.spawn('task', async () => 7);
    await task.done;
    expect(await task.cancel('done')).toEqual({ state: 'done', value: 7 });
  });

  test('that has failed by itself is reported as failed by whoever ends it, one that was aborted as done', async () => {
    const { root, clock } = groundOf();
    const results = [];
    for (const aborts of [false, true]) {
      const task = root.spawn('task', () => Promise.reject(new Error('no')));
      if (aborts) task.abort('done');
      await task.done;
      results.push(...(await task.end('done', new Deadline(clock, 0))).map(({ result }) => result));
    }
    expect(results).toEqual(['failed', 'done']);
  });

  test('shows its age and whether it runs, and is named by whoever waits for it in vain', async () => {
    const { root, ...ground } = groundOf();
    let given: AbortSignal | undefined;
    const task = root.spawn('task', (signal) => {
      given = signal;
      return never;
    });
    await ground.clock.advance(25);
    expect(task.node('task', ground.clock.now())).toEqual({
      name: 'task',
      kind: 'task',
      state: 'running',
      ageMs: 25,
    });
    const endings = await ground.within(40, task.end('done', new Deadline(ground.clock, 40)));
    expect(endings).toEqual([{ path: 'root/task', kind: 'task', result: 'overdue', ms: 40 }]);
    expect([task.ended, given?.reason]).toEqual([false, 'done']);
  });
});
