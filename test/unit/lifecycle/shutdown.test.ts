import { describe, expect, test } from 'vitest';
import {
  Shutdown,
  type ShutdownOptions,
  type ShutdownReport,
  type Stage,
  type StageResult,
} from '../../../src/lifecycle/shutdown.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { failOnUnhandledRejections, never } from './ground.ts';

failOnUnhandledRejections();

interface World {
  readonly clock: VirtualClock;
  readonly happened: string[];
  readonly shutdown: Shutdown;
  /** Lets `ms` go by, in which the report must come. */
  report(ms: number): Promise<ShutdownReport>;
}

type Run = (clock: VirtualClock, ...given: Parameters<Stage['run']>) => Promise<StageResult | undefined>;

/** A stage that writes down when it began, and does what `run` does. */
interface Plan extends Partial<Omit<Stage, 'run'>> {
  readonly name: string;
  readonly run?: Run;
}

const takes =
  (ms: number, result?: StageResult): Run =>
  (clock) =>
    new Promise((resolve) => {
      clock.after(ms, () => resolve(result));
    });

function world(plans: readonly Plan[], options: Partial<ShutdownOptions> = {}): World {
  const clock = new VirtualClock();
  const happened: string[] = [];
  const stages = plans.map(
    ({ run, ...plan }): Stage => ({
      after: [],
      startByMs: 0,
      untilMs: 3000,
      ...plan,
      run(deadline) {
        happened.push(`${plan.name} at ${clock.now()}`);
        return run ? run(clock, deadline) : Promise.resolve(undefined);
      },
    }),
  );
  const shutdown = new Shutdown({
    clock,
    totalMs: 3000,
    stages,
    onForce: (cause, state) => void happened.push(`forced by ${cause}, ${state}, at ${clock.now()}`),
    ...options,
  });
  return {
    clock,
    happened,
    shutdown,
    async report(ms) {
      let given: ShutdownReport | undefined;
      void shutdown.done.then((report) => {
        given = report;
      });
      await clock.advance(ms);
      if (!given) throw new Error(`no report after ${ms} ms`);
      return given;
    },
  };
}

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
    const { stages } = await report(1500);
    expect(happened).toEqual(['sessions at 0', 'sockets at 1000']);
    expect(stages.map(({ outcome }) => outcome)).toEqual(['overdue', 'done']);
  });

  test('that do not end in time are named, and the next ones run', async () => {
    const { shutdown, happened, report } = world([
      { name: 'sessions', untilMs: 1000, run: () => never },
      { name: 'flush', after: ['sessions'], startByMs: 2200, untilMs: 2600 },
    ]);
    void shutdown.request('quit');
    const { stages, forced, exitCode } = await report(1000);
    expect(happened).toEqual(['sessions at 0', 'flush at 1000']);
    expect(stages[0]).toEqual({
      name: 'sessions',
      startMs: 0,
      ms: 1000,
      outcome: 'overdue',
      notes: ['stage not ended after 1000 ms'],
    });
    expect([forced, exitCode]).toEqual([['sessions'], 3]);
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
    await report(2000);
    expect([told, happened]).toEqual([[2000], ['sessions at 0', 'sockets at 1200']]);
  });

  test('that reject after they were given up harm nobody', async () => {
    const late = Promise.withResolvers<undefined>();
    const { shutdown, report } = world([{ name: 'slow', untilMs: 100, run: () => late.promise }]);
    void shutdown.request('quit');
    await report(100);
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
    await report(1000);
    expect(clock.pending).toBe(1);
  });
});

describe('a request', () => {
  test('is told in the same turn, before any stage', async () => {
    const happened: string[] = [];
    const { shutdown, report } = world([{ name: 'stage', run: async () => void happened.push('stage') }], {
      onStart: (reason, totalMs) => happened.push(`${reason} ${totalMs} ${shutdown.state}`),
    });
    void shutdown.request('api');
    expect(happened[0]).toBe('api 3000 stopping');
    await report(0);
    expect(happened).toEqual(['api 3000 stopping', 'stage']);
  });

  test('is the same for everybody: the first reason wins, all get the same report, stages run once', async () => {
    const { shutdown, happened, report } = world([{ name: 'stage', run: takes(50) }]);
    const first = shutdown.request('quit');
    expect(shutdown.request('api')).toBe(first);
    shutdown.signal('SIGTERM');
    const given = await report(50);
    expect(await shutdown.request('fatal_error')).toBe(given);
    expect([given.reason, happened]).toEqual(['quit', ['stage at 0']]);
  });

  test('from within a stage that waits for it ends with that stage', async () => {
    const { shutdown, report } = world([
      {
        name: 'stage',
        untilMs: 100,
        run: async () => {
          await shutdown.request('quit');
          return undefined;
        },
      },
    ]);
    void shutdown.request('quit');
    expect((await report(100)).forced).toEqual(['stage']);
  });

  test.each([
    ['quit', undefined, undefined, 0],
    ['SIGTERM', undefined, undefined, 0],
    ['fatal_error', undefined, undefined, 1],
    ['startup_failed', undefined, undefined, 1],
    ['fatal_error', ['engine'], undefined, 3],
    ['SIGINT', undefined, 'fatal_error', 1],
  ] as const)(
    'for %s, with %j forced and %s on the way, exits with %i',
    async (reason, forced, later, code) => {
      const { shutdown, report } = world([{ name: 'stage', run: takes(50, forced && { forced }) }]);
      void shutdown.request(reason);
      if (later) void shutdown.request(later);
      expect(await report(50)).toMatchObject({ reason, exitCode: code });
    },
  );
});

describe('hooks that throw', () => {
  test('at the start keep nobody from leaving, and stand in the report as a fault', async () => {
    const { shutdown, happened, report } = world([{ name: 'stage' }], {
      onStart: () => {
        throw new Error('no reaper');
      },
    });
    void shutdown.request('quit');
    const { stages, exitCode } = await report(0);
    expect(happened).toEqual(['stage at 0']);
    expect(stages[0]).toEqual({ name: 'start', startMs: 0, ms: 0, outcome: 'failed', notes: ['no reaper'] });
    expect(exitCode).toBe(1);
  });

  test('at the report keep it from nobody, and are a fatal error like any other', async () => {
    const { shutdown, report } = world([{ name: 'stage' }], {
      onReport: () => {
        throw new Error('EPIPE');
      },
    });
    const listeners = process.rawListeners('unhandledRejection') as NodeJS.UnhandledRejectionListener[];
    const thrown: unknown[] = [];
    process.removeAllListeners('unhandledRejection');
    process.on('unhandledRejection', (error) => void thrown.push(error));
    try {
      void shutdown.request('quit');
      expect(await report(0)).toMatchObject({ exitCode: 0 });
      expect(thrown).toMatchObject([{ message: 'EPIPE' }]);
    } finally {
      process.removeAllListeners('unhandledRejection');
      for (const listener of listeners) process.on('unhandledRejection', listener);
    }
  });

  test('at force leave the last resort in place: the watchdog tries again', async () => {
    let tries = 0;
    const { clock, shutdown } = world([{ name: 'stuck', run: () => never }], {
      onForce: () => {
        tries += 1;
        if (tries === 1) throw new Error('no');
      },
    });
    shutdown.signal('SIGINT');
    await clock.advance(600);
    expect(() => shutdown.signal('SIGINT')).toThrow('no');
    await clock.advance(2200);
    expect(tries).toBe(2);
  });
});

describe('signals', () => {
  test('ask for shutdown; one within half a second is the same one twice; a later one forces, once', async () => {
    const { clock, shutdown, happened } = world([{ name: 'stuck', untilMs: 2600, run: () => never }]);
    shutdown.signal('SIGINT');
    expect(shutdown.state).toBe('stopping');
    await clock.advance(500);
    shutdown.signal('SIGINT');
    expect(happened).toEqual(['stuck at 0']);
    await clock.advance(1);
    shutdown.signal('SIGTERM');
    shutdown.signal('SIGTERM');
    await clock.advance(3000);
    shutdown.signal('SIGTERM');
    expect(happened).toEqual(['stuck at 0', 'forced by second_signal, stopping, at 501']);
  });

  test('after another trigger: the first signal never forces, however late, the second one does', async () => {
    const { clock, shutdown, happened } = world([{ name: 'stuck', untilMs: 2600, run: () => never }]);
    void shutdown.request('api');
    await clock.advance(1000);
    shutdown.signal('SIGTERM');
    await clock.advance(500);
    shutdown.signal('SIGTERM');
    expect(happened).toEqual(['stuck at 0']);
    await clock.advance(1);
    shutdown.signal('SIGTERM');
    expect(happened.at(-1)).toBe('forced by second_signal, stopping, at 1501');
  });
});

describe('the watchdog', () => {
  test.each([
    [3000, 2800],
    [1500, 1400],
  ])('of a total of %i ms fires at %i ms when stages are still running', async (totalMs, atMs) => {
    const { clock, shutdown, happened } = world([{ name: 'stuck', untilMs: 9999, run: () => never }], {
      totalMs,
    });
    void shutdown.request('quit');
    await clock.advance(atMs - 1);
    expect(happened.length).toBe(1);
    await clock.advance(1);
    expect(happened.at(-1)).toBe(`forced by watchdog, stopping, at ${atMs}`);
  });

  test('fires also when the report is long given and the process is still there', async () => {
    const { clock, shutdown, happened } = world([{ name: 'stage' }]);
    void shutdown.request('quit');
    await clock.advance(2800);
    expect(happened.at(-1)).toBe('forced by watchdog, stopped, at 2800');
  });

  test('keeps no process alive', () => {
    const refs: (boolean | undefined)[] = [];
    const clock = new VirtualClock();
    const after = clock.after.bind(clock);
    clock.after = (ms: number, callback: () => void, options?: { readonly ref?: boolean }) => {
      refs.push(options?.ref);
      return after(ms, callback);
    };
    const { shutdown } = world([], { clock });
    void shutdown.request('quit');
    expect(refs).toEqual([false]);
  });
});
