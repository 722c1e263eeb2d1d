import { describe, expect, test } from 'vitest';
import { failOnLeftovers, groundOf, lines, never, said } from './ground.ts';

failOnLeftovers();

describe('what is registered late', () => {
  test('on a closing scope is released at once, and the close awaits it', async () => {
    const { root, happened, ...ground } = groundOf();
    root.defer('slow', ground.note('slow', 10));
    const closing = root.close('done');
    root.defer('late', ground.note('late', 30));
    root.defer('late and quick', ground.note('late and quick'));
    await ground.clock.advance(10);
    expect(happened).toEqual(['late and quick', 'slow']);
    const report = await ground.within(20, closing);
    expect(happened.at(-1)).toBe('late');
    expect(said(report.endings).toSorted()).toEqual(['late and quick done', 'late done', 'slow done']);
  });

  test('by the last release of all is still released before the close resolves', async () => {
    const { root, happened, ...ground } = groundOf();
    root.defer('last', () => {
      root.defer('later still', ground.note('later still', 5));
    });
    await ground.within(5, root.close('done'));
    expect(happened).toEqual(['later still']);
  });

  test('and fails, is in the report although it failed before the close came to it', async () => {
    const { root, ...ground } = groundOf();
    root.defer('slow', ground.note('slow', 10));
    const closing = root.close('done');
    root.defer('late', () => Promise.reject(new Error('no')));
    const report = await ground.within(10, closing);
    expect(said(report.failed)).toEqual(['late failed']);
  });

  test('on a closed scope is released at once, and the next scope above that is open awaits it', async () => {
    const { root, happened, ...ground } = groundOf();
    const child = root.child('child');
    await child.close('client_left');
    let reason: string | undefined;
    child.defer('late', async (context) => {
      reason = context.reason;
      await ground.note('late', 20)(context);
    });
    expect(lines(root.tree())).toEqual(['root open', '  child/late releasing']);
    await ground.within(20, root.close('done'));
    expect([happened, reason]).toEqual([['late'], 'client_left']);
  });

  test('on a closed root is released all the same', async () => {
    const { root, happened, ...ground } = groundOf();
    await root.close('done');
    root.defer('late', ground.note('late', 20));
    await ground.clock.advance(20);
    expect(happened).toEqual(['late']);
  });

  test('long after the close has its full time', async () => {
    const problems: string[] = [];
    const { root, ...ground } = groundOf({
      graceMs: 100,
      onReleaseProblem: (ending) => problems.push(...said([ending])),
    });
    await root.close('done');
    await ground.clock.advance(1000);
    root.defer('takes 90 ms', ground.note('', 90));
    root.defer('takes 110 ms', ground.note('', 110));
    await ground.clock.advance(120);
    expect(problems).toEqual(['takes 110 ms overdue']);
  });
});

describe('a registration', () => {
  test('releases early, once, and takes the thing out of its scope', async () => {
    const { root, happened, ...ground } = groundOf();
    const registration = root.defer('thing', ground.note('thing', 5));
    await ground.within(5, Promise.all([registration.release(), registration.release()]));
    expect(happened).toEqual(['thing']);
    expect(lines(root.tree())).toEqual(['root open']);
    expect((await root.close('done')).endings).toEqual([]);
  });

  test('under way when the scope closes is awaited by the close, within the time of the close', async () => {
    const { root, happened, ...ground } = groundOf({ graceMs: 1000 });
    const slow = root.defer('slow', ground.note('slow', 30));
    const stuck = root.defer('stuck', () => never);
    void slow.release();
    void stuck.release();
    const report = await ground.within(50, root.close('done', { graceMs: 50 }));
    expect(happened).toEqual(['slow']);
    expect(said(report.endings)).toEqual(['slow done', 'stuck overdue']);
  });

  test('forgets a thing that ended by itself: it is never released, not even when asked', async () => {
    const { root, happened, ...ground } = groundOf();
    const registration = root.defer('thing', ground.note('thing'));
    registration.forget();
    await registration.release();
    await root.close('done');
    expect(happened).toEqual([]);
  });

  test('forgets nothing whose release has begun', async () => {
    const { root, happened, ...ground } = groundOf();
    const registration = root.defer('thing', ground.note('thing', 5));
    const closing = root.close('done');
    registration.forget();
    const report = await ground.within(5, closing);
    expect([happened, said(report.endings)]).toEqual([['thing'], ['thing done']]);
  });

  test('forgotten while the scope closes, before its turn, is not released', async () => {
    const { root, happened, ...ground } = groundOf();
    const other = root.defer('other', ground.note('other'));
    root.defer('forgets', () => other.forget());
    await root.close('done');
    expect(happened).toEqual([]);
  });

  test('whose release fails or hangs is told to the hook, once, since no close reports it', async () => {
    const problems: string[] = [];
    const { root, ...ground } = groundOf({
      graceMs: 100,
      onReleaseProblem: (ending) => problems.push(...said([ending])),
    });
    const child = root.child('child');
    const failing = child.defer('fails', () => Promise.reject(new Error('no')));
    const hanging = child.defer('hangs', () => never);
    const asked = [failing, hanging, failing, hanging].map((registration) => registration.release());
    await ground.within(3000, Promise.all(asked));
    expect(problems).toEqual(['child/fails failed', 'child/hangs overdue']);
    expect(lines(root.tree())).toContain('    hangs overdue');
  });
});
