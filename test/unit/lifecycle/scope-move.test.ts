import { describe, expect, test } from 'vitest';
import { failOnLeftovers, groundOf, lines, never, said, watch } from './ground.ts';

failOnLeftovers();

describe('move', () => {
  test('hands everything over: the heir releases it, the old scope nothing', async () => {
    const { root, happened, ...ground } = groundOf();
    const building = root.child('session', { kind: 'session' });
    building.defer('first', ground.note('first'));
    building.defer('second', ground.note('second'));
    const heir = building.move();
    await building.close('setup_failed');
    await building.destroy('setup_failed');
    await building[Symbol.asyncDispose]();
    expect(happened).toEqual([]);
    expect([building.state, building.reason, heir.state, heir.kind, heir.path]).toEqual([
      'closed',
      'done',
      'open',
      'session',
      'root/session',
    ]);
    await heir.close('client_left');
    expect(happened).toEqual(['second', 'first']);
    expect(lines(root.tree())).toEqual(['root open']);
  });

  test('keeps the place, the age and the signal', async () => {
    const { root, ...ground } = groundOf();
    const building = root.child('session');
    const { signal } = building;
    await ground.clock.advance(20);
    const heir = building.move();
    expect(heir.signal).toBe(signal);
    expect(root.tree().children).toEqual([
      { name: 'session', kind: 'scope', state: 'open', ageMs: 20, children: [] },
    ]);
    await root.close('server_shutdown');
    expect([heir.state, heir.reason, signal.aborted]).toEqual(['closed', 'server_shutdown', true]);
  });

  test('is how set-up that may fail is written: nothing moved, nothing leaks', async () => {
    const { root, happened, ...ground } = groundOf();
    const setUp = async (fails: boolean) => {
      await using building = root.child('thing');
      building.defer('part', ground.note('released'));
      if (fails) throw new Error('no');
      return building.move();
    };
    await expect(setUp(true)).rejects.toThrow('no');
    expect(happened).toEqual(['released']);
    const built = await setUp(false);
    expect(happened).toEqual(['released']);
    await built.close('done');
    expect(happened).toEqual(['released', 'released']);
  });

  test('refuses work on the old scope, and releases at once what is registered there', async () => {
    const { root, happened, ...ground } = groundOf();
    const heir = root.move();
    expect(() => root.child('late')).toThrow('cannot open late: root was moved');
    expect(() => root.move()).toThrow('cannot move: root was moved');
    root.defer('late', ground.note('late'));
    await ground.clock.advance(0);
    expect(happened).toEqual(['late']);
    expect(heir.state).toBe('open');
  });

  test('lets what was being acquired arrive: the heir owns it and the caller has it', async () => {
    const { root, happened } = groundOf();
    const opening = Promise.withResolvers<string>();
    const acquiring = root.acquire(
      'thing',
      () => opening.promise,
      (opened) => void happened.push(opened),
    );
    const heir = root.move();
    opening.resolve('socket');
    expect(await acquiring).toBe('socket');
    await heir.close('done');
    expect(happened).toEqual(['socket']);
  });

  test('keeps registrations and tasks of the old scope working', async () => {
    const failures: string[] = [];
    const { root, happened, ...ground } = groundOf({
      onTaskFailure: ({ task, scope }) => void failures.push(`${scope}/${task}`),
    });
    const registration = root.defer('thing', ground.note('thing'));
    const forgotten = root.defer('forgotten', ground.note('forgotten'));
    const task = root.spawn('task', async () => {
      await ground.pass(5);
      throw new Error('no');
    });
    const stuck = root.spawn('stuck', () => never);
    const heir = root.move();
    await registration.release();
    forgotten.forget();
    await ground.within(5, task.done);
    expect([happened, failures]).toEqual([['thing'], ['root/task']]);
    expect(lines(heir.tree())).toEqual(['root open', '  stuck running']);
    const report = await ground.within(3000, heir.close('done'));
    expect(said(report.endings)).toEqual(['stuck overdue']);
    expect(heir.signal.aborted).toBe(true);
    expect(stuck.ended).toBe(false);
  });

  test('has `closed` of the old scope wait for the heir, and of a second heir too', async () => {
    const { root, ...ground } = groundOf();
    const seen = watch(root.closed);
    const heir = root.move().move();
    await ground.clock.advance(0);
    expect(seen.state).toBe('pending');
    const report = await heir.close('client_left');
    expect(await root.closed).toBe(report);
  });
});
