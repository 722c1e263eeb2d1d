// Speech of `run:` engines, and what becomes of an engine whose calls fail.
import { describe, expect, test } from 'vitest';
import type { PcmChunk } from '../../../src/engines/contract.ts';
import { until } from '../../support/poll.ts';
import { program, runs, Supervised } from './supervised.ts';

const { signal: never } = new AbortController();

async function samples(chunks: AsyncIterable<PcmChunk>): Promise<number[]> {
  const all: number[] = [];
  for await (const { pcm } of chunks) all.push(...pcm);
  return all;
}

const killed =
  'the KILL came from outside (out of memory?); look at what the kernel says (`journalctl -k`), and use a smaller model or context';
const counted = Array.from({ length: 2400 }, (_, at) => at);

describe('speech of a program', () => {
  const speak = (stage: Supervised, text: string, signal = never) =>
    samples(stage.engine.speak({ text, voice: null }, signal));

  test('streams, whatever the boundaries of its bytes', async () => {
    await using stage = await Supervised.start(program('http-engine.mjs'));
    await stage.becomes('ready');
    expect(await speak(stage, 'hello')).toEqual(counted);
    expect(await speak(stage, 'odd')).toEqual(counted);
    expect(stage.engine.status().activeCalls).toBe(0);
  });

  test('that fails says what the program said', async () => {
    await using stage = await Supervised.start(program('http-engine.mjs'));
    await stage.becomes('ready');
    await expect(speak(stage, 'fail')).rejects.toMatchObject({
      code: 'engine_call_failed',
      message: 'engine mine: speech: HTTP 500: {"error":{"message":"no voice of that name"}}',
    });
    const where = `http://127.0.0.1:${stage.engine.status().port}`;
    for (const how of ['cut', 'reset'])
      await expect(speak(stage, how)).rejects.toMatchObject({
        code: 'engine_call_failed',
        message: `engine mine: speech: the connection to ${where} was cut; the program still answers (HTTP 200)`,
      });
    expect(stage.engine.status()).toMatchObject({ state: 'ready', activeCalls: 0 });
  });

  test('that is cancelled closes the connection, which tells the program', async () => {
    await using stage = await Supervised.start(program('http-engine.mjs'));
    await stage.becomes('ready');
    const controller = new AbortController();
    for await (const { pcm } of stage.engine.speak({ text: 'forever', voice: null }, controller.signal)) {
      expect(pcm.length).toBeGreaterThan(0);
      controller.abort();
    }
    await stage.says(/speech over: cut/);
    expect(stage.engine.status().activeCalls).toBe(0);
  });

  test('under way when the program dies is an error', async () => {
    await using stage = await Supervised.start(program('http-engine.mjs'));
    await stage.becomes('ready');
    const said = speak(stage, 'forever');
    const { pid } = stage;
    const failed = expect(said).rejects.toMatchObject({
      code: 'engine_exited',
      message: `engine mine (pid ${pid}) was ended by SIGKILL: ${killed}; it is tried again`,
    });
    await until(() => stage.engine.status().activeCalls === 1, { timeoutMs: 1000, what: 'the call' });
    process.kill(pid, 'SIGKILL');
    await failed;
    expect(stage.engine.life.failure).toMatchObject({ code: 'engine_exited' });
  });

  test.each([
    ['listens no more', 'deaf', 3, /^connect ECONNREFUSED 127\.0\.0\.1:\d+$/],
    ['answers nothing more', 'mute', 1, /^no answer in 300 ms$/],
  ])(
    'from one that lives on but %s fails it: its callers learn why, and it is renewed',
    async (_, how, calls, why) => {
      await using stage = await Supervised.start(
        program('http-engine.mjs', { ready: { probeTimeoutMs: 300 } }),
      );
      await stage.becomes('ready');
      const { pid } = stage;
      const { port } = stage.engine.status();
      const failures = Array.from({ length: calls }, () =>
        speak(stage, how).catch((error: Error) => error as unknown),
      );
      const start = `engine mine (pid ${pid}): http://127.0.0.1:${port} answers no more: `;
      for (const error of await Promise.all(failures)) {
        expect(error).toMatchObject({ code: 'engine_unreachable', details: { logTail: ['listening'] } });
        const { message } = error as Error;
        expect(message).toMatch(/^engine mine .*; it is tried again$/);
        expect(message.replace(start, '').replace('; it is tried again', '')).toMatch(why);
      }
      expect(stage.engine.life.failure).toMatchObject({ code: 'engine_unreachable', kind: 'passing' });
      await until(() => stage.engine.life.instance === 2, { timeoutMs: 5000, what: 'the next instance' });
      await stage.becomes('ready');
      expect(await speak(stage, 'hello')).toEqual(counted);
      expect(await runs(pid)).toBe(false);
    },
  );

  test('under way when the program is stopped says so, and a caller that leaves waits for no look', async () => {
    await using stage = await Supervised.start(
      program('http-engine.mjs', { ready: { probeTimeoutMs: 60_000 } }),
    );
    await stage.becomes('ready');
    const said = expect(speak(stage, 'forever')).rejects.toMatchObject({ code: 'engine_stopped' });
    const controller = new AbortController();
    const left = speak(stage, 'mute', controller.signal);
    await until(() => stage.engine.status().activeCalls === 2, { timeoutMs: 1000, what: 'the calls' });
    controller.abort();
    expect(await left).toEqual([]);
    await stage.stop();
    await said;
  });
});
