// Long work of one session in pieces, in virtual time.
import { expect, test } from 'vitest';
import { Scope } from '../../../src/lifecycle/scope.ts';
import { PacedWork } from '../../../src/sessions/paced-work.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';

function rig() {
  const clock = new VirtualClock();
  const scope = new Scope('session', { clock });
  const log: string[] = [];
  const work = new PacedWork({ scope, onIdle: () => log.push('idle') });
  /** So many samples a step. */
  const job = (name: string, ...steps: number[]) =>
    (function* () {
      for (const samples of steps) {
        log.push(`${name} ${samples}`);
        yield samples;
      }
    })();
  return { clock, scope, log, work, job };
}

test('little is done at once; what needs no work is never too much', () => {
  const { work, log, job } = rig();
  work.do(job('a', 1000, 1000));
  for (let count = 0; count < 100; count++) work.do(job('free', 0));
  expect(work.busy).toBe(false);
  expect(log).toHaveLength(102);
});

test('much is done half a second of audio a turn, in order, and told when it is through', async () => {
  const { work, log, job, clock, scope } = rig();
  work.do(job('a', 8000, 8000, 8000));
  work.do(job('b', 1));
  expect({ busy: work.busy, log }).toEqual({ busy: true, log: ['a 8000', 'a 8000'] });
  await clock.advance(0);
  expect(log).toEqual(['a 8000', 'a 8000', 'a 8000', 'b 1', 'idle']);
  expect(work.busy).toBe(false);
  await scope.close('done');
});

test('many little ones add up to much', async () => {
  const { work, job, clock, scope, log } = rig();
  let done = 0;
  while (!work.busy) {
    work.do(job('little', 480));
    done += 1;
  }
  expect(done).toBe(25);
  await clock.advance(0);
  expect(log.at(-1)).toBe('idle');
  await scope.close('done');
});

test('whoever is told may have more at once', async () => {
  const { clock, scope, job, log } = rig();
  const more = [job('c', 20_000), job('b', 20_000)];
  const work = new PacedWork({
    scope,
    onIdle: () => {
      const next = more.pop();
      if (next) work.do(next);
    },
  });
  work.do(job('a', 20_000));
  await clock.advance(0);
  expect(log).toEqual(['a 20000', 'b 20000', 'c 20000']);
  expect(work.busy).toBe(false);
  await scope.close('done');
});

test('work whose owner closes goes no further, and nobody is told', async () => {
  const { work, log, job, clock, scope } = rig();
  work.do(job('a', 12_000, 12_000, 12_000));
  const closed = scope.close('done');
  await clock.advance(0);
  await closed;
  work.do(job('b', 12_000));
  await clock.advance(0);
  expect(log).toEqual(['a 12000']);
  expect(clock.pending).toBe(0);
});
