import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { RequestBody } from '../../../../src/gateway/engine-requests/request-body.ts';
import { WaitingBytes } from '../../../../src/gateway/engine-requests/waiting-bytes.ts';
import { VirtualClock } from '../../../../src/testing/virtual-clock.ts';

const kibibyte = Buffer.alloc(1024, 'x');

/** A body that comes when the test says so. */
class Stage {
  readonly clock = new VirtualClock();
  readonly source = new Readable({ read: () => undefined, highWaterMark: 1024 });
  readonly shown: number[] = [];
  readonly failures: string[] = [];
  readonly said: string[] = [];
  readonly taken: Buffer[] = [];
  continues = 0;
  ended = 0;
  room = true;
  readonly waiting: WaitingBytes;
  readonly body: RequestBody;

  constructor(
    options: { readonly bytesMax?: number; readonly waitingMax?: number; readonly expect?: string } = {},
  ) {
    const { bytesMax = 1e6, waitingMax = 1e6, expect: expected } = options;
    this.waiting = new WaitingBytes(waitingMax);
    const headers = expected === undefined ? {} : { expect: expected };
    this.body = new RequestBody({
      request: Object.assign(this.source, { headers }) as unknown as IncomingMessage,
      response: { headersSent: false, writeContinue: () => this.continues++ } as unknown as ServerResponse,
      ...{ bytesMax, clock: this.clock, waiting: this.waiting },
      show: (bytes) => {
        if (bytes.includes('bad')) throw new Error('no form');
        this.shown.push(bytes.length);
      },
      onFailure: ({ code, message }) => {
        this.failures.push(code);
        this.said.push(message);
      },
    });
  }

  come(...parts: (Buffer | string | null)[]): void {
    for (const part of parts) this.source.push(part);
  }

  pass(): void {
    this.body.passTo({
      write: (bytes) => {
        this.taken.push(bytes);
        return this.room;
      },
      end: () => {
        this.ended += 1;
      },
    });
  }

  get text(): string {
    return Buffer.concat(this.taken).toString();
  }

  /** So much comes each second, for so many seconds. */
  async drip(seconds: number, bytes: number): Promise<void> {
    for (let second = 0; second < seconds; second += 1) {
      await this.clock.advance(1000);
      if (bytes > 0) this.come(Buffer.alloc(bytes));
      await this.rest();
    }
  }

  rest(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }
}

describe('a body', () => {
  test('is not read before somebody wants it', async () => {
    const stage = new Stage();
    stage.come('hello', null);
    await stage.rest();
    expect([stage.shown, stage.body.whole, stage.waiting.taken]).toEqual([[], false, 0]);
  });

  test('is read until it is enough, and shown once; then it passes from its beginning', async () => {
    const stage = new Stage();
    const peeked = stage.body.peek({ enough: () => stage.shown.length === 2, bytesMax: 10_000 });
    stage.come('one ', 'two ');
    await peeked;
    await stage.body.peek({ enough: () => true, bytesMax: 20_000 });
    expect([stage.shown, stage.waiting.taken]).toEqual([[4, 4], 8]);
    stage.pass();
    expect([stage.text, stage.waiting.taken, stage.ended]).toEqual(['one two ', 0, 0]);
    stage.come('three', null);
    await stage.rest();
    expect([stage.text, stage.ended, stage.shown]).toEqual(['one two three', 1, [4, 4]]);
  });

  test('is held up to its bound while it waits, and no further', async () => {
    const stage = new Stage();
    await Promise.all([
      stage.body.peek({ enough: () => stage.shown.length > 0, bytesMax: 4096 }),
      stage.come(...Array(100).fill(kibibyte)),
    ]);
    await stage.rest();
    expect(stage.waiting.taken).toBeGreaterThanOrEqual(4096);
    expect(stage.waiting.taken).toBeLessThan(8192);
    expect(stage.source.isPaused()).toBe(true);
    stage.pass();
    await stage.rest();
    expect(stage.text.length).toBe(102_400);
  });

  test('passes no faster than it is taken', async () => {
    const stage = new Stage();
    stage.room = false;
    stage.pass();
    stage.come(...Array(10).fill(kibibyte), null);
    await stage.rest();
    expect(stage.taken).toHaveLength(1);
    stage.room = true;
    stage.body.resume();
    await stage.rest();
    expect([stage.text.length, stage.ended]).toEqual([10_240, 1]);
  });

  test('that has ended before it passes ends there', async () => {
    const stage = new Stage();
    stage.come('all', null);
    expect(String(await stage.body.all())).toBe('all');
    expect(stage.body.whole).toBe(true);
    stage.pass();
    expect([stage.text, stage.ended]).toEqual(['all', 1]);
  });

  test('is asked for only when it is wanted, and once', async () => {
    const stage = new Stage({ expect: '100-continue' });
    await stage.rest();
    expect(stage.continues).toBe(0);
    void stage.body.peek({ enough: () => false, bytesMax: 10 });
    stage.pass();
    expect(stage.continues).toBe(1);
    const unasked = new Stage({ expect: '100-continue' });
    unasked.body.drop();
    expect([unasked.continues, unasked.source.isPaused()]).toEqual([0, true]);
  });

  test.each([
    ['over its limit', { bytesMax: 2000 }, kibibyte, 'body_too_large'],
    ['for which there is no room', { waitingMax: 2000 }, kibibyte, 'server_busy'],
    ['that is not what it is said to be', {}, Buffer.from('bad'), 'internal_error'],
  ])('%s is told once, and what was held is let go', async (_, options, part, code) => {
    const stage = new Stage(options);
    const whole = stage.body.all();
    stage.come(part, part, part, null);
    await whole;
    await stage.rest();
    expect([stage.failures, stage.waiting.taken]).toEqual([[code], 0]);
  });

  test('over its limit while it passes is told as well', async () => {
    const stage = new Stage({ bytesMax: 2000 });
    stage.pass();
    stage.come(kibibyte, kibibyte, kibibyte);
    await stage.rest();
    expect([stage.failures, stage.taken.length]).toEqual([['body_too_large'], 1]);
  });

  test('that nobody wants any more wakes who waits for it, and is thrown away', async () => {
    const stage = new Stage();
    const peeked = stage.body.peek({ enough: () => false, bytesMax: 1e5 });
    stage.come(kibibyte);
    await stage.rest();
    stage.body.drop();
    await peeked;
    stage.come(kibibyte, null);
    await stage.rest();
    stage.pass();
    expect([stage.waiting.taken, stage.taken, stage.source.readableEnded]).toEqual([0, [], true]);
  });
});

describe('a body for which an engine is held', () => {
  test('is refused when it comes too slowly, with the numbers', async () => {
    const stage = new Stage();
    stage.pass();
    stage.body.hasToCome();
    await stage.drip(9, 1000);
    expect(stage.failures).toEqual([]);
    await stage.drip(1, 1000);
    expect(stage.failures).toEqual(['request_timeout']);
    expect(stage.said[0]).toContain(': 9000 bytes in 10000 ms; 16384 bytes a second are the least');
  });

  test('may not live on what came fast before', async () => {
    const stage = new Stage();
    stage.pass();
    stage.body.hasToCome();
    stage.come(Buffer.alloc(900_000));
    await stage.rest();
    await stage.drip(10, 1);
    expect(stage.failures).toEqual(['request_timeout']);
  });

  test('may rest for less than the grace, and come as slowly as is allowed', async () => {
    const stage = new Stage({ bytesMax: 1e7 });
    stage.pass();
    stage.body.hasToCome();
    await stage.drip(60, 16_384);
    await stage.drip(8, 0);
    await stage.drip(1, 200_000);
    await stage.drip(9, 0);
    expect(stage.failures).toEqual([]);
    stage.come(null);
    await stage.rest();
    await stage.drip(60, 0);
    expect([stage.failures, stage.ended]).toEqual([[], 1]);
  });

  test('has no time to lose while the engine does not take it, nor before it is wanted', async () => {
    const stage = new Stage();
    stage.room = false;
    stage.pass();
    stage.come(kibibyte);
    await stage.rest();
    await stage.drip(20, 0);
    stage.body.hasToCome();
    await stage.drip(60, 0);
    expect(stage.failures).toEqual([]);
    stage.body.resume();
    await stage.drip(9, 0);
    expect(stage.failures).toEqual([]);
    await stage.drip(1, 0);
    expect(stage.failures).toEqual(['request_timeout']);
  });
});
