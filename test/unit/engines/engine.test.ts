import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { Stage } from './engine-stage.ts';
import { failure } from './lives.ts';

describe('an instance', () => {
  test('lives in a scope of its own, which closes when it is gone', async () => {
    await using stage = new Stage();
    const first = stage.ready();
    expect(stage.engine.status()).toMatchObject({ state: 'ready', pid: 123, attempt: 1 });
    first.exit();
    await stage.clock.advance(0);
    expect(first.scope.state).toBe('closed');
    expect(first.asked).toEqual(['released']);
    expect(stage.engine.status()).toMatchObject({ state: 'backoff', pid: null, offers: [] });
  });

  test('that tells its exit twice has exited once', async () => {
    await using stage = new Stage();
    const first = stage.ready();
    first.exit();
    first.exit();
    expect(stage.engine.life.failures).toBe(1);
    await stage.clock.advance(500);
    first.exit();
    expect(stage.engine.status()).toMatchObject({ state: 'starting', pid: 123 });
    expect(stage.instances).toHaveLength(2);
  });

  test('of earlier says nothing about the one of now', async () => {
    await using stage = new Stage();
    const first = stage.ready();
    first.exit();
    await stage.clock.advance(500);
    first.events.climbed('ready');
    first.events.failed(failure('late'));
    expect(stage.engine.life).toMatchObject({ state: 'starting', rung: null });
  });

  test('that cannot even be made counts as one that failed, and is tried again', async () => {
    let attempts = 0;
    await using stage = new Stage('when asked', {
      spawner: () => () => {
        attempts += 1;
        throw new Error('no thread left');
      },
    });
    stage.engine.start();
    expect(stage.engine.life.state).toBe('starting');
    await stage.clock.advance(0);
    expect(stage.engine.life.state).toBe('backoff');
    expect(stage.engine.life.failure?.message).toBe('engine mine: cannot be started: no thread left');
    await stage.clock.advance(60_000);
    expect(attempts).toBe(5);
    expect(stage.engine.life.state).toBe('failed');
  });

  test('that shows no sign of life is ended, and the cause is told with the rung and its last lines', async () => {
    await using stage = new Stage();
    stage.engine.start();
    stage.last.events.climbed('alive');
    stage.last.events.progressed(0.2, 'reading weights');
    await stage.clock.advance(1000);
    expect(stage.last.asked).toContain('terminate');
    expect(stage.engine.life.failure).toEqual({
      code: 'engine_stalled',
      message:
        'engine mine: no sign of progress for 1000 ms, at rung alive (reading weights); if it may be silent for longer, raise `ready.stall`',
      logTail: ['its last line'],
      kind: 'passing',
    });
  });

  test('that goes on and on without being ready is ended at the total deadline', async () => {
    await using stage = new Stage();
    stage.engine.start();
    for (let at = 0; at < 10; at += 1) {
      await stage.clock.advance(500);
      stage.last.events.active();
    }
    expect(stage.engine.life.failure).toMatchObject({
      code: 'engine_deadline',
      message:
        'engine mine: not ready after 5000 ms, at rung none; if it may take longer, raise `ready.total`',
    });
  });
});

describe('stop', () => {
  test('resolves when the instance is gone, with all that it held', async () => {
    await using stage = new Stage();
    const instance = stage.ready();
    expect(await stage.engine.stop(stage.deadline(1000))).toBe('stopped');
    expect(instance.asked).toEqual(['terminate', 'released']);
    expect(instance.scope.state).toBe('closed');
    expect(stage.engine.life.state).toBe('stopped');
  });

  test('says killed when its grace was not enough', async () => {
    await using stage = new Stage('when killed');
    const instance = stage.ready();
    const stopped = stage.engine.stop(stage.deadline(10_000));
    await stage.clock.advance(499);
    expect(instance.asked).toEqual(['terminate']);
    await stage.clock.advance(1);
    expect(await stopped).toBe('killed');
    expect(instance.asked).toEqual(['terminate', 'kill', 'released']);
  });

  test('keeps a fifth of a short deadline for the KILL', async () => {
    await using stage = new Stage('when killed');
    stage.ready();
    const stopped = stage.engine.stop(stage.deadline(100));
    await stage.clock.advance(79);
    expect(stage.last.asked).toEqual(['terminate']);
    await stage.clock.advance(1);
    expect(await stopped).toBe('killed');
  });

  test('says stuck at the deadline when not even KILL helps, and goes on', async () => {
    await using stage = new Stage('never');
    stage.ready();
    const stopped = stage.engine.stop(stage.deadline(1000));
    await stage.clock.advance(1000);
    expect(await stopped).toBe('stuck');
    expect(stage.last.asked).toEqual(['terminate', 'kill']);
    stage.last.exit();
    await stage.clock.advance(0);
    expect(stage.engine.life.state).toBe('stopped');
  });

  test('of two, both wait for the same end, and the impatient one kills', async () => {
    await using stage = new Stage('when killed');
    stage.ready();
    const outcomes = [stage.engine.stop(stage.deadline(10_000)), stage.engine.stop(stage.deadline(100))];
    await stage.clock.advance(80);
    expect(await Promise.all(outcomes)).toEqual(['killed', 'killed']);
    expect(stage.last.asked.filter((asked) => asked === 'kill')).toHaveLength(1);
  });

  test('during the back-off takes the retry back', async () => {
    await using stage = new Stage();
    stage.ready().exit();
    expect(await stage.engine.stop(stage.deadline(1000))).toBe('stopped');
    await stage.clock.advance(60_000);
    expect(stage.instances).toHaveLength(1);
    expect(stage.engine.life.state).toBe('stopped');
  });

  test('is not misled by a start that comes while it waits', async () => {
    await using stage = new Stage('when killed');
    const first = stage.ready();
    const stopped = stage.engine.stop(stage.deadline(1000));
    stage.engine.start();
    first.exit();
    expect(await stopped).toBe('stopped');
    expect(stage.engine.life).toMatchObject({ state: 'starting', instance: 2 });
    expect(stage.last.asked).toEqual([]);
  });

  test('of one that was killed before counts for itself alone', async () => {
    await using stage = new Stage();
    const first = stage.ready();
    stage.engine.kill();
    await stage.clock.advance(0);
    expect(first.asked).toContain('kill');
    await stage.clock.advance(500);
    stage.last.events.climbed('ready');
    expect(await stage.engine.stop(stage.deadline(1000))).toBe('stopped');
    expect(await stage.engine.stop(stage.deadline(1000))).toBe('stopped');
  });

  test('of one that never ran is a stop', async () => {
    await using stage = new Stage();
    expect(await stage.engine.stop(stage.deadline(1000))).toBe('stopped');
    expect(stage.engine.life.state).toBe('stopped');
  });
});

describe('the scope of an engine', () => {
  test('ends what runs when it closes', async () => {
    await using stage = new Stage();
    const instance = stage.ready();
    const report = await stage.scope.close('done', { graceMs: 1000 });
    expect(instance.asked).toEqual(['released', 'terminate']);
    expect(stage.engine.life.state).toBe('stopped');
    expect([...report.overdue, ...report.failed]).toEqual([]);
  });

  test('kills what does not end', async () => {
    await using stage = new Stage('when killed');
    const instance = stage.ready();
    const closed = stage.scope.close('done', { graceMs: 1000 });
    await stage.clock.advance(1000);
    expect((await closed).overdue).toEqual([]);
    expect(instance.asked).toContain('kill');
  });

  test('names what not even KILL ends', async () => {
    await using stage = new Stage('never');
    stage.ready();
    const closed = stage.scope.close('done', { graceMs: 1000 });
    await stage.clock.advance(2000);
    expect((await closed).overdue.map(({ path }) => path)).toEqual(['test/mine/instance 1/running']);
  });

  test('takes a retry back', async () => {
    await using stage = new Stage();
    stage.ready().exit();
    await stage.scope.close('done');
    await stage.clock.advance(60_000);
    expect(stage.instances).toHaveLength(1);
    expect(stage.engine.life.state).toBe('stopped');
  });

  test('starts nothing once it has closed', async () => {
    await using stage = new Stage();
    await stage.scope.close('done');
    stage.engine.start();
    expect(stage.instances).toEqual([]);
    expect(stage.engine.life.state).toBe('stopped');
  });
});

describe('whoever waits', () => {
  test('is told when it is ready, at once if it is', async () => {
    await using stage = new Stage();
    const { signal } = new AbortController();
    const early = stage.engine.whenReady(signal);
    stage.ready();
    expect(await early).toMatchObject({ state: 'ready' });
    expect(await stage.engine.whenReady(signal)).toMatchObject({ state: 'ready' });
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test('waits through the back-off, and is told of the failure for good', async () => {
    await using stage = new Stage();
    const waiting = stage.engine.whenReady(new AbortController().signal);
    stage.engine.start();
    stage.last.exit();
    await stage.clock.advance(500);
    stage.last.events.exited(failure('no such file', 'lasting'));
    expect(await waiting).toEqual({ state: 'failed', failure: failure('no such file', 'lasting') });
  });

  test('is told that it was stopped', async () => {
    await using stage = new Stage();
    const waiting = stage.engine.whenReady(new AbortController().signal);
    stage.engine.start();
    await stage.engine.stop(stage.deadline(1000));
    expect(await waiting).toMatchObject({ state: 'failed', failure: { code: 'engine_stopped' } });
  });

  test('can leave, and leaves nothing', async () => {
    await using stage = new Stage();
    const controller = new AbortController();
    const waiting = stage.engine.whenReady(controller.signal);
    const left = expect(waiting).rejects.toMatchObject({ code: 'cancelled' });
    controller.abort();
    await left;
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
    await expect(stage.engine.whenReady(controller.signal)).rejects.toMatchObject({ code: 'cancelled' });
  });

  test('and throws when told, disturbs nobody', async () => {
    await using stage = new Stage();
    const told: string[] = [];
    stage.engine.onChange(() => {
      throw new Error('mine');
    });
    const undo = stage.engine.onChange(({ state }) => told.push(state));
    stage.ready();
    expect(told).toEqual(['starting', 'ready']);
    expect(stage.faults).toHaveLength(2);
    undo();
    stage.last.exit();
    expect(told).toHaveLength(2);
  });
});

describe('a call', () => {
  test('is refused with where the engine stands', async () => {
    await using stage = new Stage();
    const speak = () => stage.engine.speak({ text: 'a', voice: null }, new AbortController().signal);
    expect(speak).toThrow('engine mine is idle, not ready');
    stage.engine.start();
    stage.last.events.climbed('http');
    expect(speak).toThrow('engine mine is starting (http), not ready');
    stage.last.events.climbed('ready');
    expect(() => stage.engine.openVad(16_000)).toThrow('engine mine offers speak, not vad');
    stage.last.exit();
    expect(speak).toThrow('engine mine is backoff, not ready');
  });
});

describe('what is shown', () => {
  test('the time runs until the attempt has ended', async () => {
    await using stage = new Stage();
    stage.engine.start();
    await stage.clock.advance(300);
    expect(stage.engine.status().elapsedMs).toBe(300);
    stage.last.events.exited(failure('no', 'lasting'));
    await stage.clock.advance(1000);
    expect(stage.engine.status()).toMatchObject({ state: 'failed', elapsedMs: 300 });
    stage.ready();
    await stage.clock.advance(1000);
    expect(stage.engine.status()).toMatchObject({ state: 'ready', elapsedMs: 0, attempt: 2 });
  });

  test('every change is told once, with the state before', async () => {
    await using stage = new Stage();
    stage.ready().exit();
    await stage.engine.stop(stage.deadline(1000));
    expect(stage.changes).toEqual(['idle starting', 'starting ready', 'ready backoff', 'backoff stopped']);
  });
});
