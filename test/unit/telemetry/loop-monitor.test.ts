import { describe, expect, test } from 'vitest';
import { delay, systemClock } from '../../../src/lifecycle/clock.ts';
import { LoopMonitor, type Stall } from '../../../src/telemetry/loop-monitor.ts';
import { type OperationKind, Operations, operations } from '../../../src/telemetry/operations.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';

/** Holds the loop, as a parser or a compiler would. */
function block(ms: number): void {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
}

/** Virtual time in which timers can come late: what is held back is added to `now`. */
class LateClock extends VirtualClock {
  heldMs = 0;

  override now(): number {
    return super.now() + this.heldMs;
  }
}

function watching() {
  const clock = new LateClock();
  const stalls: Stall[] = [];
  const marks = new Operations(clock);
  const monitor = new LoopMonitor(clock, (stall) => stalls.push(stall), marks);
  monitor.start();
  const hold = async (ms: number, kind?: OperationKind, of: string | null = null) => {
    if (kind === undefined) clock.heldMs += ms;
    else
      marks.during(kind, of, () => {
        clock.heldMs += ms;
      });
  };
  return { clock, stalls, monitor, marks, hold };
}

describe('in real time', () => {
  test('a block of 150 ms is reported with its mark, one without a mark unnamed, and idling not at all', async () => {
    const stalls: Stall[] = [];
    const monitor = new LoopMonitor(systemClock, (stall) => stalls.push(stall));
    monitor.start();
    try {
      await delay(systemClock, 60);
      // A busy machine may hold us by itself: only what lies between is ours.
      const before = stalls.length;
      operations.during('store batch', 'of a test', () => block(150));
      await delay(systemClock, 30);
      block(150);
      await delay(systemClock, 30);
      const [named, unnamed] = stalls.slice(before);
      expect(named?.during).toBe('store batch of a test');
      expect(named?.duringMs).toBeGreaterThanOrEqual(150);
      expect(named?.ms).toBeGreaterThan(120);
      expect(unnamed).toMatchObject({ during: null, duringMs: 0 });
      expect(monitor.delay().max).toBeGreaterThan(120);
    } finally {
      monitor.stop();
    }
  });
});

describe('the loop monitor', () => {
  test('raises no alarm while the loop is idle', async () => {
    const { clock, stalls, monitor } = watching();
    await clock.advance(10_000);
    expect(stalls).toEqual([]);
    expect(monitor.delay()).toEqual({ p50: 0, p99: 0, max: 0, stalls: 0 });
  });

  test('names the longest mark, if it fills most of the stall', async () => {
    const { clock, stalls, hold } = watching();
    await hold(10, 'session message', 'small');
    await hold(140, 'session message', 'large');
    await hold(20);
    await clock.advance(20);
    // Too small to explain it.
    await hold(60, 'session step', 'small');
    await hold(140);
    await clock.advance(20);
    expect(stalls).toEqual([
      { ms: 170, during: 'session message large', duringMs: 140 },
      { ms: 200, during: null, duringMs: 0 },
    ]);
  });

  test('names the work within, where that is what took the time, and else the work around it', async () => {
    const { clock, stalls, marks, hold } = watching();
    const around = (inMs: number, ownMs: number) =>
      marks.during('http request', 'POST /x', () => {
        void hold(inMs, 'store batch');
        clock.heldMs += ownMs;
      });
    around(150, 20);
    await clock.advance(20);
    around(20, 150);
    await clock.advance(20);
    expect(stalls.map(({ during, duringMs }) => [during, duringMs])).toEqual([
      ['store batch', 150],
      ['http request POST /x', 150],
    ]);
  });

  test('counts stalls by the kind of work, not by its name: there is no end to those', async () => {
    const { clock, monitor, hold } = watching();
    for (let n = 0; n < 1000; n += 1) {
      await hold(150, 'session message', `sess_${n}`);
      await clock.advance(20);
    }
    await hold(150);
    await clock.advance(20);
    expect([...monitor.stalls].filter(([, count]) => count > 0)).toEqual([
      ['session message', 1000],
      ['unknown', 1],
    ]);
  });

  test('two monitors of one process both hear of the work, each since its own last tick', async () => {
    const { clock, stalls, marks, hold } = watching();
    const others: Stall[] = [];
    const other = new LoopMonitor(clock, (stall) => others.push(stall), marks);
    other.start();
    await hold(150, 'hub round');
    await clock.advance(20);
    expect([stalls, others].map((told) => told.map(({ during }) => during))).toEqual([
      ['hub round'],
      ['hub round'],
    ]);
    other.stop();
  });

  test('forgets a mark with the tick it belongs to', async () => {
    const { clock, stalls, hold } = watching();
    await hold(90, 'hub round');
    await clock.advance(20);
    await hold(150);
    await clock.advance(20);
    expect(stalls).toMatchObject([{ ms: 150, during: null }]);
  });

  test('marks work that throws as well, and hands its result and its error through', async () => {
    const { clock, stalls, marks } = watching();
    expect(marks.during('hub round', null, () => 1 + 1)).toBe(2);
    const fails = () =>
      marks.during(
        'http request',
        () => 'GET /x',
        () => {
          clock.heldMs += 200;
          throw new Error('no');
        },
      );
    expect(fails).toThrow('no');
    await clock.advance(20);
    expect(stalls).toMatchObject([{ during: 'http request GET /x' }]);
  });

  test('tells the delay of the last minute: what is older is gone, and the memory does not grow', async () => {
    const { clock, monitor, hold } = watching();
    await hold(500);
    await clock.advance(20);
    await hold(50);
    await clock.advance(20);
    expect(monitor.delay()).toEqual({ p50: 50, p99: 50, max: 500, stalls: 1 });
    await clock.advance(2998 * 20);
    expect(monitor.delay()).toEqual({ p50: 0, p99: 0, max: 500, stalls: 1 });
    await clock.advance(20);
    expect(monitor.delay()).toEqual({ p50: 0, p99: 0, max: 50, stalls: 1 });
  });

  test('knows nothing before its first tick', () => {
    expect(watching().monitor.delay()).toEqual({ p50: 0, p99: 0, max: 0, stalls: 0 });
  });

  test('started twice ticks once; stopped it has no timer, also when it is stopped by whom it tells', async () => {
    const { clock, monitor, hold } = watching();
    monitor.start();
    expect(clock.pending).toBe(1);
    monitor.stop();
    monitor.stop();
    expect(clock.pending).toBe(0);

    const stopping = new LoopMonitor(clock, () => stopping.stop());
    stopping.start();
    await hold(200);
    await clock.advance(20);
    expect(clock.pending).toBe(0);
  });

  test('goes on when whom it tells throws', async () => {
    const clock = new LateClock();
    const monitor = new LoopMonitor(clock, () => {
      throw new Error('no');
    });
    monitor.start();
    clock.heldMs += 200;
    await expect(clock.advance(20)).rejects.toThrow('no');
    expect(clock.pending).toBe(1);
  });
});
