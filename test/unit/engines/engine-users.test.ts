// Those who use an engine: the line before it, leases, what is asked of it meanwhile, and its rest when nobody comes.
import { getEventListeners } from 'node:events';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Lease } from '../../../src/engines/lease.ts';
import { Stage } from './engine-stage.ts';
import { failure } from './lives.ts';

const never = new AbortController().signal;

describe('the line', () => {
  test('waits for the engine, and is let in when it is ready', async () => {
    await using stage = new Stage();
    let place: { position(): number } | undefined;
    const onWait = (its: { position(): number }) => {
      place = its;
    };
    const first = stage.engine.admit({ signal: never });
    const second = stage.engine.admit({ signal: never, onWait });
    expect(stage.engine.status()).toMatchObject({ state: 'starting', waitingCalls: 2 });
    expect(place?.position()).toBe(2);
    stage.last.events.climbed('ready');
    expect((await first).instance).toBe(stage.last);
    expect(place?.position()).toBe(0);
    expect(stage.engine.lobby).toMatchObject({ leases: 2, waiting: 0 });
    (await first).release();
    (await first).release();
    expect(stage.engine.lobby.leases).toBe(1);
    (await second).release();
  });

  test('has an end: who comes then is told so at once', async () => {
    await using stage = new Stage('when asked', { waiting: { max: 2, ms: 1000 } });
    const waiting = [1, 2].map(() => stage.engine.admit({ signal: never }).catch((error) => error));
    await expect(stage.engine.admit({ signal: never })).rejects.toMatchObject({
      code: 'engine_busy',
      details: { state: 'starting', waiting: 2 },
    });
    await stage.clock.advance(1000);
    expect(await waiting[0]).toMatchObject({
      code: 'engine_not_ready',
      details: { position: 1, waitedMs: 1000 },
    });
    expect(stage.engine.lobby.waiting).toBe(0);
  });

  test('loses who leaves, and the load goes on', async () => {
    await using stage = new Stage();
    const caller = new AbortController();
    const left = expect(stage.engine.admit({ signal: caller.signal })).rejects.toMatchObject({
      code: 'cancelled',
    });
    const second = stage.engine.admit({ signal: never });
    caller.abort();
    await left;
    expect(getEventListeners(caller.signal, 'abort')).toEqual([]);
    expect(stage.engine.life.state).toBe('starting');
    stage.last.events.climbed('ready');
    (await second).release();
    await expect(stage.engine.admit({ signal: caller.signal })).rejects.toMatchObject({ code: 'cancelled' });
  });

  test('is told the cause of a failure that lasts, with the last lines', async () => {
    await using stage = new Stage();
    const waiting = stage.engine.admit({ signal: never });
    stage.last.events.exited({ ...failure('no such file', 'lasting'), logTail: ['open: ENOENT'] });
    await expect(waiting).rejects.toMatchObject({
      message: 'no such file',
      details: { state: 'failed', logTail: ['open: ENOENT'] },
    });
  });

  test('waits through a back-off', async () => {
    await using stage = new Stage();
    const waiting = stage.engine.admit({ signal: never });
    stage.last.exit();
    await stage.clock.advance(500);
    stage.last.events.climbed('ready');
    (await waiting).release();
  });

  test('does not wake what was stopped', async () => {
    await using stage = new Stage();
    await stage.engine.stop(stage.deadline(1000));
    await expect(stage.engine.admit({ signal: never })).rejects.toMatchObject({ code: 'engine_stopped' });
    expect(stage.instances).toEqual([]);
  });

  test('is sent home when the gateway leaves', async () => {
    await using stage = new Stage();
    const waiting = expect(stage.engine.admit({ signal: never })).rejects.toMatchObject({
      code: 'engine_stopped',
    });
    await stage.scope.close('done');
    await waiting;
    await expect(stage.engine.admit({ signal: never })).rejects.toMatchObject({ code: 'engine_stopped' });
  });

  test('whatever happens in whatever order, everybody is answered once', async () => {
    type Move =
      | 'come'
      | 'leave'
      | 'release'
      | 'ready'
      | 'exit'
      | 'stop'
      | 'start'
      | 'restart'
      | 'unload'
      | 'wait';
    const moves = fc.array(
      fc.constantFrom<Move>(
        'come',
        'come',
        'leave',
        'release',
        'ready',
        'ready',
        'exit',
        'stop',
        'start',
        'restart',
        'unload',
        'wait',
      ),
      { maxLength: 40 },
    );
    await fc.assert(
      fc.asyncProperty(moves, async (history) => {
        await using stage = new Stage('when asked', {
          waiting: { max: 3, ms: 2000 },
          drainMs: 300,
          idleMs: 500,
        });
        const callers: AbortController[] = [];
        const leases: Lease[] = [];
        let [came, answered] = [0, 0];
        for (const move of history) {
          if (move === 'come') {
            const caller = new AbortController();
            callers.push(caller);
            came += 1;
            void stage.engine
              .admit({ signal: caller.signal })
              .then((lease) => leases.push(lease))
              .catch(() => undefined)
              .then(() => {
                answered += 1;
              });
          }
          if (move === 'leave') callers.shift()?.abort();
          if (move === 'release') leases.shift()?.release();
          if (move === 'ready') stage.instances.at(-1)?.events.climbed('ready');
          if (move === 'exit') stage.instances.at(-1)?.exit();
          if (move === 'stop') void stage.engine.end('stopped');
          if (move === 'start') stage.engine.start();
          if (move === 'restart') void stage.engine.end('restart');
          if (move === 'unload') void stage.engine.end('idle');
          await stage.clock.advance(move === 'wait' ? 400 : 1);
          const { lobby, life } = stage.engine;
          expect(lobby.waiting).toBeLessThanOrEqual(3);
          expect(lobby.leases).toBe(leases.length);
          if (lobby.waiting > 0) expect(['stopped', 'failed', 'idle']).not.toContain(life.state);
        }
        for (const lease of leases.splice(0)) lease.release();
        await stage.clock.advance(5000);
        expect(answered).toBe(came);
        expect(stage.engine.lobby.waiting).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});

describe('to stop, restart or unload', () => {
  test('waits for the calls under way; who comes meanwhile is served by the next instance', async () => {
    await using stage = new Stage();
    stage.ready();
    const lease = await stage.engine.admit({ signal: never });
    const restarted = stage.engine.end('restart');
    const late = stage.engine.admit({ signal: never });
    await stage.clock.advance(100);
    expect(stage.engine.status()).toMatchObject({ state: 'ready', ending: 'restart', waitingCalls: 1 });
    expect(stage.last.asked).toEqual([]);
    lease.release();
    await restarted;
    await stage.clock.advance(1);
    expect(stage.instances).toHaveLength(2);
    stage.last.events.climbed('ready');
    expect((await late).instance).toBe(stage.last);
    (await late).release();
  });

  test('waits no longer than it may', async () => {
    await using stage = new Stage('when asked', { drainMs: 200 });
    stage.ready();
    const lease = await stage.engine.admit({ signal: never });
    const stopped = stage.engine.end('stopped');
    const waiting = expect(stage.engine.admit({ signal: never })).rejects.toMatchObject({
      code: 'engine_stopped',
    });
    await stage.clock.advance(200);
    await stopped;
    await waiting;
    await stage.clock.advance(1);
    expect(stage.engine.status()).toMatchObject({ state: 'stopped', ending: null });
    lease.release();
  });

  test('what was asked last is done', async () => {
    await using stage = new Stage();
    stage.ready();
    const lease = await stage.engine.admit({ signal: never });
    void stage.engine.end('stopped');
    const ended = stage.engine.end('idle');
    lease.release();
    await ended;
    await stage.clock.advance(1);
    expect(stage.engine.life.state).toBe('idle');
  });

  test('a restart that was asked for is over when the gateway stops it, however late its call ends', async () => {
    await using stage = new Stage('when killed');
    stage.ready();
    const lease = await stage.engine.admit({ signal: never });
    const restarted = stage.engine.end('restart');
    const stopped = stage.engine.stop(stage.deadline(1000));
    lease.release();
    await restarted;
    await stage.clock.advance(1000);
    await stopped;
    expect(stage.engine.life.state).toBe('stopped');
    expect(stage.instances).toHaveLength(1);
  });

  test('who is kept out by two is let in when both have opened', async () => {
    await using stage = new Stage();
    stage.ready();
    const { lobby } = stage.engine;
    await lobby.drain('group', 100);
    await lobby.drain('ending', 100);
    let lease: Lease | undefined;
    const waiting = stage.engine.admit({ signal: never }).then((its) => {
      lease = its;
    });
    lobby.open('ending');
    await stage.clock.advance(0);
    expect(lease).toBeUndefined();
    lobby.open('group');
    await waiting;
    lease?.release();
  });

  test('a start takes it back', async () => {
    await using stage = new Stage();
    const instance = stage.ready();
    const lease = await stage.engine.admit({ signal: never });
    const ended = stage.engine.end('stopped');
    stage.engine.start();
    (await stage.engine.admit({ signal: never })).release();
    lease.release();
    await ended;
    await stage.clock.advance(1);
    expect(stage.engine.status()).toMatchObject({ state: 'ready', ending: null });
    expect(instance.asked).toEqual([]);
  });
});

describe('nobody uses it', () => {
  const idle = { idleMs: 1000 };

  test('so it is unloaded, and comes back for the next', async () => {
    await using stage = new Stage('when asked', idle);
    stage.ready();
    await stage.clock.advance(999);
    expect(stage.engine.life.state).toBe('ready');
    await stage.clock.advance(2);
    expect(stage.engine.life.state).toBe('idle');
    const lease = stage.engine.admit({ signal: never });
    stage.last.events.climbed('ready');
    (await lease).release();
    expect(stage.instances).toHaveLength(2);
  });

  test('its time begins when the last one has left; a hold keeps it', async () => {
    await using stage = new Stage('when asked', idle);
    stage.ready();
    const lease = await stage.engine.admit({ signal: never });
    const release = stage.engine.lobby.hold();
    await stage.clock.advance(5000);
    lease.release();
    await stage.clock.advance(5000);
    expect(stage.engine.life.state).toBe('ready');
    release();
    release();
    await stage.clock.advance(999);
    expect(stage.engine.life.state).toBe('ready');
    await stage.clock.advance(2);
    expect(stage.engine.life.state).toBe('idle');
  });

  test('who comes in the very step in which it is unloaded is served', async () => {
    await using stage = new Stage('when asked', idle);
    stage.ready();
    let late: Promise<Lease> | undefined;
    stage.engine.onChange(({ state }) => {
      if (state === 'stopping') late ??= stage.engine.admit({ signal: never });
    });
    await stage.clock.advance(1001);
    expect(stage.instances).toHaveLength(2);
    stage.last.events.climbed('ready');
    (await late)?.release();
  });
});

describe('an engine that failed for good', () => {
  test('is tried again when its model is another, and not before', async () => {
    let key = 'first';
    await using stage = new Stage('when asked', { modelKey: async () => key });
    stage.engine.start();
    stage.last.events.exited(failure('no GGUF magic', 'lasting'));
    const refused = () =>
      expect(stage.engine.admit({ signal: never })).rejects.toMatchObject({ message: 'no GGUF magic' });
    await refused();
    key = 'second';
    // Somebody has just looked.
    await refused();
    await stage.clock.advance(1000);
    const lease = stage.engine.admit({ signal: never });
    await stage.clock.advance(0);
    stage.last.events.climbed('ready');
    (await lease).release();
    expect(stage.instances).toHaveLength(2);
  });
});
