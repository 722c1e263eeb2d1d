import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { describe, expect, test } from 'vitest';
import type { PcmChunk } from '../../../src/engines/contract.ts';
import { shippedFile } from '../../../src/engines/locate.ts';
import { until } from '../../support/poll.ts';
import { runs, Supervised, worker } from './supervised.ts';

const { signal: never } = new AbortController();

async function collect(chunks: AsyncIterable<PcmChunk>): Promise<number[][]> {
  const all: number[][] = [];
  for await (const { pcm } of chunks) all.push([...pcm]);
  return all;
}

async function failureOf(chunks: AsyncIterable<PcmChunk>): Promise<unknown> {
  return collect(chunks).then(
    () => undefined,
    (error: unknown) => error,
  );
}

/** What holds for a worker engine wherever it runs. */
describe.each(['process', 'thread'] as const)('a worker in a %s', (isolate) => {
  const place = isolate === 'process' ? /^pid \d+$/ : /^thread$/;
  const speak = (stage: Supervised, text: string, signal = never) =>
    stage.engine.speak({ text, voice: null }, signal);

  test('climbs its rungs, says its progress and gets its options', async () => {
    await using stage = await Supervised.start(worker('speaks.mjs', { isolate, options: { voice: 'slt' } }));
    const texts = new Set<string | null>();
    stage.engine.onChange(({ progress, text }) => texts.add(`${progress} ${text}`));
    await stage.becomes('ready');
    expect(Object.keys(stage.engine.status().rungMs)).toEqual(['spawned', 'alive', 'loaded', 'ready']);
    expect([...texts]).toEqual(expect.arrayContaining(['0.25 reading weights', '0.75 compiling']));
    expect(stage.engine.status()).toMatchObject({ offers: ['speak'], activeCalls: 0, port: null });
    expect(stage.engine.status().pid !== null).toBe(isolate === 'process');
    await stage.says(/options \{"voice":"slt"\}, aborted false/);
    await stage.says(/marker [0-9a-f-]{36}/);
  });

  test('speaks, streaming, and frees its lane', async () => {
    await using stage = await Supervised.start(worker('speaks.mjs', { isolate }));
    await stage.becomes('ready');
    const chunks = await collect(stage.engine.speak({ text: '100', voice: 'a' }, never));
    expect(chunks).toHaveLength(100);
    expect(chunks[99]).toEqual([99, 100, 1]);
    expect(stage.engine.status().activeCalls).toBe(0);
  });

  test('is at most eight chunks ahead of a slow consumer', async () => {
    await using stage = await Supervised.start(worker('floods-chunks.mjs', { isolate }));
    await stage.becomes('ready');
    const slow = speak(stage, '')[Symbol.asyncIterator]();
    const { value: first } = await slow.next();
    expect(first.pcm[0]).toBe(1);
    // Another call, made after a while of its own, tells how far the first one came.
    const other = speak(stage, '')[Symbol.asyncIterator]();
    for (let count = 0; count < 50; count += 1) await other.next();
    const { value: look } = await other.next();
    expect(look.pcm[0]).toBeLessThanOrEqual(51 + 9 + 8);
    await slow.return?.(undefined);
    await other.return?.(undefined);
    await until(() => stage.engine.status().activeCalls === 0, { timeoutMs: 2000, what: 'free lanes' });
  });

  test('lets calls wait beyond its concurrency, and refuses beyond 64', async () => {
    await using stage = await Supervised.start(worker('hangs-in-call.mjs', { isolate }));
    await stage.becomes('ready');
    const controller = new AbortController();
    const waiting = Array.from({ length: 65 }, () => collect(speak(stage, '', controller.signal)));
    expect(await failureOf(speak(stage, ''))).toMatchObject({
      code: 'engine_busy',
      message: 'engine mine is busy: 1 calls run and 64 wait',
    });
    controller.abort();
    expect(await Promise.all(waiting)).toEqual(waiting.map(() => []));
  });

  test('ends a cancelled call, and whoever leaves the loop has cancelled', async () => {
    await using stage = await Supervised.start(worker('speaks.mjs', { isolate }));
    await stage.becomes('ready');
    const controller = new AbortController();
    const seen: number[] = [];
    for await (const { pcm } of speak(stage, '1000000', controller.signal)) {
      seen.push(pcm[0] ?? -1);
      if (seen.length === 3) controller.abort();
    }
    expect(seen).toEqual([0, 1, 2]);
    for await (const _ of speak(stage, '1000000')) break;
    await until(() => stage.engine.status().activeCalls === 0, { timeoutMs: 2000, what: 'free lanes' });
    await stage.says(/aborted[\s\S]*made \d+[\s\S]*aborted[\s\S]*made \d+/);
  });

  test('keeps the lane of a call that ignores its cancel, notes it, and drops its result', async () => {
    await using stage = await Supervised.start(worker('ignores-cancel.mjs', { isolate }));
    await stage.becomes('ready');
    const controller = new AbortController();
    const seen: number[] = [];
    for await (const { pcm } of speak(stage, 'stay', controller.signal)) {
      seen.push(pcm[0] ?? -1);
      controller.abort();
    }
    expect(seen).toEqual([1]);
    const note = 'engine mine: a cancelled call still runs after 100 ms; its lane stays busy';
    await until(() => stage.log.includes(note), { timeoutMs: 2000, what: 'the note' });
    expect(stage.engine.status()).toMatchObject({ state: 'ready', activeCalls: 1 });
    await collect(speak(stage, 'go'));
    await until(() => stage.engine.status().activeCalls === 0, { timeoutMs: 2000, what: 'free lanes' });
  });

  test.each([
    ['exits', 'exit', /exited with code 7/, 'CUDA error: device lost'],
    ['throws', 'throw', /(exited with code 1|threw: out of memory)/, 'Error: out of memory'],
  ])(
    'that %s in a call fails all its calls with how and its last words, and starts again',
    async (_, text, how, said) => {
      await using stage = await Supervised.start(worker('exits-mid-call.mjs', { isolate }));
      await stage.becomes('ready');
      const [one, other] = await Promise.all([failureOf(speak(stage, text)), failureOf(speak(stage, text))]);
      for (const error of [one, other]) {
        expect(error).toMatchObject({ code: 'engine_exited', message: expect.stringMatching(how) });
        const { details } = error as { details: { logTail: readonly string[] } };
        expect(details.logTail.join('\n')).toContain(said);
      }
      const { failure } = stage.engine.life;
      expect(failure).toMatchObject({ code: 'engine_exited', kind: 'passing' });
      expect(failure?.message).toMatch(/^engine mine \((pid \d+|thread)\) /);
      expect(/\((.*)\)/.exec(failure?.message ?? '')?.[1]).toMatch(place);
      expect(failure?.logTail.join('\n')).toContain(said);
      await stage.becomes('ready');
      expect(stage.engine.life.instance).toBe(2);
      expect(await failureOf(speak(stage, text))).toMatchObject({ code: 'engine_exited' });
    },
  );

  test('that gives nothing is given up: callers get the cause, it is killed if need be, and starts again', async () => {
    await using stage = await Supervised.start(
      worker('hangs-in-call.mjs', { isolate, ready: { stallMs: 1000, totalMs: 20_000 }, stopGraceMs: 300 }),
    );
    await stage.becomes('ready');
    expect(await failureOf(speak(stage, 'block'))).toMatchObject({
      code: 'engine_stalled',
      message: 'engine mine: a call gave nothing for 1000 ms',
    });
    expect(stage.engine.life).toMatchObject({ state: 'stopping', failure: { code: 'engine_stalled' } });
    await until(() => stage.engine.life.instance === 2, { timeoutMs: 5000, what: 'the next instance' });
    await stage.becomes('ready');
  });

  test('whose load throws has failed for good, with the stack in its log', async () => {
    await using stage = await Supervised.start(worker('throws-in-load.mjs', { isolate }));
    await stage.becomes('failed');
    expect(stage.engine.life.failure).toMatchObject({
      code: 'engine_load_failed',
      message: 'engine mine: its load failed: the weights are corrupt',
    });
    expect(stage.said).toContain('throws-in-load.mjs');
    expect(stage.engine.life.instance).toBe(1);
  });

  test.each([
    ['breaks the contract', 'breaks-contract.mjs', 'it offers vad, but load() gave no such function'],
    ['is not there', 'no-such-module.mjs', 'Cannot find module'],
  ])('whose module %s has failed for good', async (_, module, message) => {
    await using stage = await Supervised.start(worker(module, { isolate }));
    await stage.becomes('failed');
    expect(stage.engine.life.failure).toMatchObject({
      code: 'engine_module_invalid',
      message: expect.stringMatching(/^engine mine: its module \/.*\.mjs cannot be used: /),
    });
    expect(stage.engine.life.failure?.message).toContain(message);
  });

  test('that floods output and progress becomes ready, holds nobody up and leaves a short tail', async () => {
    await using stage = await Supervised.start(worker('floods-output.mjs', { isolate }));
    let changes = 0;
    stage.engine.onChange(() => {
      changes += 1;
    });
    await stage.becomes('ready', 20_000);
    expect(changes).toBeLessThan(500);
    const [tail = ''] = (await stage.logFiles()).map((text) => text.slice(0, 100));
    expect(tail).toContain('flood flood');
  });

  test('is asked to close before it ends', async () => {
    await using stage = await Supervised.start(worker('speaks.mjs', { isolate }));
    await stage.becomes('ready');
    expect(await stage.stop()).toBe('stopped');
    expect((await stage.logFiles()).join('')).toContain('closed\n');
    expect(stage.engine.life).toMatchObject({ state: 'stopped', failure: null });
  });

  test('with calls under way is stopped, and they learn it', async () => {
    await using stage = await Supervised.start(worker('hangs-in-call.mjs', { isolate }));
    await stage.becomes('ready');
    const errors = Promise.all([failureOf(speak(stage, '')), failureOf(speak(stage, ''))]);
    await until(() => stage.engine.status().activeCalls === 1, { timeoutMs: 1000, what: 'the call' });
    expect(await stage.stop()).toBe('stopped');
    for (const error of await errors) expect(error).toMatchObject({ code: 'engine_stopped' });
  });

  test('that keeps handles open ends all the same, and its children with it', async () => {
    await using stage = await Supervised.start(worker('leaves-handles.mjs', { isolate }));
    await stage.becomes('ready');
    const [, child] = await stage.says(/child (\d+)/);
    const began = performance.now();
    expect(await stage.stop()).toBe('stopped');
    expect(performance.now() - began).toBeLessThan(1500);
    await until(async () => !(await runs(Number(child))), { timeoutMs: 1000, what: 'no child' });
  });

  test('that blocks its loop while it loads is stopped at once', async () => {
    await using stage = await Supervised.start(worker('burns-cpu.mjs', { isolate, options: { ms: 60_000 } }));
    await until(() => stage.engine.life.text === 'burning', { timeoutMs: 5000, what: 'the load' });
    const began = performance.now();
    expect(await stage.stop()).toBe('stopped');
    expect(performance.now() - began).toBeLessThan(500);
  });

  test('that blocks its loop in a call is killed at the end of its grace', async () => {
    await using stage = await Supervised.start(worker('hangs-in-call.mjs', { isolate, stopGraceMs: 200 }));
    await stage.becomes('ready');
    const error = failureOf(speak(stage, 'block'));
    await until(() => stage.engine.status().activeCalls === 1, { timeoutMs: 1000, what: 'the call' });
    const began = performance.now();
    expect(await stage.stop()).toBe('killed');
    expect(performance.now() - began).toBeLessThan(1000);
    expect(await error).toMatchObject({ code: 'engine_stopped' });
  });

  test('shows no sign of life while it loads: stalled', async () => {
    await using stage = await Supervised.start(
      worker('burns-cpu.mjs', {
        isolate,
        options: { ms: 60_000 },
        ready: { stallMs: 1500, totalMs: 20_000 },
      }),
    );
    await until(() => stage.engine.life.failure, { timeoutMs: 5000, what: 'the stall' });
    expect(stage.engine.life.failure?.message).toMatch(
      /^engine mine: no sign of progress for 1500 ms, at rung alive \(burning\); if it may be silent for longer, raise `ready\.stall`$/,
    );
  });

  describe('that hears', () => {
    test('answers pushes in order, and its streams are closed', async () => {
      await using stage = await Supervised.start(worker('hears.mjs', { isolate }));
      await stage.becomes('ready');
      const stream = stage.engine.openVad(24_000);
      const answers = [10, 20, 30].map((first) => stream.push(Int16Array.of(first)));
      expect(await Promise.all(answers)).toEqual([[{ speech: 0.1 }], [{ speech: 0.2 }], [{ speech: 0.3 }]]);
      await stream.close();
      await stage.says(/open 1 at 24000\nopen 0/);
      await until(() => stage.engine.status().activeCalls === 0, { timeoutMs: 1000, what: 'no stream' });
    });

    test('fails one stream, not the others, and closes it', async () => {
      await using stage = await Supervised.start(worker('hears.mjs', { isolate }));
      await stage.becomes('ready');
      const [bad, good] = [stage.engine.openVad(16_000), stage.engine.openVad(16_000)];
      const failed = { code: 'engine_call_failed', message: 'engine mine: vad failed: nothing to hear' };
      await expect(bad.push(Int16Array.of(0))).rejects.toMatchObject(failed);
      expect(await good.push(Int16Array.of(50))).toEqual([{ speech: 0.5 }]);
      await stage.says(/open 2 at 16000[\s\S]*open 1\n/);
      expect(stage.engine.status().activeCalls).toBe(1);
      await good.close();
    });

    test('that hangs is given up', async () => {
      await using stage = await Supervised.start(
        worker('hangs-in-call.mjs', { isolate, ready: { stallMs: 1000, totalMs: 20_000 } }),
      );
      await stage.becomes('ready');
      const push = stage.engine.openVad(16_000).push(Int16Array.of(1));
      await expect(push).rejects.toMatchObject({ code: 'engine_stalled' });
      await stage.becomes('ready');
    });
  });
});

describe('a process', () => {
  test('that is killed from outside is noticed at once and started again', async () => {
    await using stage = await Supervised.start(worker('speaks.mjs'));
    await stage.becomes('ready');
    const { pid } = stage;
    const began = performance.now();
    process.kill(pid, 'SIGKILL');
    await until(() => stage.engine.life.state !== 'ready', { timeoutMs: 1000, what: 'the exit' });
    expect(performance.now() - began).toBeLessThan(200);
    expect(stage.engine.life.failure?.message).toBe(`engine mine (pid ${pid}) was ended by SIGKILL`);
    await stage.becomes('ready');
    expect(stage.pid).not.toBe(pid);
  });

  test('has its channel to the gateway to itself: the module finds none', async () => {
    await using stage = await Supervised.start(worker('writes-raw.mjs'));
    await stage.says(/process\.send undefined, connected (undefined|false), channel (undefined|null)/);
  });

  test.each([
    ['a library', 'text', '"warning: GPU 0 is hot\\n"'],
    ['a single byte', 'byte', '"x'],
    ['a child', 'child', '"from a child\\n"'],
    ['a flood', 'flood', '"xxxxxxxx'],
  ])(
    'whose channel is written to by others (%s) fails with what came, and starts again',
    async (_, how, came) => {
      await using stage = await Supervised.start(worker('writes-raw.mjs', { stopGraceMs: 300 }));
      await stage.becomes('ready');
      const { pid } = stage;
      const speak = (text: string) => failureOf(stage.engine.speak({ text, voice: null }, never));
      const [other, error] = await Promise.all([speak(''), speak(how)]);
      for (const told of [other, error, stage.engine.life.failure]) {
        expect(told).toMatchObject({ code: 'engine_module_invalid' });
        const { message } = told as Error;
        expect(message).toMatch(
          /^engine mine \(pid \d+\): ".* came instead of a message: something in it writes /,
        );
        expect(message).toContain(`(pid ${pid}): ${came}`);
      }
      expect(stage.engine.life.failure).toMatchObject({ kind: 'passing' });
      await until(() => stage.engine.life.instance === 2, { timeoutMs: 5000, what: 'the next instance' });
      await stage.becomes('ready');
      expect(await runs(pid)).toBe(false);
    },
  );

  test('may give a large chunk; one that is too large fails its call alone, with the limit', async () => {
    await using stage = await Supervised.start(worker('large-chunk.mjs'));
    await stage.becomes('ready');
    for await (const { pcm } of stage.engine.speak({ text: '10000000', voice: null }, never)) {
      expect(pcm.length).toBe(10_000_000);
      expect(pcm.at(-1)).toBe(7);
    }
    expect(await failureOf(stage.engine.speak({ text: '40000000', voice: null }, never))).toMatchObject({
      code: 'engine_call_failed',
      message: expect.stringMatching(/a message of 800\d+ bytes is too large: 67108864 is the most$/),
    });
    expect(stage.engine.life.state).toBe('ready');
  });

  test('that dies with messages on their way to it fails its calls, and nothing else', async () => {
    await using stage = await Supervised.start(worker('hears.mjs'));
    await stage.becomes('ready');
    const { pid } = stage;
    const stream = stage.engine.openVad(16_000);
    process.kill(pid, 'SIGSTOP');
    // More than a pipe holds.
    const pushes = Array.from({ length: 20 }, () => stream.push(new Int16Array(100_000).fill(5)));
    process.kill(pid, 'SIGKILL');
    for (const push of pushes) await expect(push).rejects.toMatchObject({ code: 'engine_exited' });
    await stage.becomes('ready');
  });

  test.each(['is gone', 'says what cannot be read'])('ends when its gateway %s', async (how) => {
    const host = spawn(process.execPath, [shippedFile('engine-host')], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    });
    const exited = once(host, 'exit');
    const channel = host.stdio[3] as Duplex;
    await once(channel, 'data');
    if (how === 'is gone') channel.destroy();
    else channel.write('nonsense');
    expect(await exited).toEqual([0, null]);
  });

  test('blocked in native code is killed like any other', async () => {
    await using stage = await Supervised.start(
      worker('stuck-in-native.mjs', { options: { when: 'load', file: '/no/such/file' }, stopGraceMs: 200 }),
    );
    await until(() => stage.engine.life.rung === 'alive', { timeoutMs: 5000, what: 'the load' });
    expect(['stopped', 'killed']).toContain(await stage.stop());
  });
});

test('a thread whose module posts messages of its own works all the same', async () => {
  await using stage = await Supervised.start(worker('stray-messages.mjs', { isolate: 'thread' }));
  await stage.becomes('ready');
  expect(await collect(stage.engine.speak({ text: '', voice: null }, never))).toEqual([[1]]);
  expect(stage.engine.life).toMatchObject({ state: 'ready', instance: 1 });
});

describe('a thread stuck in native code', () => {
  test.each(['load', 'call'])(
    'in its %s is told as stuck at the deadline, and the rest goes on',
    async (when) => {
      const other = { ...worker('speaks.mjs', { isolate: 'thread' }), name: 'other' };
      const file = join(tmpdir(), `greenroom-test-${process.pid}-${when}`);
      await using stage = await Supervised.start(
        worker('stuck-in-native.mjs', { isolate: 'thread', options: { when, file }, stopGraceMs: 100 }),
        other,
      );
      try {
        if (when === 'load') await stage.says(/^/);
        else await stage.becomes('ready');
        const call =
          when === 'call' ? failureOf(stage.engine.speak({ text: '', voice: null }, never)) : undefined;
        await until(async () => (await stage.processes()).length > 0, { timeoutMs: 5000, what: 'the block' });
        const began = performance.now();
        expect(await stage.stop(500)).toBe('stuck');
        expect(performance.now() - began).toBeGreaterThan(490);
        expect(performance.now() - began).toBeLessThan(800);
        if (call) expect(await call).toMatchObject({ code: 'engine_stopped' });
        const alive = stage.supervisor.get('other');
        await until(() => alive.life.state === 'ready', { timeoutMs: 5000, what: 'the other' });
        const spoken = await collect(alive.speak({ text: '3', voice: null }, never));
        expect(spoken).toHaveLength(3);
      } finally {
        // Lets it go, so that the test leaves nothing.
        await writeFile(file, '');
        await until(() => stage.engine.life.state === 'stopped', {
          timeoutMs: 5000,
          what: 'the end of the thread',
        });
        await rm(file);
      }
    },
  );
});
