// Engines of one group: one is loaded at a time, everybody who waits is served, and a swap takes nothing from under
// anybody.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EngineGroup } from '../../../src/engines/engine-group.ts';
import type { Lease } from '../../../src/engines/lease.ts';
import { EngineGroupStage } from './engine-group-stage.ts';

const never = new AbortController().signal;

describe('a swap', () => {
  test('unloads the one before it loads the other', async () => {
    await using stage = new EngineGroupStage(['a', 'b']);
    const a = stage.engine('a').admit({ signal: never });
    await stage.ready('a');
    (await a).release();
    const b = stage.engine('b').admit({ signal: never });
    await stage.clock.advance(1);
    expect(stage.states()).toEqual({ a: 'idle', b: 'starting' });
    await stage.ready('b');
    (await b).release();
    expect(stage.notes).toEqual([expect.stringMatching(/^engine a made room for engine b in \d+ ms$/)]);
  });

  test('waits for the calls under way, and those who come for the first wait for their turn', async () => {
    await using stage = new EngineGroupStage(['a', 'b']);
    const a = stage.engine('a').admit({ signal: never });
    await stage.ready('a');
    const lease = await a;
    const b = stage.engine('b').admit({ signal: never });
    await stage.clock.advance(1);
    const again = stage.engine('a').admit({ signal: never });
    await stage.clock.advance(5000);
    expect(stage.states()).toEqual({ a: 'ready', b: 'idle' });
    lease.release();
    await stage.ready('b');
    (await b).release();
    await stage.ready('a');
    (await again).release();
    expect(stage.loadedAtOnce).toBe(1);
  });

  test('lets a load end that somebody waits for', async () => {
    await using stage = new EngineGroupStage(['a', 'b']);
    const a = stage.engine('a').admit({ signal: never });
    const b = stage.engine('b').admit({ signal: never });
    await stage.clock.advance(1000);
    expect(stage.states()).toEqual({ a: 'starting', b: 'idle' });
    await stage.ready('a');
    (await a).release();
    await stage.ready('b');
    (await b).release();
  });

  test('is given up when nobody wants the other any more', async () => {
    await using stage = new EngineGroupStage(['a', 'b'], { waiting: { max: 64, ms: 1000 } });
    const a = stage.engine('a').admit({ signal: never });
    await stage.ready('a');
    const lease = await a;
    const late = expect(stage.engine('b').admit({ signal: never })).rejects.toMatchObject({
      code: 'engine_not_ready',
    });
    await stage.clock.advance(2000);
    await late;
    (await stage.engine('a').admit({ signal: never })).release();
    lease.release();
    await stage.clock.advance(2000);
    expect(stage.states()).toEqual({ a: 'ready', b: 'idle' });
  });

  test('goes on when the one that is loaded fails for good', async () => {
    await using stage = new EngineGroupStage(['a', 'b']);
    const a = expect(stage.engine('a').admit({ signal: never })).rejects.toMatchObject({ message: 'broken' });
    const b = stage.engine('b').admit({ signal: never });
    stage.fail('a', 'broken');
    await a;
    await stage.ready('b');
    (await b).release();
    expect(stage.states()).toEqual({ a: 'failed', b: 'ready' });
  });

  test('takes an engine that waits to be tried again out of the way', async () => {
    await using stage = new EngineGroupStage(['a', 'b']);
    const a = stage.engine('a').admit({ signal: never });
    stage.last('a').exit();
    const b = stage.engine('b').admit({ signal: never });
    await stage.ready('b');
    (await b).release();
    await stage.ready('a');
    (await a).release();
  });

  test('waits until memory has come back', async () => {
    await using stage = new EngineGroupStage(['a', 'b']);
    const a = stage.engine('a').admit({ signal: never });
    await stage.ready('a');
    (await a).release();
    const gigabyte = 2 ** 30;
    // What is available at each look: the first is before it goes.
    stage.available = [gigabyte, 2 * gigabyte, 4 * gigabyte, 4 * gigabyte];
    const b = stage.engine('b').admit({ signal: never });
    await stage.clock.advance(150);
    expect(stage.states()).toEqual({ a: 'idle', b: 'idle' });
    await stage.clock.advance(150);
    expect(stage.states()).toEqual({ a: 'idle', b: 'starting' });
    await stage.ready('b');
    (await b).release();
  });
});

test('an engine that is asked for starts when its turn comes', async () => {
  await using stage = new EngineGroupStage(['a', 'b']);
  stage.engine('a').start();
  await stage.ready('a');
  stage.engine('b').start();
  await stage.ready('b');
  expect(stage.states()).toEqual({ a: 'idle', b: 'ready' });
});

test('a group of nobody has nothing to do', async () => {
  await using stage = new EngineGroupStage(['a']);
  expect(new EngineGroup(stage.groupOptions)).toBeInstanceOf(EngineGroup);
});

test('whoever comes, in whatever order: one is loaded at a time, and everybody is served', async () => {
  type Move = {
    readonly who: 'a' | 'b' | 'c';
    readonly does: 'come' | 'leave' | 'ready' | 'crash' | 'pause';
  };
  const moves = fc.array(
    fc.record<Move>({
      who: fc.constantFrom('a', 'b', 'c'),
      does: fc.constantFrom('come', 'come', 'leave', 'ready', 'ready', 'crash', 'pause'),
    }),
    { maxLength: 40 },
  );
  await fc.assert(
    fc.asyncProperty(moves, async (history) => {
      await using stage = new EngineGroupStage(['a', 'b', 'c'], { waiting: { max: 64, ms: 600_000 } });
      const leases: Lease[] = [];
      let [came, served] = [0, 0];
      for (const { who, does } of history) {
        if (does === 'come') {
          came += 1;
          void stage
            .engine(who)
            .admit({ signal: never })
            .then((lease) => {
              served += 1;
              leases.push(lease);
            })
            .catch(() => undefined);
        }
        if (does === 'leave') leases.shift()?.release();
        if (does === 'ready') stage.instances(who).at(-1)?.events.climbed('ready');
        if (does === 'crash' && stage.engine(who).life.state === 'ready') stage.last(who).exit();
        await stage.clock.advance(does === 'pause' ? 700 : 1);
        expect(stage.loadedAtOnce).toBeLessThanOrEqual(1);
      }
      // From now on every engine loads, and every call ends.
      for (let round = 0; round < 200 && served < came; round += 1) {
        for (const lease of leases.splice(0)) lease.release();
        for (const who of ['a', 'b', 'c']) stage.instances(who).at(-1)?.events.climbed('ready');
        await stage.clock.advance(300);
      }
      for (const lease of leases.splice(0)) lease.release();
      expect(served).toBe(came);
      expect(stage.loadedAtOnce).toBeLessThanOrEqual(1);
    }),
    { numRuns: 150 },
  );
});
