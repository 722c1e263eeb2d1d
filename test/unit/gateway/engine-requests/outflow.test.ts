// What waits for a slow caller, in virtual time.
import { describe, expect, test } from 'vitest';
import { bodyLimits, Outflow, streamLimits } from '../../../../src/gateway/engine-requests/outflow.ts';
import { WaitingBytes } from '../../../../src/gateway/engine-requests/waiting-bytes.ts';
import { VirtualClock } from '../../../../src/testing/virtual-clock.ts';

const kibibyte = Buffer.alloc(1024);

/** A caller who takes what he is let. */
class Stage {
  readonly clock = new VirtualClock();
  readonly waiting: WaitingBytes;
  readonly written: number[] = [];
  readonly slow: string[] = [];
  rooms = 0;
  /** Writes that he takes before he has enough. */
  takes = 0;
  #drained: () => void = () => undefined;
  readonly outflow: Outflow;

  constructor(waitingMax?: number) {
    this.waiting = new WaitingBytes(waitingMax);
    this.outflow = new Outflow({
      outlet: {
        write: (bytes) => {
          this.written.push(bytes.length);
          this.takes -= 1;
          return this.takes > 0;
        },
        on: (_, listener) => {
          this.#drained = listener;
        },
      },
      clock: this.clock,
      waiting: this.waiting,
      onRoom: () => {
        this.rooms += 1;
      },
      onSlow: (what) => this.slow.push(what),
    });
  }

  /** So many KiB; how many were told to be too many. */
  push(count: number): number {
    let refused = 0;
    for (let at = 0; at < count; at += 1) if (!this.outflow.push(kibibyte)) refused += 1;
    return refused;
  }

  take(writes: number): void {
    this.takes = writes;
    this.#drained();
  }

  get taken(): number {
    return this.written.reduce((sum, bytes) => sum + bytes, 0);
  }
}

describe('an answer', () => {
  test('goes straight to a caller who takes it', () => {
    const stage = new Stage();
    stage.takes = 1000;
    expect(stage.push(100)).toBe(0);
    expect(stage.written).toEqual(Array(100).fill(1024));
    expect(stage.waiting.taken).toBe(0);
    expect(stage.clock.pending).toBe(0);
  });

  test('waits up to its limit, is told to be too much from there on, and that there is room when half is gone', () => {
    const stage = new Stage();
    const max = streamLimits.bytesMax / 1024;
    expect(stage.push(1 + max)).toBe(1);
    expect(stage.waiting.taken).toBe(streamLimits.bytesMax);
    stage.take(2);
    expect(stage.rooms).toBe(0);
    stage.take(8);
    expect(stage.rooms).toBe(1);
    // It comes in larger pieces now, and is all there.
    expect(Math.max(...stage.written)).toBe(65_536);
    stage.take(100);
    expect(stage.taken).toBe(streamLimits.bytesMax + 1024);
    expect(stage.waiting.taken).toBe(0);
  });

  test('that is a body may wait in larger amounts, as long as there is room in all', () => {
    const large = new Stage();
    large.outflow.limits = bodyLimits;
    expect(large.push(2 * 1024)).toBe(0);
    const crowded = new Stage(4096);
    crowded.outflow.limits = bodyLimits;
    expect(crowded.push(2 * 1024)).toBe(1024);
  });

  test('is empty when all of it has been handed over', async () => {
    const stage = new Stage();
    stage.push(10);
    let empty = false;
    void stage.outflow.empty().then(() => {
      empty = true;
    });
    await stage.clock.advance(1);
    expect(empty).toBe(false);
    stage.take(100);
    await stage.clock.advance(1);
    expect(empty).toBe(true);
  });
});

describe('a caller', () => {
  const fill = (stage: Stage) => stage.push(1 + stage.outflow.limits.bytesMax / 1024);

  test('who takes nothing of a full stream for ten seconds is too slow, told once', async () => {
    const stage = new Stage();
    fill(stage);
    await stage.clock.advance(9999);
    expect(stage.slow).toEqual([]);
    await stage.clock.advance(60_000);
    expect(stage.slow).toEqual(['1048576 bytes wait for the caller, some for 10000 ms']);
    expect({ waiting: stage.waiting.taken, timers: stage.clock.pending }).toEqual({ waiting: 0, timers: 0 });
  });

  test('who takes a little of a full stream is too slow by the age of what waits', async () => {
    const stage = new Stage();
    fill(stage);
    for (let seconds = 0; seconds < 10; seconds += 1) {
      await stage.clock.advance(1000);
      stage.take(1);
      stage.push(64);
    }
    await stage.clock.advance(2000);
    expect(stage.slow).toHaveLength(1);
  });

  test('who reads sound as it is played is not too slow, however long it takes', async () => {
    const stage = new Stage();
    stage.outflow.limits = bodyLimits;
    fill(stage);
    for (let seconds = 0; seconds < 300; seconds += 2) {
      await stage.clock.advance(2000);
      stage.take(1);
      stage.push(64);
    }
    expect(stage.slow).toEqual([]);
    await stage.clock.advance(11_000);
    expect(stage.slow).toHaveLength(1);
  });

  test('who takes nothing of what is not full has a minute', async () => {
    const stage = new Stage();
    stage.push(10);
    await stage.clock.advance(59_000);
    expect(stage.slow).toEqual([]);
    await stage.clock.advance(1000);
    expect(stage.slow).toEqual(['9216 bytes wait for the caller, who took nothing for 60000 ms']);
  });

  test('who is given up is given nothing more, and nobody waits for him', async () => {
    const stage = new Stage();
    fill(stage);
    const empty = stage.outflow.empty();
    stage.outflow.close();
    stage.outflow.close();
    await empty;
    expect(stage.push(10)).toBe(0);
    expect({
      written: stage.written.length,
      waiting: stage.waiting.taken,
      timers: stage.clock.pending,
    }).toEqual({
      ...{ written: 1, waiting: 0, timers: 0 },
    });
  });
});
