import { describe, expect, test } from 'vitest';
import { Deadline } from '../../../src/lifecycle/deadline.ts';
import { failOnLeftovers, groundOf, never, said } from './ground.ts';

failOnLeftovers();

describe('the time of a close', () => {
  test('is the grace of the scope, or what the caller gives, or what is left of a deadline, whichever is least', async () => {
    for (const [given, expected] of [
      [{}, 400],
      [{ graceMs: 70 }, 70],
      [{ graceMs: 900 }, 900],
      [{ deadlineMs: 50 }, 50],
      [{ deadlineMs: 900 }, 400],
      [{ graceMs: 60, deadlineMs: 50 }, 50],
    ] as const) {
      const { root, clock, within } = groundOf({ graceMs: 400 });
      root.defer('stuck', () => never);
      const { graceMs, deadlineMs } = { graceMs: undefined, deadlineMs: undefined, ...given };
      const closing = root.close('done', {
        ...(graceMs !== undefined && { graceMs }),
        ...(deadlineMs !== undefined && { deadline: new Deadline(clock, deadlineMs) }),
      });
      const report = await within(expected, closing);
      expect(report.ms).toBe(expected);
      expect(clock.pending).toBe(0);
    }
  });

  test('is told to each release, with a shorter one where the release has its own', async () => {
    const { root, ...ground } = groundOf({ graceMs: 400 });
    const told: number[] = [];
    root.defer('short', ({ deadline }) => void told.push(deadline.remainingMs()), { graceMs: 50 });
    root.defer('whole', ({ deadline }) => void told.push(deadline.remainingMs()));
    await ground.within(0, root.close('done'));
    expect(told).toEqual([400, 50]);
  });

  test('of one release is over while the others still have theirs: it is named and the next ones run', async () => {
    const { root, happened, ...ground } = groundOf({ graceMs: 400 });
    root.defer('below', ground.note('below', 100));
    root.defer('stuck', () => never, { graceMs: 50 });
    const report = await ground.within(150, root.close('done'));
    expect(happened).toEqual(['below']);
    expect(said(report.endings)).toEqual(['stuck overdue', 'below done']);
    expect(report.overdue[0]?.ms).toBe(50);
  });

  test('is never eaten whole by one that hangs: the next ones begin when a quarter is left', async () => {
    const { root, happened, ...ground } = groundOf({ graceMs: 400 });
    root.defer('log', async () => {
      happened.push(`log begins at ${ground.clock.now()}`);
      await ground.pass(90);
      happened.push(`log ends at ${ground.clock.now()}`);
    });
    root.defer('stuck', () => never);
    const report = await ground.within(400, root.close('done'));
    expect(happened).toEqual(['log begins at 300', 'log ends at 390']);
    expect(said(report.endings)).toEqual(['log done', 'stuck overdue']);
  });

  test('is enough for one that is merely slow, although the next ones began beside it', async () => {
    const { root, happened, ...ground } = groundOf({ graceMs: 400 });
    root.defer('below', ground.note('below'));
    root.defer('slow', ground.note('slow', 350));
    const report = await ground.within(350, root.close('done'));
    expect(happened).toEqual(['below', 'slow']);
    expect(report.overdue).toEqual([]);
  });

  test('of a thousand that hang is over when it is over, not a thousand timers later', async () => {
    const { root, ...ground } = groundOf({ graceMs: 400 });
    for (let index = 0; index < 1000; index += 1) root.defer(`stuck ${index}`, () => never);
    const report = await ground.within(400, root.close('done'));
    expect(report.overdue.length).toBe(1000);
    expect(ground.clock.pending).toBe(0);
  });
});

describe('destroy', () => {
  test('still runs every release in order, and names only what does not end in a turn of the loop', async () => {
    const { root, happened, ...ground } = groundOf();
    root.defer('last', ground.note('last'));
    root.defer('stuck', () => never);
    root.defer('asynchronous', async () => {
      for (let step = 0; step < 100; step += 1) await undefined;
      happened.push('asynchronous');
    });
    root.defer('first', ground.note('first'));
    const report = await ground.within(0, root.destroy('deadline'));
    expect(happened).toEqual(['first', 'asynchronous', 'last']);
    expect(said(report.overdue)).toEqual(['stuck overdue']);
    expect(ground.clock.pending).toBe(0);
  });
});

describe('a close that is asked for again with less time', () => {
  test('is hurried to that time', async () => {
    const { root, ...ground } = groundOf({ graceMs: 3000 });
    root.defer('stuck', () => never);
    const closing = root.close('done');
    await ground.clock.advance(100);
    void root.close('server_shutdown', { graceMs: 50 });
    const report = await ground.within(50, closing);
    expect(report).toMatchObject({ ms: 150, reason: 'done' });
    expect(ground.clock.pending).toBe(0);
  });

  test('is hurried by a deadline too, and when that deadline is moved earlier', async () => {
    const { root, ...ground } = groundOf({ graceMs: 3000 });
    root.defer('stuck', () => never);
    const closing = root.close('done');
    const deadline = new Deadline(ground.clock, 500);
    void root.close('server_shutdown', { deadline });
    await ground.clock.advance(100);
    deadline.expire();
    expect((await ground.within(0, closing)).ms).toBe(100);
    expect(ground.clock.pending).toBe(0);
  });

  test('is never given more: neither a longer time nor a later deadline counts', async () => {
    const { root, ...ground } = groundOf({ graceMs: 100 });
    root.defer('stuck', () => never);
    const closing = root.close('done');
    void root.close('done', { graceMs: 900, deadline: new Deadline(ground.clock, 900) });
    expect((await ground.within(100, closing)).ms).toBe(100);
    expect(ground.clock.pending).toBe(0);
  });

  test('hurries everything below it, however deep, and what is closing there by itself', async () => {
    const { root, ...ground } = groundOf({ graceMs: 3000 });
    const child = root.child('child');
    const grandchild = child.child('grandchild');
    grandchild.defer('stuck', () => never);
    // It began to close by itself, with all the time in the world.
    void grandchild.close('client_left', { graceMs: 60_000 });
    const closing = root.close('server_shutdown');
    await ground.clock.advance(100);
    void root.destroy('deadline');
    const report = await ground.within(0, closing);
    expect(said(report.overdue)).toEqual(['child/grandchild/stuck overdue']);
    expect((await grandchild.closed).ms).toBe(100);
    expect(ground.clock.pending).toBe(0);
  });

  test('and is closed already leaves no timer behind', async () => {
    const { root, clock } = groundOf();
    await root.close('done');
    await root.close('done', { graceMs: 100 });
    expect(clock.pending).toBe(0);
  });

  test('a child that closes by itself never makes its parent late', async () => {
    const { root, ...ground } = groundOf({ graceMs: 200 });
    const child = root.child('child', { graceMs: 5000 });
    child.defer('stuck', () => never);
    void child.close('client_left');
    const report = await ground.within(200, root.close('server_shutdown'));
    expect(report.ms).toBe(200);
    expect(said(report.overdue)).toEqual(['child/stuck overdue']);
  });
});

describe('a release in two phases', () => {
  test('is not destroyed when its close ends in time', async () => {
    const { root, happened, ...ground } = groundOf();
    root.defer('socket', {
      close: ground.note('closed', 10),
      destroy: () => void happened.push('destroyed'),
    });
    await ground.within(10, root.close('done'));
    expect(happened).toEqual(['closed']);
  });

  test('is destroyed when a fifth of its time is left, and has ended when that ends its close', async () => {
    const { root, happened, ...ground } = groundOf({ graceMs: 1000 });
    const gone = Promise.withResolvers<void>();
    root.defer(
      'socket',
      {
        close: () => gone.promise,
        destroy: (reason) => {
          happened.push(`destroyed at ${ground.clock.now()}: ${reason}`);
          ground.clock.after(50, gone.resolve);
        },
      },
      { graceMs: 500 },
    );
    const report = await ground.within(450, root.close('client_left'));
    expect(happened).toEqual(['destroyed at 400: client_left']);
    expect(said(report.endings)).toEqual(['socket done']);
    expect(ground.clock.pending).toBe(0);
  });

  test('is destroyed at once when its close fails: that is a clean end, and the failure is kept beside it', async () => {
    const { root, happened, ...ground } = groundOf();
    root.defer('socket', {
      close: () => Promise.reject(new Error('EPIPE')),
      destroy: () => void happened.push('destroyed'),
    });
    const report = await ground.within(0, root.close('done'));
    expect(happened).toEqual(['destroyed']);
    expect(report.failed).toEqual([]);
    expect(report.endings).toMatchObject([{ result: 'done', error: { message: 'EPIPE' } }]);
  });

  test('has failed when destroying it fails', async () => {
    const { root, ...ground } = groundOf({ graceMs: 100 });
    root.defer('socket', {
      close: () => never,
      destroy: () => {
        throw new Error('no');
      },
    });
    const report = await ground.within(100, root.close('done'));
    expect(report.failed).toMatchObject([{ path: 'root/socket', error: { message: 'no' } }]);
  });

  test('is overdue when it has not ended although it was destroyed', async () => {
    const { root, ...ground } = groundOf({ graceMs: 100 });
    root.defer('socket', { close: () => never, destroy: () => undefined });
    const report = await ground.within(100, root.close('done'));
    expect(said(report.endings)).toEqual(['socket overdue']);
  });

  test('is destroyed when its scope is, and has ended before what lies below it is released', async () => {
    const { root, happened, ...ground } = groundOf();
    const gone = Promise.withResolvers<void>();
    root.defer('below', ground.note('below'));
    root.defer('socket', {
      close: () => gone.promise.then(() => void happened.push('gone')),
      destroy: () => void ground.clock.soon(gone.resolve),
    });
    const report = await ground.within(0, root.destroy('deadline'));
    expect(happened).toEqual(['gone', 'below']);
    expect(report.overdue).toEqual([]);
  });
});
