import { describe, expect, test } from 'vitest';
import { GreenroomError } from '../../../src/lifecycle/errors.ts';
import type { Registration } from '../../../src/lifecycle/scope.ts';
import { failOnLeftovers, groundOf, said } from './ground.ts';

failOnLeftovers();

describe('closing', () => {
  test('releases last in first out, one after the other', async () => {
    const { root, happened, clock, ...ground } = groundOf();
    for (const [name, ms] of [
      ['first', 1],
      ['second', 20],
      ['third', 5],
    ] as const)
      root.defer(name, ground.note(name, ms));
    const report = await ground.within(26, root.close('done'));
    expect(happened).toEqual(['third', 'second', 'first']);
    expect(said(report.endings)).toEqual(['third done', 'second done', 'first done']);
    expect(report).toMatchObject({ scope: 'root', reason: 'done', ms: 26, failed: [], overdue: [] });
    expect(clock.pending).toBe(0);
  });

  test('releases all at once where the order is parallel', async () => {
    const { root, happened, ...ground } = groundOf({ order: 'parallel' });
    root.defer('slow', ground.note('slow', 20));
    root.defer('quick', ground.note('quick', 5));
    const report = await ground.within(20, root.close('done'));
    expect(happened).toEqual(['quick', 'slow']);
    expect(report.ms).toBe(20);
  });

  test('flips the state before the first release, and to closed only after the last', async () => {
    const { root, ...ground } = groundOf();
    const states: string[] = [];
    root.defer('thing', async () => {
      states.push(root.state);
      await ground.pass(5);
      states.push(root.state);
    });
    expect(root.state).toBe('open');
    const closing = root.close('done');
    expect(root.state).toBe('closing');
    await ground.within(5, closing);
    expect(states).toEqual(['closing', 'closing']);
    expect(root.state).toBe('closed');
  });

  test('gives every caller the same promise, however it is asked and however late', async () => {
    const { root, ...ground } = groundOf();
    root.defer('thing', ground.note('thing', 10));
    const closing = root.close('done');
    const others = [root.close('client_left'), root.destroy('deadline'), root.closed];
    for (const other of others) expect(other).toBe(closing);
    await ground.within(10, closing);
    expect(root.close('client_left')).toBe(closing);
  });

  test('keeps the first reason, for its signal and its tasks as well', async () => {
    const { root, ...ground } = groundOf();
    let taskReason: unknown;
    root.spawn('task', async (signal) => {
      signal.addEventListener('abort', () => {
        taskReason = signal.reason;
      });
      await ground.pass(5);
    });
    void root.close('client_left');
    void root.close('server_shutdown');
    const report = await ground.within(5, root.destroy('deadline'));
    expect([report.reason, root.reason, root.signal.reason, taskReason]).toEqual(
      Array(4).fill('client_left'),
    );
  });

  test('runs each release once when close, its registration and an event of the thing itself all ask', async () => {
    const { root, happened, ...ground } = groundOf();
    // A socket whose `close` emits its own event in the same turn: the classic way to release twice.
    const registration: Registration = root.defer('socket', () => {
      happened.push('released');
      void registration.release();
    });
    const early = registration.release();
    const closing = root.close('done');
    await ground.within(0, Promise.all([early, closing, registration.release()]));
    expect(happened).toEqual(['released']);
  });

  test('goes on after a release that throws or rejects, and reports both with their errors', async () => {
    const { root, happened, ...ground } = groundOf();
    root.defer('last', ground.note('last'));
    root.defer('throws', () => {
      throw new Error('thrown');
    });
    root.defer('rejects', () => Promise.reject(new Error('rejected')));
    root.defer('first', ground.note('first'));
    const report = await ground.within(0, root.close('done'));
    expect(happened).toEqual(['first', 'last']);
    expect(report.failed.map(({ path, error }) => [path, (error as Error).message])).toEqual([
      ['root/rejects', 'rejected'],
      ['root/throws', 'thrown'],
    ]);
  });

  test('asked for by an abort listener of its own signal, is the close under way', async () => {
    const { root, happened, ...ground } = groundOf();
    root.defer('thing', ground.note('thing', 5));
    let inner: Promise<unknown> | undefined;
    root.signal.addEventListener('abort', () => {
      inner = root.close('client_left');
    });
    const closing = root.close('done');
    expect(inner).toBe(closing);
    await ground.within(5, closing);
    expect(happened).toEqual(['thing']);
  });

  test('asked for from within a release is the close under way; waiting for it there costs that release its time', async () => {
    const { root, happened, ...ground } = groundOf({ graceMs: 100 });
    root.defer('below', ground.note('below'));
    root.defer('asks', () => void root.close('client_left'));
    root.defer('waits', async () => void (await root.close('client_left')));
    const report = await ground.within(100, root.close('done'));
    expect(happened).toEqual(['below']);
    expect(said(report.overdue)).toEqual(['waits overdue']);
  });

  test('asked for by a task in its very first step, aborts that task and waits for it', async () => {
    const { root, happened, ...ground } = groundOf();
    const task = root.spawn('closer', async (signal) => {
      void root.close('client_left');
      happened.push(`aborted ${signal.aborted}`);
      await ground.pass(5);
      happened.push('ended');
    });
    await ground.within(5, root.closed);
    expect(happened).toEqual(['aborted true', 'ended']);
    expect(await task.done).toEqual({ state: 'cancelled' });
  });

  test('with nothing to release is over in the same turn', async () => {
    const { root } = groundOf();
    const report = await root.close('done');
    expect(report.endings).toEqual([]);
  });

  test('is what `await using` does', async () => {
    const { root, happened, ...ground } = groundOf();
    {
      await using scope = root.child('block');
      scope.defer('thing', ground.note('thing'));
    }
    expect(happened).toEqual(['thing']);
  });
});

describe('after it was closed', () => {
  test.each([
    ['acquire', 'cannot acquire thing: root is closed (client_left)'],
    ['spawn', 'cannot spawn thing: root is closed (client_left)'],
    ['child', 'cannot open thing: root is closed (client_left)'],
    ['move', 'cannot move: root is closed (client_left)'],
  ] as const)('%s throws scope_closed with the facts', async (what, message) => {
    const { root } = groundOf();
    await root.close('client_left');
    let opened = 0;
    const open = () => {
      opened += 1;
      return Promise.resolve(opened);
    };
    const attempts = {
      acquire: () => root.acquire('thing', open, () => undefined),
      spawn: () => root.spawn('thing', open),
      child: () => root.child('thing'),
      move: () => root.move(),
    };
    const thrown = await (async () => attempts[what]())().catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(GreenroomError);
    expect(thrown).toMatchObject({
      code: 'scope_closed',
      message,
      details: { scope: 'root', state: 'closed', reason: 'client_left' },
    });
    expect(opened).toBe(0);
  });

  test('while it closes they throw as well', async () => {
    const { root, ...ground } = groundOf();
    root.defer('slow', ground.note('slow', 5));
    const closing = root.close('done');
    expect(() => root.child('late')).toThrow('cannot open late: root is closing (done)');
    expect(() => root.spawn('late', async () => 1)).toThrow('cannot spawn late: root is closing (done)');
    await expect(
      root.acquire(
        'late',
        () => 1,
        () => undefined,
      ),
    ).rejects.toThrow('cannot acquire late: root is closing (done)');
    await ground.within(5, closing);
  });
});
