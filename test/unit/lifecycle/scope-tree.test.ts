import { describe, expect, test } from 'vitest';
import { failOnLeftovers, groundOf, lines, never, said } from './ground.ts';

failOnLeftovers();

describe('the tree', () => {
  test('shows what is open, who owns it, of which kind and for how long', async () => {
    const { root, ...ground } = groundOf({ kind: 'process' });
    const session = root.child('session', { kind: 'session' });
    await ground.clock.advance(10);
    session.defer('socket', () => undefined);
    session.spawn('answer', () => never);
    await ground.clock.advance(5);
    expect(root.tree()).toEqual({
      name: 'root',
      kind: 'process',
      state: 'open',
      ageMs: 15,
      children: [
        {
          name: 'session',
          kind: 'session',
          state: 'open',
          ageMs: 15,
          children: [
            { name: 'socket', kind: 'resource', state: 'held', ageMs: 5 },
            { name: 'answer', kind: 'task', state: 'running', ageMs: 5 },
          ],
        },
      ],
    });
  });

  test('shows what is closing while it closes, and nothing of it afterwards', async () => {
    const { root, ...ground } = groundOf();
    const session = root.child('session');
    session.defer('transport', ground.note('transport', 10));
    const closing = session.close('client_left');
    expect(lines(root.tree())).toEqual(['root open', '  session closing', '    transport releasing']);
    await ground.within(10, closing);
    expect(lines(root.tree())).toEqual(['root open']);
  });
});

describe('children', () => {
  test('close with their parent, in the order of everything else, for the same reason', async () => {
    const { root, happened, ...ground } = groundOf();
    root.defer('first', ground.note('first'));
    const child = root.child('child');
    child.defer('inside', ground.note('inside', 5));
    root.defer('last', ground.note('last'));
    await ground.within(5, root.close('server_shutdown'));
    expect(happened).toEqual(['last', 'inside', 'first']);
    expect([child.state, child.reason, child.signal.reason]).toEqual([
      'closed',
      'server_shutdown',
      'server_shutdown',
    ]);
  });

  test('are not harmed when one of them fails or hangs', async () => {
    const { root, happened, ...ground } = groundOf({ graceMs: 200 });
    const sessions = root.child('sessions', { order: 'parallel' });
    for (const name of ['a', 'b', 'c']) sessions.child(name).defer('transport', ground.note(name, 20));
    sessions.child('failing').defer('transport', () => Promise.reject(new Error('no')));
    sessions.child('hanging').spawn('task', () => never);
    const report = await ground.within(200, root.close('server_shutdown'));
    expect(happened.toSorted()).toEqual(['a', 'b', 'c']);
    expect(said(report.failed)).toEqual(['sessions/failing/transport failed']);
    expect(said(report.overdue)).toEqual(['sessions/hanging/task overdue']);
  });

  test('that closed by themselves while the parent was closing have their problems in its report', async () => {
    const { root, ...ground } = groundOf();
    const child = root.child('child');
    child.defer('fails', () => Promise.reject(new Error('no')));
    root.defer('slow', async () => {
      await child.close('client_left');
      await ground.pass(20);
    });
    const report = await ground.within(20, root.close('done'));
    expect(said(report.failed)).toEqual(['child/fails failed']);
  });

  test('hand down the hooks for failures, unless they have their own', async () => {
    const failures: string[] = [];
    const { root } = groundOf({ onTaskFailure: ({ scope, task }) => void failures.push(`${scope} ${task}`) });
    const fail = () => Promise.reject(new Error('no'));
    await root.child('child').child('grandchild').spawn('task', fail).done;
    await root.child('quiet', { onTaskFailure: () => undefined }).spawn('task', fail).done;
    expect(failures).toEqual(['root/child/grandchild task']);
  });

  test('come and go by the ten thousand without a trace in a parent that lives on', async () => {
    const { root, clock } = groundOf({ kind: 'process' });
    for (let index = 0; index < 10_000; index += 1) {
      const child = root.child(`session ${index}`);
      child.defer('transport', () => undefined);
      const task = child.spawn('task', async () => index);
      if (index % 2 === 0) await task.done;
      await child.close('client_left');
    }
    expect(root.tree().children).toEqual([]);
    expect(clock.pending).toBe(0);
    expect((await root.close('done')).endings).toEqual([]);
  });
});

describe('a task that ignores its signal', () => {
  test('is named and counted, and stays in the tree of the nearest scope alive until it really ends', async () => {
    const { root, ...ground } = groundOf();
    const sessions = root.child('sessions');
    const session = sessions.child('session', { graceMs: 100 });
    const end = Promise.withResolvers<void>();
    session.spawn('assessment', () => end.promise);

    const report = await ground.within(100, session.close('client_left'));
    expect(said(report.overdue)).toEqual(['sessions/session/assessment overdue']);
    expect(lines(root.tree())).toEqual(['root open', '  sessions open', '    session/assessment overdue']);

    await sessions.close('done');
    expect(lines(root.tree())).toEqual(['root open', '  sessions/session/assessment overdue']);

    end.resolve();
    await ground.clock.advance(0);
    expect(lines(root.tree())).toEqual(['root open']);
    expect((await root.close('done')).overdue).toEqual([]);
  });

  test('is named again, once, by the close of every scope above that it outlives', async () => {
    const { root, ...ground } = groundOf();
    const session = root.child('session', { graceMs: 100 });
    session.spawn('assessment', () => never);
    await ground.within(100, session.close('client_left'));
    const report = await ground.within(0, root.close('server_shutdown'));
    expect(said(report.overdue)).toEqual(['session/assessment overdue']);
    expect(lines(root.tree())).toEqual(['root closed', '  session/assessment overdue']);
  });

  test('is in the tree once when its scope has closed by itself while the parent was closing', async () => {
    const { root, ...ground } = groundOf();
    const session = root.child('session', { graceMs: 0 });
    session.spawn('assessment', () => never);
    root.defer('slow', () => never);
    void root.close('server_shutdown');
    await ground.within(0, session.close('client_left'));
    expect(lines(root.tree())).toEqual([
      'root closing',
      '  session closed',
      '  slow releasing',
      '  session/assessment overdue',
    ]);
    await ground.within(3000, root.closed);
    expect(lines(root.tree()).toSorted()).toEqual([
      '  session/assessment overdue',
      '  slow overdue',
      'root closed',
    ]);
  });

  test('is in the tree all the while its scope closes, and once', async () => {
    const { root, ...ground } = groundOf();
    const session = root.child('session', { graceMs: 400 });
    session.spawn('assessment', () => never);
    session.defer('transport', () => never, { graceMs: 100 });
    const closing = session.close('client_left');
    await ground.clock.advance(350);
    expect(lines(root.tree())).toEqual([
      'root open',
      '  session closing',
      '    assessment running',
      '    transport overdue',
    ]);
    const report = await ground.within(50, closing);
    expect(said(report.overdue).toSorted()).toEqual([
      'session/assessment overdue',
      'session/transport overdue',
    ]);
  });
});

describe('tasks', () => {
  test('that honour their signal end within the close, and are in its report', async () => {
    const { root, happened, ...ground } = groundOf();
    root.defer('below', ground.note('below'));
    root.spawn('polite', async (signal) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      await ground.pass(10);
      happened.push('polite');
    });
    const report = await ground.within(10, root.close('done'));
    expect(happened).toEqual(['polite', 'below']);
    expect(said(report.endings)).toEqual(['polite done', 'below done']);
  });

  test('that finish by themselves while the scope closes are in its report, once', async () => {
    const { root, ...ground } = groundOf();
    root.spawn('finishing', () => ground.pass(5));
    root.defer('slow', ground.note('slow', 20));
    const report = await ground.within(20, root.close('done'));
    expect(said(report.endings)).toEqual(['slow done', 'finishing done']);
  });

  test('are all aborted when the close begins, before anything is released', async () => {
    const { root, happened, ...ground } = groundOf();
    root.spawn('early', async (signal) => {
      signal.addEventListener('abort', () => happened.push('aborted'));
      await ground.pass(1);
    });
    root.defer('last', ground.note('last'));
    await ground.within(1, root.close('done'));
    expect(happened).toEqual(['aborted', 'last']);
  });

  test('leave their scope when they end; a failure is told to the hook, a cancelled one is not', async () => {
    const failures: string[] = [];
    const { root, ...ground } = groundOf({
      onTaskFailure: ({ task, scope, error }) =>
        failures.push(`${scope}/${task}: ${(error as Error).message}`),
    });
    root.spawn('ends', async () => 1);
    root.spawn('rejects', () => Promise.reject(new Error('rejected')));
    root.spawn('throws', () => {
      throw new Error('thrown');
    });
    const cancelled = root.spawn('cancelled', async (signal) => {
      await ground.pass(1);
      signal.throwIfAborted();
    });
    cancelled.abort('done');
    await ground.clock.advance(1);
    expect(lines(root.tree())).toEqual(['root open']);
    expect(failures).toEqual(['root/throws: thrown', 'root/rejects: rejected']);
    expect(await cancelled.done).toEqual({ state: 'cancelled' });
  });
});
