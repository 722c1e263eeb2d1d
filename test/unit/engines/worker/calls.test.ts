import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import type { PcmChunk } from '../../../../src/engines/contract.ts';
import { WorkerCalls } from '../../../../src/engines/worker/calls.ts';
import { type CallMessage, chunksAhead, type ToHost } from '../../../../src/engines/worker/protocol.ts';
import { GreenroomError } from '../../../../src/lifecycle/errors.ts';
import { VirtualClock } from '../../../../src/testing/virtual-clock.ts';

const chunk = (first: number): PcmChunk => ({ pcm: Int16Array.of(first), rate: 16_000 });

/** The calls of an engine whose host is played by the test. */
class Desk {
  readonly clock = new VirtualClock();
  readonly posted: ToHost[] = [];
  readonly notes: string[] = [];
  readonly stalls: string[] = [];
  readonly calls = new WorkerCalls({
    engine: 'mine',
    limits: {
      clock: this.clock,
      stallMs: 1000,
      cancelGraceMs: 200,
      waitingMax: 64,
      note: (message) => this.notes.push(message),
    },
    post: (message) => this.posted.push(message),
    onStall: (error) => this.stalls.push(error.message),
  });

  constructor(concurrency = 1) {
    this.calls.open(concurrency);
  }

  /** Types and ids of what was posted since the last look. */
  news(): string[] {
    return this.posted.splice(0).map((message) => `${message.type} ${'id' in message ? message.id : ''}`);
  }

  give(id: number, ...firsts: number[]): void {
    for (const first of firsts) this.calls.receive({ type: 'chunk', id, value: chunk(first) });
  }

  /** Begins a call, as a consumer that asks for its first chunk. */
  speak(signal: AbortSignal = new AbortController().signal) {
    const iterator = this.calls
      .call({ method: 'speak', args: { text: 'hello' } }, signal)
      [Symbol.asyncIterator]();
    return { iterator, first: iterator.next() };
  }
}

const value = (result: IteratorResult<PcmChunk>) => result.value?.pcm[0];

async function rest(iterator: AsyncIterator<PcmChunk>): Promise<number[]> {
  const firsts: number[] = [];
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) firsts.push(value(next));
  return firsts;
}

describe('a call', () => {
  test('is not ended by a message that is none of the protocol', async () => {
    const desk = new Desk();
    const { iterator, first } = desk.speak();
    desk.calls.receive({ type: 'nonsense', id: 1 } as unknown as CallMessage);
    desk.give(1, 7);
    desk.calls.receive({ type: 'ended', id: 1 });
    expect(value(await first)).toBe(7);
    expect(await rest(iterator)).toEqual([]);
  });

  test('streams its chunks, tells the host of each that is taken, and ends', async () => {
    const desk = new Desk();
    const { iterator, first } = desk.speak();
    expect(desk.posted.splice(0)).toEqual([
      { type: 'call', id: 1, method: 'speak', args: { text: 'hello' } },
    ]);
    desk.give(1, 10, 11);
    expect(value(await first)).toBe(10);
    expect(desk.news()).toEqual(['taken 1']);
    expect(value(await iterator.next())).toBe(11);
    expect(desk.news()).toEqual(['taken 1']);
    desk.calls.receive({ type: 'ended', id: 1 });
    expect((await iterator.next()).done).toBe(true);
    expect(desk.clock.pending).toBe(0);
    expect(desk.calls.active).toBe(0);
  });

  test('that fails gives its chunks first, then the error', async () => {
    const desk = new Desk();
    const { iterator, first } = desk.speak();
    desk.give(1, 10);
    desk.calls.receive({ type: 'call_failed', id: 1, message: 'no such voice', stack: '' });
    expect(value(await first)).toBe(10);
    await expect(iterator.next()).rejects.toMatchObject({
      code: 'engine_call_failed',
      message: 'engine mine: speak failed: no such voice',
    });
    expect(desk.calls.active).toBe(0);
  });

  test('waits for a lane, and the next one starts when one has really ended', async () => {
    const desk = new Desk(2);
    const calls = [desk.speak(), desk.speak(), desk.speak(), desk.speak()];
    expect(desk.news()).toEqual(['call 1', 'call 2']);
    desk.calls.receive({ type: 'ended', id: 2 });
    expect(desk.news()).toEqual(['call 3']);
    expect((await calls[1]?.first)?.done).toBe(true);
    desk.calls.receive({ type: 'call_failed', id: 1, message: 'x', stack: '' });
    await expect(calls[0]?.first).rejects.toThrow('speak failed');
    expect(desk.news()).toEqual(['call 4']);
  });

  test('beyond 64 that wait is refused as busy', async () => {
    const desk = new Desk();
    const waiting = Array.from({ length: 65 }, () => desk.speak());
    await expect(desk.speak().first).rejects.toMatchObject({
      code: 'engine_busy',
      message: 'engine mine is busy: 1 calls run and 64 wait',
    });
    desk.calls.close(new GreenroomError('engine_stopped', 'enough'));
    const ends = await Promise.allSettled(waiting.map(({ first }) => first));
    expect(ends.filter(({ status }) => status === 'rejected')).toHaveLength(65);
  });

  test('asked for after the end fails at once, however late it is first looked at', async () => {
    const desk = new Desk();
    const early = desk.calls.call({ method: 'speak', args: { text: 'x' } }, new AbortController().signal);
    desk.calls.close(new GreenroomError('engine_exited', 'the first cause'));
    desk.calls.close(new GreenroomError('engine_stopped', 'what followed'));
    await expect(early.next()).rejects.toMatchObject({ code: 'engine_exited', message: 'the first cause' });
    expect(() => desk.calls.openVad(16_000)).toThrow('the first cause');
    expect(desk.news()).toEqual([]);
  });
});

describe('a cancel', () => {
  test('drops what was not taken, and keeps the lane until the host says that it has ended', async () => {
    const desk = new Desk();
    const controller = new AbortController();
    const { iterator, first } = desk.speak(controller.signal);
    const next = desk.speak();
    desk.give(1, 10, 11, 12);
    expect(value(await first)).toBe(10);
    controller.abort();
    expect(await rest(iterator)).toEqual([]);
    expect(desk.news()).toEqual(['call 1', 'taken 1', 'cancel 1']);
    expect(desk.calls.active).toBe(1);
    desk.give(1, 13);
    desk.calls.receive({ type: 'ended', id: 1 });
    expect(desk.news()).toEqual(['call 2']);
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
    desk.calls.receive({ type: 'ended', id: 2 });
    expect((await next.first).done).toBe(true);
    expect(desk.clock.pending).toBe(0);
  });

  test('drops what was not taken also of a call that has ended, or failed', async () => {
    const desk = new Desk(2);
    for (const message of [
      { type: 'ended', id: 1 } as const,
      { type: 'call_failed', id: 2, message: 'late', stack: '' } as const,
    ]) {
      const controller = new AbortController();
      const { iterator, first } = desk.speak(controller.signal);
      desk.give(message.id, 10, 11, 12);
      desk.calls.receive(message);
      await first;
      controller.abort();
      expect(await rest(iterator)).toEqual([]);
    }
    expect(desk.news()).not.toContain('cancel 1');
  });

  test('of a call that waits takes it out', async () => {
    const desk = new Desk();
    desk.speak();
    const controller = new AbortController();
    const waiting = desk.speak(controller.signal);
    controller.abort();
    expect((await waiting.first).done).toBe(true);
    desk.calls.receive({ type: 'ended', id: 1 });
    expect(desk.news()).toEqual(['call 1']);
  });

  test('before the call begins asks for nothing', async () => {
    const desk = new Desk();
    const controller = new AbortController();
    controller.abort();
    expect((await desk.speak(controller.signal).first).done).toBe(true);
    expect(desk.news()).toEqual([]);
  });

  test('by leaving the loop is the same', async () => {
    const desk = new Desk();
    const { iterator, first } = desk.speak();
    desk.give(1, 10, 11);
    await first;
    await iterator.return?.(undefined);
    expect(desk.news()).toEqual(['call 1', 'taken 1', 'cancel 1']);
  });

  test('that is not honoured is noted once, also when a chunk was still under way', async () => {
    const desk = new Desk();
    const controller = new AbortController();
    const { first } = desk.speak(controller.signal);
    controller.abort();
    await first;
    desk.give(1, 10);
    await desk.clock.advance(200);
    expect(desk.notes).toEqual([
      'engine mine: a cancelled call still runs after 200 ms; its lane stays busy',
    ]);
    expect(desk.stalls).toEqual([]);
    await desk.clock.advance(1000);
    expect(desk.notes).toHaveLength(1);
    expect(desk.stalls).toEqual(['engine mine: a call gave nothing for 1000 ms']);
  });
});

describe('the stall clock', () => {
  test('runs from the start of a call, and again from each chunk', async () => {
    const desk = new Desk();
    const { first } = desk.speak();
    await desk.clock.advance(999);
    desk.give(1, 10);
    await first;
    await desk.clock.advance(999);
    expect(desk.stalls).toEqual([]);
    await desk.clock.advance(1);
    expect(desk.stalls).toEqual(['engine mine: a call gave nothing for 1000 ms']);
  });

  test('does not run while it is the consumer who is waited for', async () => {
    const desk = new Desk();
    const { iterator, first } = desk.speak();
    desk.give(1, ...Array.from({ length: chunksAhead }, (_, at) => at));
    await desk.clock.advance(100);
    await first;
    // One was taken: the engine owes one.
    desk.give(1, 8);
    await desk.clock.advance(3_600_000);
    expect(desk.stalls).toEqual([]);
    await iterator.next();
    await desk.clock.advance(1000);
    expect(desk.stalls).toHaveLength(1);
  });

  test('does not run for a call that waits', async () => {
    const desk = new Desk();
    const { first } = desk.speak();
    desk.speak();
    desk.give(1, ...Array.from({ length: chunksAhead + 1 }, (_, at) => at));
    await first;
    await desk.clock.advance(3_600_000);
    expect(desk.stalls).toEqual([]);
  });
});

describe('a voice-activity stream', () => {
  const pcm = new Int16Array(512);

  test('answers in the order of the pushes', async () => {
    const desk = new Desk();
    const stream = desk.calls.openVad(16_000);
    const answers = [stream.push(pcm), stream.push(pcm)];
    expect(desk.news()).toEqual(['open 1', 'push 1', 'push 1']);
    desk.calls.receive({ type: 'pushed', id: 1, value: [{ speech: 0.1 }] });
    desk.calls.receive({ type: 'pushed', id: 1, value: [{ speech: 0.2 }] });
    expect(await Promise.all(answers)).toEqual([[{ speech: 0.1 }], [{ speech: 0.2 }]]);
    expect(desk.clock.pending).toBe(0);
  });

  test('sends only the samples that were pushed, not the buffer around them', () => {
    const desk = new Desk();
    const stream = desk.calls.openVad(16_000);
    void stream.push(new Int16Array(1_000_000).subarray(10, 20));
    const [, push] = desk.posted;
    expect(push?.type === 'push' && push.pcm.buffer.byteLength).toBe(20);
    void stream.close();
  });

  test('needs no lane, and waits for none', () => {
    const desk = new Desk();
    desk.speak();
    desk.news();
    desk.calls.openVad(16_000);
    desk.calls.openVad(16_000);
    expect(desk.news()).toEqual(['open 2', 'open 3']);
    expect(desk.calls.active).toBe(3);
  });

  test('closed answers what is open with nothing, and forgets itself when the host has closed it', async () => {
    const desk = new Desk();
    const stream = desk.calls.openVad(16_000);
    const open = stream.push(pcm);
    await stream.close();
    await stream.close();
    expect(await open).toEqual([]);
    expect(await stream.push(pcm)).toEqual([]);
    expect(desk.news()).toEqual(['open 1', 'push 1', 'cancel 1']);
    desk.calls.receive({ type: 'pushed', id: 1, value: [] });
    expect(desk.calls.active).toBe(1);
    desk.calls.receive({ type: 'ended', id: 1 });
    expect(desk.calls.active).toBe(0);
    expect(desk.clock.pending).toBe(0);
  });

  test('that fails, fails every push from then on, and closing it asks nobody', async () => {
    const desk = new Desk();
    const stream = desk.calls.openVad(16_000);
    const answers = [stream.push(pcm), stream.push(pcm)];
    desk.calls.receive({ type: 'call_failed', id: 1, message: 'NaN', stack: '' });
    const failed = { code: 'engine_call_failed', message: 'engine mine: vad failed: NaN' };
    for (const answer of [...answers, stream.push(pcm)]) await expect(answer).rejects.toMatchObject(failed);
    desk.news();
    await stream.close();
    expect(desk.news()).toEqual([]);
    expect(desk.calls.active).toBe(0);
  });

  test('whose answers nobody looks at any more rejects nothing unhandled', async () => {
    const desk = new Desk();
    const unhandled: unknown[] = [];
    const listener = (error: unknown) => unhandled.push(error);
    process.on('unhandledRejection', listener);
    try {
      const stream = desk.calls.openVad(16_000);
      void stream.push(pcm);
      desk.calls.close(new GreenroomError('engine_exited', 'gone'));
      void stream.push(pcm);
      await new Promise((resolve) => setImmediate(resolve));
      expect(unhandled).toEqual([]);
    } finally {
      process.off('unhandledRejection', listener);
    }
  });

  test('that owes an answer stalls, however many pushes come meanwhile', async () => {
    const desk = new Desk();
    const stream = desk.calls.openVad(16_000);
    for (let push = 0; push < 10; push += 1) {
      void stream.push(pcm);
      await desk.clock.advance(100);
    }
    expect(desk.stalls).toEqual(['engine mine: voice activity gave nothing for 1000 ms']);
  });

  test('that owes nothing never stalls', async () => {
    const desk = new Desk();
    const stream = desk.calls.openVad(16_000);
    const answer = stream.push(pcm);
    desk.calls.receive({ type: 'pushed', id: 1, value: [] });
    await answer;
    await desk.clock.advance(3_600_000);
    expect(desk.stalls).toEqual([]);
  });
});
