// What is asked of an engine while calls are under way, while it leaves, and while its turn has not come yet: what was
// asked last holds.
import { describe, expect, test } from 'vitest';
import type { Lease } from '../../../src/engines/lease.ts';
import { EngineGroupStage } from './engine-group-stage.ts';
import { Stage } from './engine-stage.ts';

const never = new AbortController().signal;

/** `b` is asked to start, and waits for the call of `a`. */
async function askedToStart(stage: EngineGroupStage): Promise<Lease> {
  const a = stage.engine('a').admit({ signal: never });
  await stage.ready('a');
  const lease = await a;
  stage.engine('b').start();
  await stage.clock.advance(10);
  return lease;
}

describe('a stop, a start and a stop, while a call is under way', () => {
  test('keep newcomers out until the call has ended', async () => {
    await using stage = new Stage('when asked', { drainMs: 10_000 });
    stage.ready();
    const lease = await stage.engine.admit({ signal: never });
    void stage.engine.end('stopped');
    stage.engine.start();
    const stopped = stage.engine.end('restart');
    const late = stage.engine.admit({ signal: never });
    await stage.clock.advance(100);
    expect(stage.engine.status()).toMatchObject({ ending: 'restart', waitingCalls: 1 });
    lease.release();
    await stopped;
    await stage.clock.advance(0);
    stage.last.events.climbed('ready');
    expect((await late).instance).toBe(stage.instances[1]);
    (await late).release();
  });

  test('give the call all of its time again', async () => {
    await using stage = new Stage('when asked', { drainMs: 1000 });
    stage.ready();
    const lease = await stage.engine.admit({ signal: never });
    void stage.engine.end('stopped');
    await stage.clock.advance(900);
    stage.engine.start();
    void stage.engine.end('stopped');
    await stage.clock.advance(900);
    expect(stage.engine.life.state).toBe('ready');
    await stage.clock.advance(100);
    expect(stage.engine.life.state).toBe('stopped');
    lease.release();
  });
});

test('one that leaves for good is not made to come back by what unloads it', async () => {
  await using stage = new Stage('when killed');
  stage.ready();
  await stage.engine.end('stopped');
  expect(stage.engine.life.state).toBe('stopping');
  await stage.engine.end('idle');
  await stage.clock.advance(500);
  expect(stage.engine.life.state).toBe('stopped');
  await expect(stage.engine.admit({ signal: never })).rejects.toMatchObject({ code: 'engine_stopped' });
});

describe('whose turn has not come yet', () => {
  test('and is stopped, does not start when it comes; who waited hears it at once', async () => {
    await using stage = new EngineGroupStage(['a', 'b']);
    const b = stage.engine('b');
    await b.end('stopped');
    const lease = await askedToStart(stage);
    const refused = expect(b.admit({ signal: never })).rejects.toMatchObject({ code: 'engine_stopped' });
    await b.end('stopped');
    await refused;
    lease.release();
    await stage.clock.advance(2000);
    expect(stage.states()).toEqual({ a: 'ready', b: 'stopped' });
  });

  test.each(['stopped and started', 'restarted'])('and was %s, is waited for', async (how) => {
    await using stage = new EngineGroupStage(['a', 'b']);
    const b = stage.engine('b');
    if (how === 'stopped and started') await b.end('stopped');
    const lease = await askedToStart(stage);
    if (how === 'restarted') await b.end('restart');
    const waiting = b.admit({ signal: never });
    await stage.clock.advance(10);
    lease.release();
    await stage.ready('b');
    (await waiting).release();
    expect(stage.states()).toEqual({ a: 'idle', b: 'ready' });
  });
});

describe('callers who leave one after the other, each long before the limit', () => {
  const looks: string[] = [];
  const leave = async (stage: Stage, count: number, of: (lease: Lease) => void = () => undefined) => {
    for (let caller = 0; caller < count; caller += 1) {
      const lease = await stage.engine.admit({ signal: never });
      of(lease);
      await stage.clock.advance(300);
      lease.release('cancelled');
      await stage.clock.advance(0);
    }
  };
  const ready = (stage: Stage) => {
    looks.length = 0;
    const check = async (depth: string) => {
      looks.push(depth);
      return { state: 'unfit', why: 'no token in 30000 ms' } as const;
    };
    stage.engine.start();
    Object.assign(stage.last, { check });
    stage.last.events.climbed('ready');
  };

  test('make an engine suspect that has given none of them anything for as long', async () => {
    await using stage = new Stage();
    ready(stage);
    await leave(stage, 5);
    expect(looks).toEqual([]);
    await leave(stage, 1);
    expect(looks).toEqual(['works']);
    expect(stage.engine.life.failure?.message).toContain('does not work any more');
    stage.engine.start();
    stage.last.events.climbed('ready');
    await leave(stage, 3);
    expect(looks, 'the next one has its own time').toEqual(['works']);
  });

  test('do not, where one of them was given something', async () => {
    await using stage = new Stage();
    ready(stage);
    await leave(stage, 12, (lease) => lease.heard());
    await leave(stage, 3);
    (await stage.engine.admit({ signal: never })).release();
    await leave(stage, 3);
    expect(looks).toEqual([]);
  });
});
