// Chat, transcription and embedding of a worker engine, from the gateway's end to the module's and back.
import { describe, expect, test } from 'vitest';
import type { ChatRequest, LoadedEngine } from '../../../../src/engines/contract.ts';
import { type CallRequest, WorkerCalls } from '../../../../src/engines/worker/calls.ts';
import { HostCalls } from '../../../../src/engines/worker/host-calls.ts';
import {
  type CallMessage,
  type CallMethod,
  chunksAhead,
  type FromHost,
  type ToHost,
} from '../../../../src/engines/worker/protocol.ts';
import { VirtualClock } from '../../../../src/testing/virtual-clock.ts';
import { until } from '../../../support/poll.ts';

const { signal: never } = new AbortController();

/** Both ends of the calls of an engine, with nothing in between. */
class Joined {
  readonly clock = new VirtualClock();
  readonly toHost: ToHost[] = [];
  readonly fromHost: FromHost[] = [];
  readonly stalls: string[] = [];
  readonly calls: WorkerCalls;

  constructor(engine: LoadedEngine) {
    const host = new HostCalls(engine, (message) => {
      this.fromHost.push(message);
      this.calls.receive(structuredClone(message) as CallMessage);
    });
    this.calls = new WorkerCalls({
      engine: 'mine',
      limits: {
        ...{ clock: this.clock, stallMs: 1000, cancelGraceMs: 200, waitingMax: 64 },
        note: () => undefined,
      },
      post: (message) => {
        this.toHost.push(message);
        queueMicrotask(() => host.receive(structuredClone(message) as Parameters<typeof host.receive>[0]));
      },
      onStall: (error) => this.stalls.push(error.message),
    });
    this.calls.open(1);
  }

  async all<Method extends CallMethod>(request: CallRequest<Method>, signal = never) {
    const pieces = [];
    for await (const piece of this.calls.call(request, signal)) pieces.push(piece);
    return pieces;
  }

  sent(type: ToHost['type']): number {
    return this.toHost.filter((message) => message.type === type).length;
  }
}

async function* pieces(count: number): AsyncGenerator<Int16Array> {
  for (let at = 0; at < count; at += 1) yield Int16Array.of(at);
}

describe('a chat', () => {
  test('gets what the caller sent, and gives its parts, with nothing else in them', async () => {
    let asked: Partial<ChatRequest> = {};
    const joined = new Joined({
      async *chat(request) {
        asked = request;
        yield { text: 'Hel', secret: 1 } as { text: string };
        yield { toolCall: { id: 'call_1', name: 'look', arguments: '{"at":1}' } };
        yield { finish: 'tool_calls', usage: { prompt_tokens: 3, completion_tokens: 2 } };
      },
    });
    const messages = [{ role: 'user', content: 'Hi' }];
    const said = await joined.all({ method: 'chat', args: { messages, maxTokens: 5, stop: ['x'] } });
    expect(said).toEqual([
      { text: 'Hel' },
      { toolCall: { id: 'call_1', name: 'look', arguments: '{"at":1}' } },
      { finish: 'tool_calls', usage: { prompt_tokens: 3, completion_tokens: 2 } },
    ]);
    expect(asked).toMatchObject({ messages, maxTokens: 5, stop: ['x'] });
    expect(asked.signal?.aborted).toBe(false);
  });

  test.each([
    [7, 'chat() yielded something else than { text }'],
    [{ text: null }, 'chat() yielded something else than { text }'],
    [{ pcm: Int16Array.of(1), rate: 8000 }, 'chat() yielded something else than { text }'],
  ])('that yields %o has failed', async (value, message) => {
    const joined = new Joined({
      async *chat() {
        yield value as never;
      },
    });
    await expect(joined.all({ method: 'chat', args: { messages: [] } })).rejects.toMatchObject({
      code: 'engine_call_failed',
      message: expect.stringContaining(`engine mine: chat failed: ${message}`),
    });
  });

  test('does not take what is an answer to another kind of call', async () => {
    const held = Promise.withResolvers<void>();
    const joined = new Joined({
      async *chat() {
        await held.promise;
        yield { text: 'mine' };
      },
    });
    const said = joined.all({ method: 'chat', args: { messages: [] } });
    joined.calls.receive({ type: 'chunk', id: 1, value: { pcm: Int16Array.of(1), rate: 8000 } });
    joined.calls.receive({ type: 'heard', id: 1, value: { text: 'no', final: true } });
    held.resolve();
    expect(await said).toEqual([{ text: 'mine' }]);
  });
});

describe('a transcription', () => {
  const counting: LoadedEngine = {
    async *transcribe({ pcm, rate, language }) {
      let text = `${language ?? 'any'} at ${rate}:`;
      for await (const [first] of pcm) {
        text += ` ${first}`;
        yield { text, final: false };
      }
      yield { text, final: true };
    },
  };

  test('hears all it is given, in order, however much that is', async () => {
    const joined = new Joined(counting);
    const count = chunksAhead * 5;
    const heard = await joined.all({
      ...{ method: 'transcribe', args: { rate: 16_000, language: 'en' }, hears: pieces(count) },
    });
    const all = Array.from({ length: count }, (_, at) => at).join(' ');
    expect(heard.at(-1)).toEqual({ text: `en at 16000: ${all}`, final: true });
    expect(heard).toHaveLength(count + 1);
    expect(joined.clock.pending).toBe(0);
  });

  test('is given no more than eight pieces ahead of what the engine takes', async () => {
    const held = Promise.withResolvers<void>();
    const joined = new Joined({
      async *transcribe({ pcm }) {
        await held.promise;
        let count = 0;
        for await (const _ of pcm) count += 1;
        yield { text: String(count), final: true };
      },
    });
    const heard = joined.all({ method: 'transcribe', args: { rate: 16_000 }, hears: pieces(100) });
    await new Promise((resolve) => setImmediate(resolve));
    expect(joined.sent('give')).toBe(chunksAhead);
    held.resolve();
    expect(await heard).toEqual([{ text: '100', final: true }]);
  });

  test('stalls only while the engine owes something, not while the caller is slow', async () => {
    const more = Promise.withResolvers<void>();
    const joined = new Joined({
      async *transcribe({ pcm }) {
        for await (const [first] of pcm) if (first === 2) await new Promise(() => undefined);
      },
    });
    const slow = async function* () {
      yield Int16Array.of(1);
      await more.promise;
      yield Int16Array.of(2);
    };
    void joined.all({ method: 'transcribe', args: { rate: 16_000 }, hears: slow() });
    await joined.clock.advance(3_600_000);
    expect(joined.stalls).toEqual([]);
    more.resolve();
    await joined.clock.advance(999);
    expect(joined.stalls).toEqual([]);
    await joined.clock.advance(1);
    expect(joined.stalls).toEqual(['engine mine: a call gave nothing for 1000 ms']);
  });

  test('whose source fails is cancelled, and its caller learns why', async () => {
    const joined = new Joined(counting);
    const torn = async function* () {
      yield Int16Array.of(1);
      throw new Error('the upload was torn');
    };
    const request = { method: 'transcribe', args: { rate: 16_000 }, hears: torn() } as const;
    await expect(joined.all(request)).rejects.toThrow('the upload was torn');
    await until(() => joined.calls.active === 0, { timeoutMs: 1000, what: 'the lane to be free' });
    expect(joined.sent('cancel')).toBe(1);
  });

  test('that is cancelled ends for an engine that waits for more', async () => {
    const joined = new Joined(counting);
    const controller = new AbortController();
    const forever = async function* () {
      yield Int16Array.of(1);
      await new Promise(() => undefined);
    };
    const request = { method: 'transcribe', args: { rate: 16_000 }, hears: forever() } as const;
    const seen = [];
    for await (const part of joined.calls.call(request, controller.signal)) {
      seen.push(part);
      controller.abort();
    }
    expect(seen).toEqual([{ text: 'any at 16000: 1', final: false }]);
    await until(() => joined.calls.active === 0, { timeoutMs: 1000, what: 'the lane to be free' });
  });

  test('of an engine that says it has taken more than it was given is given no more for it', async () => {
    const joined = new Joined({
      async *transcribe() {
        await new Promise(() => undefined);
      },
    });
    void joined.all({ method: 'transcribe', args: { rate: 16_000 }, hears: pieces(100) });
    for (let count = 0; count < 50; count += 1) joined.calls.receive({ type: 'given', id: 1 });
    await new Promise((resolve) => setImmediate(resolve));
    expect(joined.sent('give')).toBe(chunksAhead);
  });
});

describe('an embedding', () => {
  test('is one vector for each text, however many', async () => {
    const joined = new Joined({
      embed: async ({ input }) => input.map((text) => Float32Array.of(text.length, 0.5)),
    });
    const input = Array.from({ length: chunksAhead * 3 }, (_, at) => 'x'.repeat(at));
    const vectors = await joined.all({ method: 'embed', args: { input } });
    expect(vectors).toEqual(input.map(({ length }) => Float32Array.of(length, 0.5)));
  });

  test.each([
    ['no list', 7],
    ['a list of numbers', [[1, 2]]],
    ['a list with a hole', new Array(1)],
    ['an empty vector', [new Float32Array(0)]],
  ])('that gives %s has failed', async (_, value) => {
    const joined = new Joined({ embed: async () => value as never });
    await expect(joined.all({ method: 'embed', args: { input: ['a'] } })).rejects.toMatchObject({
      code: 'engine_call_failed',
      message:
        'engine mine: embed failed: embed() gave something else than a list of Float32Arrays with something in them',
    });
  });

  test('sends its numbers, not the buffer around them', async () => {
    const joined = new Joined({ embed: async () => [new Float32Array(100_000).subarray(1, 3)] });
    await joined.all({ method: 'embed', args: { input: ['a'] } });
    const sent = joined.fromHost.find((message) => message.type === 'vector');
    expect(sent?.type === 'vector' && sent.value.buffer.byteLength).toBe(8);
  });
});
