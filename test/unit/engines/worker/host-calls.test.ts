import { describe, expect, test, vi } from 'vitest';
import type { LoadedEngine, PcmChunk } from '../../../../src/engines/contract.ts';
import { HostCalls } from '../../../../src/engines/worker/host-calls.ts';
import { chunksAhead, type FromHost } from '../../../../src/engines/worker/protocol.ts';
import { until } from '../../../support/poll.ts';

const chunk: PcmChunk = { pcm: Int16Array.of(1, 2), rate: 16_000 };

class Host {
  readonly posted: FromHost[] = [];
  readonly calls: HostCalls;

  constructor(engine: LoadedEngine) {
    this.calls = new HostCalls(engine, (message) => this.posted.push(message));
  }

  get types(): string[] {
    return this.posted.map(({ type }) => type);
  }

  async says(type: FromHost['type']): Promise<FromHost> {
    const found = () => this.posted.find((message) => message.type === type);
    return until(found, { timeoutMs: 1000, what: type });
  }

  call(): void {
    this.calls.receive({ type: 'call', id: 1, method: 'speak', args: { text: 'hello' } });
  }

  /** Long enough for everything that is not waiting to come to rest. */
  rest(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }
}

describe('a call in the host', () => {
  test('runs ahead of its consumer by eight chunks, and not one more', async () => {
    let made = 0;
    const host = new Host({
      async *speak() {
        for (made = 1; ; made += 1) yield chunk;
      },
    });
    host.call();
    await host.rest();
    expect(host.posted).toHaveLength(chunksAhead);
    expect(made).toBe(chunksAhead);
    host.calls.receive({ type: 'taken', id: 1 });
    await host.rest();
    expect(host.posted).toHaveLength(chunksAhead + 1);
    host.calls.receive({ type: 'cancel', id: 1 });
    await host.says('ended');
  });

  test('that is cancelled gets its signal, runs its finally, and only then has ended', async () => {
    const cleaned = Promise.withResolvers<void>();
    let aborted = false;
    const host = new Host({
      async *speak({ signal }) {
        signal.addEventListener('abort', () => {
          aborted = true;
        });
        try {
          for (;;) yield chunk;
        } finally {
          await cleaned.promise;
        }
      },
    });
    host.call();
    await host.rest();
    host.calls.receive({ type: 'cancel', id: 1 });
    await host.rest();
    expect(aborted).toBe(true);
    expect(host.types).not.toContain('ended');
    cleaned.resolve();
    await host.says('ended');
  });

  test('that throws because it was cancelled has ended', async () => {
    const host = new Host({
      async *speak({ signal }) {
        yield chunk;
        await new Promise((_, reject) =>
          signal.addEventListener('abort', () => reject(new Error('aborted'))),
        );
      },
    });
    host.call();
    await host.rest();
    host.calls.receive({ type: 'cancel', id: 1 });
    await host.rest();
    expect(host.types).toEqual(['chunk', 'ended']);
  });

  test.each<[string, LoadedEngine['speak'], string]>([
    [
      'throws',
      () => {
        throw new Error('no such voice');
      },
      'no such voice',
    ],
    [
      'throws something that is no error',
      async function* () {
        yield chunk;
        throw 'a string';
      },
      'a string',
    ],
    ['gives no stream', (() => 42) as unknown as LoadedEngine['speak'], 'speak() gave no stream'],
    ['is not there', undefined, 'speak() gave no stream'],
    [
      'yields no samples',
      async function* () {
        yield { pcm: [1, 2], rate: 1 } as unknown as PcmChunk;
      },
      'speak() yielded something without `pcm`, an Int16Array',
    ],
    [
      'yields nothing at all',
      async function* () {
        yield undefined as unknown as PcmChunk;
      },
      'speak() yielded something without `pcm`, an Int16Array',
    ],
    ...[Number.NaN, 1e-300, 0, -24_000, 999, 384_001, 24_000.5, '24000' as never].map(
      (rate): [string, LoadedEngine['speak'], string] => [
        `yields a rate of ${rate}`,
        async function* () {
          yield chunk;
          yield { pcm: new Int16Array(1), rate };
        },
        `speak() yielded a \`rate\` of ${rate}, not a whole number of samples per second from 1000 to 384000`,
      ],
    ),
  ])('that %s has failed', async (_, speak, message) => {
    const host = new Host(speak ? { speak } : {});
    host.call();
    const failed = await host.says('call_failed');
    expect(failed).toMatchObject({ id: 1, message: expect.stringContaining(message) });
    expect(host.types).not.toContain('ended');
  });

  test('sends only its samples, not the buffer around them, and nothing else that it yields', async () => {
    const host = new Host({
      async *speak() {
        const large = new Int16Array(100_000);
        yield { pcm: large.subarray(10, 12), rate: 16_000, callback: () => undefined } as PcmChunk;
      },
    });
    host.call();
    const sent = (await host.says('chunk')) as Extract<FromHost, { type: 'chunk' }>;
    expect(sent.value.pcm.buffer.byteLength).toBe(4);
    expect(Object.keys(sent.value)).toEqual(['pcm', 'rate']);
  });
});

describe('a stream in the host', () => {
  const open = { type: 'open', id: 7, args: { rate: 16_000 } } as const;
  const push = (first: number) => ({ type: 'push', id: 7, pcm: Int16Array.of(first) }) as const;
  const close = { type: 'cancel', id: 7 } as const;

  test('does one push after the other, in order', async () => {
    let under = 0;
    const host = new Host({
      vad: async () => ({
        async push(pcm) {
          under += 1;
          await new Promise((resolve) => setImmediate(resolve));
          const together = under;
          under -= 1;
          return [{ speech: (pcm[0] ?? 0) + together * 100 }];
        },
        close: () => undefined,
      }),
    });
    host.calls.receive(open);
    for (const first of [1, 2, 3]) host.calls.receive(push(first));
    await until(() => host.posted.length === 3, { timeoutMs: 1000, what: 'three answers' });
    expect(host.posted.map((message) => message.type === 'pushed' && message.value)).toEqual([
      [{ speech: 101 }],
      [{ speech: 102 }],
      [{ speech: 103 }],
    ]);
    host.calls.receive(close);
    await host.says('ended');
  });

  test('is closed while a push is under way, and has ended when both have', async () => {
    const held = Promise.withResolvers<{ speech: number }[]>();
    const closed = vi.fn(() => held.resolve([]));
    const host = new Host({ vad: () => ({ push: () => held.promise, close: closed }) });
    host.calls.receive(open);
    host.calls.receive(push(1));
    await host.rest();
    host.calls.receive(close);
    host.calls.receive(push(2));
    await host.says('ended');
    expect(closed).toHaveBeenCalledOnce();
  });

  test.each<[string, () => Promise<unknown>, string]>([
    ['throws', () => Promise.reject(new Error('NaN')), 'NaN'],
    ['answers something else', async () => [{ probability: 1 }], 'push() gave something else'],
    ['answers nothing', async () => undefined, 'push() gave something else'],
  ])('whose push %s has failed, once, and is closed', async (_, answer, message) => {
    const closed = vi.fn();
    const host = new Host({ vad: () => ({ push: answer as never, close: closed }) });
    host.calls.receive(open);
    for (const first of [1, 2, 3]) host.calls.receive(push(first));
    await host.says('call_failed');
    host.calls.receive(close);
    await host.rest();
    expect(host.posted).toEqual([
      { type: 'call_failed', id: 7, message: expect.stringContaining(message), stack: expect.any(String) },
    ]);
    expect(closed).toHaveBeenCalledOnce();
  });

  test.each<[string, LoadedEngine, string]>([
    ['cannot be opened', { vad: () => Promise.reject(new Error('no memory')) }, 'no memory'],
    ['is no stream', { vad: (() => ({})) as never }, 'vad() gave nothing with push() and close()'],
    ['is not offered', {}, 'vad() gave nothing with push() and close()'],
  ])('that %s fails, once', async (_, engine, message) => {
    const host = new Host(engine);
    host.calls.receive(open);
    host.calls.receive(push(1));
    await host.says('call_failed');
    await host.rest();
    expect(host.posted).toMatchObject([{ type: 'call_failed', message }]);
  });

  test('that cannot be closed has ended all the same', async () => {
    const said = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    try {
      const host = new Host({
        vad: () => ({
          push: async () => [],
          close() {
            throw new Error('stuck');
          },
        }),
      });
      host.calls.receive(open);
      host.calls.receive(close);
      await host.says('ended');
      expect(said).toHaveBeenCalledOnce();
    } finally {
      said.mockRestore();
    }
  });
});
