import { describe, expect, test } from 'vitest';
import { Scope } from '../../../src/lifecycle/scope.ts';
import { failOnLeftovers, never } from './ground.ts';
import { takes, world } from './leaving.ts';

failOnLeftovers();

describe('stages', () => {
  test('start when those they come after have ended, and are reported with their times', async () => {
    const { shutdown, happened, report } = world([
      { name: 'announce', run: takes(10) },
      { name: 'sessions', after: ['announce'], startByMs: 500, run: takes(300, { notes: ['3 closed'] }) },
      { name: 'engines', after: ['announce'], startByMs: 500, run: takes(200) },
      { name: 'flush', after: ['sessions', 'engines'], startByMs: 2200 },
    ]);
    void shutdown.request('quit');
    const { stages, ms, forced, exitCode } = await report(310);
    expect(happened).toEqual(['announce at 0', 'sessions at 10', 'engines at 10', 'flush at 310']);
    expect(stages).toEqual([
      { name: 'announce', startMs: 0, ms: 10, outcome: 'done', notes: [] },
      { name: 'sessions', startMs: 10, ms: 300, outcome: 'done', notes: ['3 closed'] },
      { name: 'engines', startMs: 10, ms: 200, outcome: 'done', notes: [] },
      { name: 'flush', startMs: 310, ms: 0, outcome: 'done', notes: [] },
    ]);
    expect([ms, forced, exitCode, shutdown.state]).toEqual([310, [], 0, 'stopped']);
  });

  test('start at their time at the latest, whether those before them have ended or not', async () => {
    const { shutdown, happened, report } = world([
      { name: 'sessions', untilMs: 1500, run: () => never },
      { name: 'sockets', after: ['sessions'], startByMs: 1000 },
    ]);
    void shutdown.request('quit');
    const { stages } = await report(1550);
    expect(happened).toEqual(['sessions at 0', 'sockets at 1000']);
    expect(stages.map(({ outcome }) => outcome)).toEqual(['overdue', 'done']);
  });

  test('that do not end in time are named, and the next ones run', async () => {
    const { shutdown, happened, report } = world([
      { name: 'sessions', untilMs: 1000, run: () => never },
      { name: 'flush', after: ['sessions'], startByMs: 2200, untilMs: 2600 },
    ]);
    void shutdown.request('quit');
    const { stages, forced, exitCode } = await report(1050);
    expect(happened).toEqual(['sessions at 0', 'flush at 1050']);
    expect(stages[0]).toEqual({
      name: 'sessions',
      startMs: 0,
      ms: 1050,
      outcome: 'overdue',
      notes: ['stage not ended after 1050 ms'],
    });
    expect([forced, exitCode]).toEqual([['sessions'], 3]);
  });

  test('that close a scope within their deadline name what did not end, not themselves', async () => {
    const { shutdown, report } = world([
      {
        name: 'flush',
        untilMs: 2600,
        async run(clock, deadline) {
          const scope = new Scope('gateway', { clock });
          for (const name of ['a', 'b'])
            scope
              .child(name)
              .child('engine')
              .spawn('task', () => never);
          const { overdue } = await scope.close('server_shutdown', { deadline });
          return { forced: overdue.map(({ path }) => path) };
        },
      },
    ]);
    void shutdown.request('quit');
    const { stages, forced } = await report(2600);
    expect(forced.toSorted()).toEqual(['gateway/a/engine/task', 'gateway/b/engine/task']);
    expect(stages[0]?.ms).toBe(2600);
  });

  test('that have ended are known to those after them', async () => {
    const seen: unknown[] = [];
    const { shutdown, report } = world([
      { name: 'engines', run: takes(20, { forced: ['engine voice'] }) },
      { name: 'sockets', untilMs: 1000, run: takes(500) },
      {
        name: 'flush',
        after: ['engines'],
        startByMs: 2200,
        async run() {
          seen.push(shutdown.soFar);
          return undefined;
        },
      },
    ]);
    expect(shutdown.soFar).toBeUndefined();
    void shutdown.request('quit');
    const { stages, ...rest } = await report(500);
    const engines = stages.filter(({ name }) => name === 'engines');
    expect(seen).toEqual([{ ...rest, ms: 20, stages: engines }]);
    expect(seen).toMatchObject([{ reason: 'quit', forced: ['engine voice'], exitCode: 3 }]);
  });

  test('that throw or reject are a fault, reported with the message, and the next ones run', async () => {
    const { shutdown, happened, report } = world([
      {
        name: 'throws',
        run: () => {
          throw new Error('thrown');
        },
      },
      { name: 'rejects', after: ['throws'], run: () => Promise.reject(new Error('rejected')) },
      { name: 'last', after: ['rejects'], startByMs: 1000 },
    ]);
    void shutdown.request('quit');
    const { stages, forced, exitCode } = await report(0);
    expect(happened).toEqual(['throws at 0', 'rejects at 0', 'last at 0']);
    expect(stages.map(({ outcome, notes }) => [outcome, ...notes])).toEqual([
      ['failed', 'thrown'],
      ['failed', 'rejected'],
      ['done'],
    ]);
    expect([forced, exitCode]).toEqual([[], 1]);
  });

  test('that name what they had to leave make the exit code 3', async () => {
    const { shutdown, report } = world([
      { name: 'sessions', run: takes(5, { forced: ['sessions/a/task'], notes: ['1 closed'] }) },
    ]);
    void shutdown.request('quit');
    const { stages, forced, exitCode } = await report(5);
    expect(stages[0]).toMatchObject({
      outcome: 'overdue',
      notes: ['not released in time: sessions/a/task', '1 closed'],
    });
    expect([forced, exitCode]).toEqual([['sessions/a/task'], 3]);
  });

  test('have a deadline of their own, and all times scale with the total', async () => {
    const told: number[] = [];
    const { shutdown, happened, report } = world(
      [
        {
          name: 'sessions',
          untilMs: 1000,
          run: (_clock, deadline) => {
            told.push(deadline.remainingMs());
            return never;
          },
        },
        { name: 'sockets', after: ['sessions'], startByMs: 600, untilMs: 1200 },
      ],
      { totalMs: 6000 },
    );
    void shutdown.request('quit');
    await report(2100);
    expect([told, happened]).toEqual([[2000], ['sessions at 0', 'sockets at 1200']]);
  });

  test('that reject after they were given up harm nobody', async () => {
    const late = Promise.withResolvers<undefined>();
    const { shutdown, report } = world([{ name: 'slow', untilMs: 100, run: () => late.promise }]);
    void shutdown.request('quit');
    await report(150);
    late.reject(new Error('late'));
  });

  test('that come after one another in a circle start at their times', async () => {
    const { shutdown, happened, report } = world([
      { name: 'hen', after: ['egg'], startByMs: 200 },
      { name: 'egg', after: ['hen'], startByMs: 100 },
    ]);
    void shutdown.request('quit');
    await report(100);
    expect(happened).toEqual(['egg at 100', 'hen at 100']);
  });

  test('cannot come after one that there is not', () => {
    expect(() => world([{ name: 'flush', after: ['sesions'] }])).toThrow(
      'stage flush comes after sesions, which there is not',
    );
  });

  test('leave no timer but the watchdog', async () => {
    const { clock, shutdown, report } = world([
      { name: 'sessions', untilMs: 1000, run: () => never },
      { name: 'engines', run: takes(10) },
      { name: 'sockets', after: ['engines', 'sessions'], startByMs: 500 },
    ]);
    void shutdown.request('quit');
    await report(1050);
    expect(clock.pending).toBe(1);
  });
});
