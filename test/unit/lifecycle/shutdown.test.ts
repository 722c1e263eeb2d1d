import { describe, expect, test } from 'vitest';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { failOnLeftovers, never } from './ground.ts';
import { takes, world } from './leaving.ts';

failOnLeftovers();

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
    expect((await report(150)).forced).toEqual(['stage']);
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

test('each stage is told when it has ended, before the next one begins', async () => {
  const told: string[] = [];
  const { shutdown, report } = world(
    [
      { name: 'first', run: takes(50, { notes: ['a note'] }) },
      { name: 'second', after: ['first'], startByMs: 1000, run: takes(10) },
    ],
    { onStage: ({ name, startMs, ms, notes }) => told.push(`${name} ${startMs} ${ms} ${notes}`) },
  );
  void shutdown.request('quit');
  const { stages } = await report(60);
  expect(told).toEqual(['first 0 50 a note', 'second 50 10 ']);
  expect(stages.map(({ name }) => name)).toEqual(['first', 'second']);
});

describe('hooks that throw', () => {
  test('at a stage keep nobody from leaving, and are no fault of it', async () => {
    const { shutdown, happened, report } = world([{ name: 'stage' }, { name: 'next', after: ['stage'] }], {
      onStage: () => {
        throw new Error('nobody listens');
      },
    });
    void shutdown.request('quit');
    expect(await report(0)).toMatchObject({ exitCode: 0, forced: [] });
    expect(happened).toEqual(['stage at 0', 'next at 0']);
  });

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
