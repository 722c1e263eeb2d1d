import { describe, expect, test } from 'vitest';
import { WorkerCalls } from '../../../../src/engines/worker/calls.ts';
import type { ToHost } from '../../../../src/engines/worker/protocol.ts';
import { GreenroomError } from '../../../../src/lifecycle/errors.ts';
import { VirtualClock } from '../../../../src/testing/virtual-clock.ts';

/** Streams whose host answers when the test says so. */
class Desk {
  readonly clock = new VirtualClock();
  readonly notes: string[] = [];
  readonly calls = new WorkerCalls({
    engine: 'ears',
    limits: {
      clock: this.clock,
      stallMs: 60_000,
      cancelGraceMs: 200,
      waitingMax: 64,
      note: (message) => this.notes.push(message),
    },
    post: (message) => {
      if (message.type === 'push') this.pushes.push(message);
    },
    onStall: () => undefined,
  });
  readonly pushes: Extract<ToHost, { type: 'push' }>[] = [];

  open(count: number) {
    return Array.from({ length: count }, () => this.calls.openVad(1000));
  }

  answerAll(): void {
    for (const { id } of this.pushes.splice(0)) this.calls.receive({ type: 'pushed', id, value: [] });
  }
}

const audio = (ms: number) => new Int16Array(ms);

describe('voice activity', () => {
  test('that cannot keep up says so, for all streams together, once in ten seconds', async () => {
    const desk = new Desk();
    const streams = desk.open(5);
    const slow = streams.slice(0, 3);
    for (let round = 0; round < 20; round += 1) {
      for (const stream of slow) void stream.push(audio(1000));
      await desk.clock.advance(1400);
      desk.answerAll();
    }
    const note =
      'engine ears: voice activity: 3 of 5 streams are behind, by 1400 ms or more; ' +
      'fewer sessions at a time, or a faster machine, would be heard in time';
    // In 28 s: 2 s after the first sign, then every ten seconds.
    expect(desk.notes).toEqual([note, note, note]);
  });

  test.each([
    ['catches up quickly', 1000, 30],
    ['has little to hear and waits for it', 100, 300],
    ['hears as fast as one speaks', 1000, 1000],
  ])('that %s says nothing', async (_, audioMs, tookMs) => {
    const desk = new Desk();
    const [stream] = desk.open(1);
    for (let round = 0; round < 20; round += 1) {
      void stream?.push(audio(audioMs));
      await desk.clock.advance(tookMs);
      desk.answerAll();
    }
    await desk.clock.advance(10_000);
    expect(desk.notes).toEqual([]);
  });

  test('whose pushes wait for each other is measured by each alone', async () => {
    const desk = new Desk();
    const [stream] = desk.open(1);
    for (let count = 0; count < 10; count += 1) void stream?.push(audio(1000));
    for (const { id } of desk.pushes.splice(0)) {
      await desk.clock.advance(300);
      desk.calls.receive({ type: 'pushed', id, value: [] });
    }
    await desk.clock.advance(10_000);
    expect(desk.notes).toEqual([]);
  });

  test.each(['has caught up', 'is closed', 'has failed'])('that %s by then is not told of', async (how) => {
    const desk = new Desk();
    const [stream] = desk.open(1);
    void stream?.push(audio(1000));
    await desk.clock.advance(1500);
    desk.answerAll();
    void stream?.push(audio(1000));
    await desk.clock.advance(100);
    if (how === 'has caught up') desk.answerAll();
    else if (how === 'is closed') stream?.close();
    else desk.calls.close(new GreenroomError('engine_exited', 'gone'));
    await desk.clock.advance(20_000);
    expect(desk.notes).toEqual([]);
  });
});
