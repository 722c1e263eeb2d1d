import { describe, expect, test } from 'vitest';
import { GreenroomError } from '../../../src/lifecycle/errors.ts';
import { failOnLeftovers, groundOf, lines, never, said } from './ground.ts';

failOnLeftovers();

/** Something whose opening is finished by the test. */
function slowOpen() {
  const opening = Promise.withResolvers<string>();
  return { open: () => opening.promise, succeed: opening.resolve, fail: opening.reject };
}

describe('acquire', () => {
  test('answers what was opened, and releases it when the scope closes', async () => {
    const { root, happened } = groundOf();
    const value = await root.acquire(
      'thing',
      () => 'opened',
      (opened, { reason }) => void happened.push(`${opened} released: ${reason}`),
    );
    expect(value).toBe('opened');
    await root.close('client_left');
    expect(happened).toEqual(['opened released: client_left']);
  });

  test('set-up that fails at step k releases steps 1 to k-1 in reverse', async () => {
    const { root, happened } = groundOf();
    const step = (name: string) =>
      root.acquire(
        name,
        async () => name,
        (opened) => void happened.push(opened),
      );
    const setUp = async () => {
      await step('one');
      await step('two');
      await root.acquire(
        'three',
        () => Promise.reject(new Error('no')),
        () => void happened.push('three'),
      );
    };
    await expect(setUp()).rejects.toThrow('no');
    const report = await root.close('setup_failed');
    expect(happened).toEqual(['two', 'one']);
    expect(said(report.endings)).toEqual(['two done', 'one done']);
  });

  test('whose open throws or rejects leaves nothing in the scope, and the caller has its error', async () => {
    const { root } = groundOf();
    const release = () => {
      throw new Error('must not be called');
    };
    const throwing = () => {
      throw new Error('thrown');
    };
    await expect(root.acquire('a', throwing, release)).rejects.toThrow('thrown');
    await expect(root.acquire('b', () => Promise.reject(new Error('rejected')), release)).rejects.toThrow(
      'rejected',
    );
    expect(lines(root.tree())).toEqual(['root open']);
    expect((await root.close('done')).endings).toEqual([]);
  });

  test('is handed the signal of the scope', async () => {
    const { root } = groundOf();
    const signal = await root.acquire(
      'signal',
      (given) => given,
      () => undefined,
    );
    expect(signal).toBe(root.signal);
  });
});

describe('a scope that closes while something is being opened', () => {
  test('waits for it, releases it before it says that it is closed, and the caller gets scope_closed', async () => {
    const { root, happened, ...ground } = groundOf();
    const slow = slowOpen();
    const acquiring = root.acquire('late', slow.open, async (opened) => {
      await ground.pass(10);
      happened.push(`${opened} released`);
    });
    const refused = expect(acquiring).rejects.toMatchObject({
      code: 'scope_closed',
      message: 'cannot acquire late: root is closing (client_left)',
    });
    const closing = root.close('client_left');
    await ground.clock.advance(50);
    expect(root.state).toBe('closing');
    slow.succeed('socket');
    const report = await ground.within(10, closing);
    await refused;
    expect(happened).toEqual(['socket released']);
    expect(said(report.endings)).toEqual(['late done']);
    expect(ground.clock.pending).toBe(0);
  });

  test('gives the caller scope_closed also when the open then fails, with that failure as its cause', async () => {
    const { root, ...ground } = groundOf();
    const slow = slowOpen();
    const acquiring = root.acquire('late', slow.open, () => undefined).catch((error: unknown) => error);
    const closing = root.close('client_left');
    const failure = new Error('ECONNREFUSED');
    slow.fail(failure);
    await ground.within(0, closing);
    const thrown = await acquiring;
    expect(thrown).toBeInstanceOf(GreenroomError);
    expect(thrown).toMatchObject({ code: 'scope_closed', cause: failure });
  });

  test('closed by the open itself releases what that open answers', async () => {
    const { root, happened } = groundOf();
    const acquiring = root.acquire(
      'thing',
      () => {
        void root.close('client_left');
        return 'thing';
      },
      (opened) => void happened.push(opened),
    );
    await expect(acquiring).rejects.toMatchObject({ code: 'scope_closed' });
    await root.closed;
    expect(happened).toEqual(['thing']);
  });

  test('names an open that does not settle in time, shows it as overdue, and releases its result when it comes', async () => {
    const { root, happened, ...ground } = groundOf();
    const session = root.child('session', { graceMs: 100 });
    const slow = slowOpen();
    const acquiring = session.acquire(
      'socket',
      slow.open,
      (opened, { reason }) => void happened.push(`${opened} released: ${reason}`),
    );
    const refused = expect(acquiring).rejects.toMatchObject({ code: 'scope_closed' });
    const report = await ground.within(100, session.close('client_left'));
    expect(said(report.overdue)).toEqual(['session/socket overdue']);
    expect(lines(root.tree())).toEqual(['root open', '  session/socket overdue']);

    slow.succeed('socket');
    await ground.clock.advance(0);
    await refused;
    expect(happened).toEqual(['socket released: client_left']);
    expect(lines(root.tree())).toEqual(['root open']);
    expect(ground.clock.pending).toBe(0);
  });

  test('is not held for ever by an open that never settles', async () => {
    const { root, ...ground } = groundOf();
    void root.acquire(
      'stuck',
      () => never,
      () => undefined,
    );
    const report = await ground.within(3000, root.close('done'));
    expect(said(report.overdue)).toEqual(['stuck overdue']);
    expect(report.ms).toBe(3000);
    expect(ground.clock.pending).toBe(0);
  });
});
