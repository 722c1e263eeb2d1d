// How programs end before they are ready: each is told with its cause and the next step, in bounded time.
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { FailureCause } from '../../../src/engines/causes.ts';
import type { EngineFailure } from '../../../src/engines/state.ts';
import { testFolder } from '../../support/folder.ts';
import { until } from '../../support/poll.ts';
import { gone, program, Supervised } from './supervised.ts';

const script = (text: string, ...flags: string[]) =>
  program('', { run: [process.execPath, ...flags, '-e', text] });

async function failed(stage: Supervised, timeoutMs = 5000): Promise<EngineFailure> {
  return until(() => stage.engine.life.failure, { timeoutMs, what: 'the failure' });
}

describe('a program that ends', () => {
  const quoted = (line: string) => `console.error(${JSON.stringify(line)}); process.exit(1)`;

  test.each<[string, ReturnType<typeof program>, FailureCause, EngineFailure['kind'], string]>([
    [
      'out of memory',
      script(quoted('ggml_backend: cudaMalloc failed: out of memory')),
      ...(['out_of_memory', 'passing'] as const),
      'exited with code 1: out of memory (ggml_backend: cudaMalloc failed: out of memory); use a smaller model',
    ],
    [
      'for want of a module',
      script("import('no-such-module')"),
      ...(['module_missing', 'lasting'] as const),
      'install the module for the interpreter that `run` names',
    ],
    [
      'for want of its own file',
      program('no-such-file.mjs'),
      ...(['module_missing', 'lasting'] as const),
      'no-such-file.mjs',
    ],
    [
      'for want of a model',
      script("require('node:fs').readFileSync('/no/such/model.gguf')"),
      ...(['file_missing', 'lasting'] as const),
      "no such file or directory, open '/no/such/model.gguf'",
    ],
    [
      'by a flag that it does not know',
      script('', '--no-such-flag'),
      ...(['bad_flag', 'lasting'] as const),
      'bad option: --no-such-flag',
    ],
    [
      'by a model that is none',
      script(quoted('gguf_init_from_file: invalid magic characters')),
      ...(['model_broken', 'lasting'] as const),
      'its model cannot be used',
    ],
    [
      'by a crash',
      script("process.kill(process.pid, 'SIGSEGV'); setInterval(() => {}, 1e6)"),
      ...(['crash', 'passing'] as const),
      'was ended by SIGSEGV: it crashed (SIGSEGV)',
    ],
    [
      'by a KILL that is not ours',
      script("process.kill(process.pid, 'SIGKILL')"),
      ...(['killed', 'passing'] as const),
      'was ended by SIGKILL: the KILL came from outside (out of memory?)',
    ],
    [
      'at once, and as if all were well',
      script(''),
      ...(['ended', 'passing'] as const),
      'exited with code 0: it ended by itself, without an error; it has to stay in the foreground',
    ],
  ])('%s says so', async (_, config, cause, kind, message) => {
    await using stage = await Supervised.start(config);
    const failure = await failed(stage);
    expect(failure).toMatchObject({ code: 'engine_exited', cause, kind });
    expect(failure.message).toContain(message);
    await stage.becomes(kind === 'lasting' ? 'failed' : 'backoff');
    expect(stage.engine.status().failure?.cause).toBe(cause);
  });

  test('because its port was taken from under it is tried on another one', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as { port: number };
    try {
      await using stage = await Supervised.start(
        script(`require('node:net').createServer().listen(${port}, '127.0.0.1')`),
      );
      expect(await failed(stage)).toMatchObject({
        ...{ code: 'engine_port_taken', cause: 'port_in_use', kind: 'passing' },
        message: expect.stringContaining('EADDRINUSE'),
      });
    } finally {
      taken.close();
    }
  });

  test('because somebody was faster at its fixed port says who', async () => {
    await using folder = await testFolder();
    const taken = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as { port: number };
    await new Promise((resolve) => taken.close(resolve));
    const go = join(folder.path, 'go');
    const text = `const { existsSync } = require('node:fs');
      const timer = setInterval(() => {
        if (!existsSync(${JSON.stringify(go)})) return;
        clearInterval(timer);
        require('node:net').createServer().listen(${port}, '127.0.0.1');
      }, 10);`;
    const config = script(text);
    // Else whoever listens there may be found out before the program tries to.
    const ready = { ...config.ready, owned: false };
    await using stage = await Supervised.start({ ...config, port, ready });
    await until(() => stage.engine.life.rung === 'alive', { timeoutMs: 5000, what: 'its start' });
    await new Promise<void>((resolve) => taken.listen(port, '127.0.0.1', resolve));
    try {
      await folder.write('go', '');
      const failure = await failed(stage);
      expect(failure).toMatchObject({ code: 'engine_port_taken', cause: 'port_in_use', kind: 'lasting' });
      expect(failure.message).toMatch(
        new RegExp(
          `exited with code 1: its port is in use \\(.*EADDRINUSE.*\\): pid ${process.pid} \\(.+; this gateway itself; end it, or use another port, or`,
        ),
      );
    } finally {
      taken.close();
    }
  });

  test('when it was asked to says nothing of a cause', async () => {
    const text =
      "console.error('out of memory'); process.on('SIGTERM', () => process.exit(1)); setInterval(() => {}, 1e6)";
    await using stage = await Supervised.start(script(text));
    await stage.says(/out of memory/);
    await stage.stop();
    expect(stage.engine.status()).toMatchObject({ state: 'stopped', failure: null });
  });

  test('and leaves itself to the background is not running', async () => {
    await using stage = await Supervised.start(program('forks.mjs'));
    expect(await failed(stage)).toMatchObject({ cause: 'ended' });
    const [, child] = await stage.says(/child (\d+)/);
    await until(() => gone([Number(child)]), { timeoutMs: 2000, what: 'no child' });
  });

  test('while a grandchild holds its output is known to have ended, at once', async () => {
    await using stage = await Supervised.start(program('holds-output.mjs'));
    const began = performance.now();
    expect(await failed(stage)).toMatchObject({ code: 'engine_exited' });
    expect(performance.now() - began).toBeLessThan(2000);
    expect(stage.engine.life.failure?.message).toMatch(/exited with code 3$/);
  });
});

describe('a flood of a hundred megabytes before it is ready', () => {
  const flood = (then: string) =>
    script(
      `const { writeSync } = require('node:fs'); const line = Buffer.from('x'.repeat(999) + '\\n');
       for (let count = 0; count < 100_000; count += 1) for (let at = 0; at < line.length;) {
         try { at += writeSync(1, line, at); } catch (error) { if (error.code !== 'EAGAIN') throw error; }
       } ${then}`,
    );
  const listens =
    "require('node:http').createServer((_, response) => response.end()).listen(Number(process.env.PORT), '127.0.0.1')";

  test('is read, and it is ready after it', async () => {
    await using stage = await Supervised.start(flood(listens));
    let longest = 0;
    const turns = (async () => {
      while (stage.engine.life.state === 'starting') {
        const began = performance.now();
        await new Promise((resolve) => setImmediate(resolve));
        longest = Math.max(longest, performance.now() - began);
      }
    })();
    await stage.becomes('ready', 30_000);
    await turns;
    // Of a machine that others use as well.
    expect(longest).toBeLessThan(500);
  }, 40_000);

  test('and then its end is that end, with its last words', async () => {
    await using stage = await Supervised.start(flood("console.error('std::bad_alloc'); process.exit(1)"));
    const failure = await failed(stage, 30_000);
    expect(failure).toMatchObject({ cause: 'out_of_memory' });
    expect(failure.logTail.at(-1)).toBe('std::bad_alloc');
  }, 40_000);
});
