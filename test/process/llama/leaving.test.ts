// The end of the engine, in every phase of its life and by every way: quick, and with nothing left.
import { access, readFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { until } from '../../support/poll.ts';
import { LlamaProcess, llamaProblem } from './llama-process.ts';
import { models } from './models.ts';

const problem = llamaProblem();
const title = problem ? `llama.cpp ends (skipped: ${problem})` : 'llama.cpp ends';
const files = models('repeats', 'slow', 'says');
const messages = [{ role: 'user', content: 'Hello' }];

const phases = [
  ['when it listens', /^greenroom-listening /m],
  ['while it imports', /importing node-llama-cpp/],
  ['while llama.cpp starts', /starting llama\.cpp/],
  ['while the model loads', /loading the model/],
  ['while the context is made', /making the context/],
] as const;

/** Its loop is held for so long at a time by the largest vocabulary, on a busy machine. */
const heldMsMax = 10_000;

const endsWithin = async (llama: LlamaProcess, ms: number) => {
  const askedMs = performance.now();
  const end = await llama.ended;
  const tookMs = performance.now() - askedMs;
  expect(tookMs, JSON.stringify(end)).toBeLessThan(ms);
  await until(async () => (await llama.processes()).length === 0, { timeoutMs: 3000, what: 'no process' });
  return end;
};

describe.skipIf(problem)(title, () => {
  test.each(phases)('by SIGTERM %s, at once, though the load holds its loop', async (_, phase) => {
    await using llama = new LlamaProcess(files.path('slow'));
    await llama.says(phase);
    llama.child.kill('SIGTERM');
    expect(await endsWithin(llama, 1000)).toEqual({ code: null, signal: 'SIGTERM' });
    expect(llama.stdout).not.toContain('ready');
  });

  test('while it loads, no signal has to wait for its loop: the kernel ends it', async () => {
    await using llama = new LlamaProcess(files.path('slow'));
    await llama.says(/loading the model/);
    const status = await readFile(`/proc/${llama.child.pid}/status`, 'utf8');
    const caught = BigInt(`0x${/^SigCgt:\s*(\w+)/m.exec(status)?.[1]}`);
    const names = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
    const isCaught = (name: (typeof names)[number]) => (caught >> BigInt(constants.signals[name] - 1)) & 1n;
    expect(names.filter(isCaught)).toEqual([]);
  });

  test.each(phases)('with its standard input %s', async (_, phase) => {
    await using llama = new LlamaProcess(files.path('slow'));
    await llama.says(phase);
    llama.child.stdin.end();
    await endsWithin(llama, heldMsMax);
    expect(llama.stdout).not.toContain('ready');
  });

  test.each([
    ['SIGTERM', (llama: LlamaProcess) => llama.child.kill('SIGTERM')],
    ['SIGINT', (llama: LlamaProcess) => llama.child.kill('SIGINT')],
    ['its standard input', (llama: LlamaProcess) => llama.child.stdin.end()],
  ])('by %s when it idles: exit code 0', async (_, end) => {
    await using llama = await LlamaProcess.ready(files.path('says'));
    end(llama);
    expect(await endsWithin(llama, 1000)).toEqual({ code: 0, signal: null });
  });

  test.each([
    ['SIGTERM', (llama: LlamaProcess) => llama.child.kill('SIGTERM')],
    ['its standard input', (llama: LlamaProcess) => llama.child.stdin.end()],
  ])('by %s in the middle of answers: streams are told, who waits gets 503', async (_, end) => {
    await using llama = await LlamaProcess.ready(files.path('repeats'), '--context', '65536');
    const streamed = await llama.post('/v1/chat/completions', { messages, stream: true });
    const waiting = llama.post('/v1/chat/completions', { messages });
    await until(async () => (await llama.health()).waiting === 1, { timeoutMs: 5000, what: 'one to wait' });
    end(llama);
    await endsWithin(llama, 1000);
    expect((await streamed.text()).slice(-300)).toMatch(/event: error\ndata: .*"code":"server_shutdown"/);
    expect((await waiting).status).toBe(503);
  });

  test('twice is as good as once', async () => {
    await using llama = await LlamaProcess.ready(files.path('repeats'), '--context', '65536');
    const streamed = await llama.post('/v1/chat/completions', { messages, stream: true });
    llama.child.kill('SIGTERM');
    llama.child.kill('SIGTERM');
    llama.child.stdin.end();
    await endsWithin(llama, 1000);
    await streamed.body?.cancel();
  });

  test.each(['says', 'slow'] as const)('its UNIX socket is gone with it: %s', async (model) => {
    const path = join(files.folder.path, `${model}.sock`);
    await using llama = new LlamaProcess(files.path(model), ['--socket', path]);
    await llama.says(model === 'says' ? /ready/ : /loading the model/);
    await access(path);
    llama.child.stdin.end();
    await llama.ended;
    await expect(access(path)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('what a killed one left of its socket does not keep the next from starting', async () => {
    const path = join(files.folder.path, 'killed.sock');
    {
      await using llama = new LlamaProcess(files.path('says'), ['--socket', path]);
      await llama.says(/ready/);
    }
    await access(path);
    await using next = new LlamaProcess(files.path('says'), ['--socket', path]);
    await next.says(/ready/);
  });
});
