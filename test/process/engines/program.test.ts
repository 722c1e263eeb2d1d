import { chmod } from 'node:fs/promises';
import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { reservePort } from '../../../src/engines/process/ports.ts';
import { systemClock } from '../../../src/lifecycle/clock.ts';
import { Deadline } from '../../../src/lifecycle/deadline.ts';
import { testFolder } from '../../support/folder.ts';
import { until } from '../../support/poll.ts';
import { fixture, program, runs, Supervised } from './supervised.ts';

async function freePort(): Promise<number> {
  const reservation = await reservePort('127.0.0.1', 'auto', 'a test');
  reservation.release();
  return reservation.port;
}

describe('a program', () => {
  test('becomes ready by its health path, on a port of its own, and says how it got there', async () => {
    await using stage = await Supervised.start(program('slow-start.mjs', { env: { LOAD_MS: '1500' } }));
    const texts = new Set<string | null>();
    stage.engine.onChange(({ text }) => texts.add(text));
    await stage.becomes('ready');
    const { rungMs, port, offers, elapsedMs } = stage.engine.status();
    expect(Object.keys(rungMs)).toEqual([
      ...['spawned', 'alive', 'listening', 'owned', 'http', 'loaded', 'ready'],
    ]);
    expect(port).toBeGreaterThanOrEqual(20_000);
    expect(port).toBeLessThan(32_768);
    expect(offers).toEqual(['speak']);
    expect(elapsedMs).toBeGreaterThanOrEqual(1500);
    expect([...texts]).toEqual(
      expect.arrayContaining([`connect ECONNREFUSED 127.0.0.1:${port}`, 'HTTP 503 from /health']),
    );
  });

  test('gets its port and host in its arguments, and its variables in its environment', async () => {
    const script =
      "console.log(process.argv.slice(1).join(' '), process.env.MODEL); setInterval(() => {}, 1e6);";
    await using stage = await Supervised.start(
      program('', {
        run: [process.execPath, '-e', script, '--', '--listen', `\${host}:\${port}`],
        env: { MODEL: 'tiny' },
        ready: { http: undefined, log: 'tiny' },
      }),
    );
    await stage.becomes('ready');
    const [, port] = await stage.says(/^--listen 127\.0\.0\.1:(\d+) tiny$/m);
    expect(Number(port)).toBe(stage.engine.status().port);
  });

  test.skipIf(process.platform !== 'linux')(
    'that listens elsewhere than it was to is told so, with the address, and what its command lacks',
    async () => {
      const port = await freePort();
      const script = `require('node:http').createServer().listen(${port}, '127.0.0.1')`;
      const ready = { http: '/health', stallMs: 60_000, totalMs: 1500 };
      await using stage = await Supervised.start(
        program('', { run: [process.execPath, '-e', script, '--', '--port', String(port)], ready }),
      );
      await until(() => stage.engine.life.failure, { timeoutMs: 5000, what: 'the deadline' });
      expect(stage.engine.life.failure?.message).toMatch(
        new RegExp(
          '^engine mine: not ready after 1500 ms, at rung alive \\(.*\\): nobody listened at 127\\.0\\.0\\.1:\\d+; ' +
            `pid \\d+ of it listens at 127\\.0\\.0\\.1:${port}; its command has no \\$\\{port\\}, so that only PORT in its environment tells it; if it may take longer, raise \`ready.total\`$`,
        ),
      );
    },
  );

  test('whose output is kept has it in a file of its run, its command first', async () => {
    await using stage = await Supervised.start(program('http-engine.mjs'));
    await stage.becomes('ready');
    await stage.stop();
    const [log] = await stage.logFiles();
    expect(log).toBe(`greenroom: ${process.execPath} ${fixture('http-engine.mjs')}\nlistening\n`);
  });

  test('must fulfil all its conditions: the line as well as the path', async () => {
    await using stage = await Supervised.start(
      program('http-engine.mjs', { ready: { log: 'Model loaded' }, env: { SAY: 'loading' } }),
    );
    await until(() => stage.engine.life.text === 'waiting for the log line "Model loaded"', {
      timeoutMs: 5000,
      what: 'the line to be waited for',
    });
    expect(stage.engine.life).toMatchObject({ state: 'starting', rung: 'http' });
    await stage.stop();
  });

  test('is asked at once when its line comes', async () => {
    await using stage = await Supervised.start(
      program('http-engine.mjs', { env: { BIND_MS: '1500', SAY: 'Model loaded' }, ready: { log: 'loaded' } }),
    );
    await stage.becomes('ready');
    // The pause between probes has grown to 600 ms by then.
    const { rungMs } = stage.engine.status();
    expect((rungMs.ready ?? 0) - (rungMs.listening ?? 0)).toBeLessThan(300);
  });
});

describe('a program that does not become ready', () => {
  test.each([
    [
      'is not ready for ever',
      program('never-ready.mjs', { ready: { totalMs: 1500 } }),
      'http (HTTP 503 from /health)',
    ],
    [
      'has no such path',
      program('http-engine.mjs', { ready: { http: '/no/such/path', totalMs: 1500 } }),
      'http (HTTP 404 from /no/such/path: there is no such path; is `ready.http`, /no/such/path, right?)',
    ],
  ])('because it %s is ended at the total deadline', async (_, config, where) => {
    await using stage = await Supervised.start(config);
    await until(() => stage.engine.life.failure, { timeoutMs: 5000, what: 'the deadline' });
    expect(stage.engine.life.failure).toMatchObject({
      code: 'engine_deadline',
      message: `engine mine: not ready after 1500 ms, at rung ${where}; if it may take longer, raise \`ready.total\``,
    });
    await stage.becomes('backoff');
  });

  test('because it stalls is ended at the stall limit, with its last words', async () => {
    await using stage = await Supervised.start(
      program('stalls-while-loading.mjs', { ready: { stallMs: 800 } }),
    );
    await until(() => stage.engine.life.failure, { timeoutMs: 5000, what: 'the stall' });
    expect(stage.engine.life.failure).toMatchObject({
      code: 'engine_stalled',
      logTail: ['loading the model'],
    });
    expect(stage.engine.life.failure?.message).toMatch(
      /^engine mine: no sign of progress for 800 ms, at rung alive \(connect ECONNREFUSED 127\.0\.0\.1:\d+\): nobody listened at 127\.0\.0\.1:\d+; its command has no \$\{port\}/,
    );
  });

  test('because it exits says how, with its last 20 lines, and is tried again', async () => {
    await using stage = await Supervised.start(program('crashes-on-start.mjs'));
    await stage.becomes('backoff');
    const { failure } = stage.engine.life;
    expect(failure?.message).toMatch(/^engine mine \(pid \d+\) exited with code 3$/);
    expect(failure?.logTail).toEqual(
      Array.from({ length: 20 }, (_, at) => `cannot load the model, reason ${at + 11}`),
    );
    await until(() => stage.engine.life.instance === 2, { timeoutMs: 2000, what: 'the next attempt' });
  });

  const missing = 'engine_program_missing';
  test.each([
    ['is not there', { run: ['no-such-engine'] }, missing, 'cannot start no-such-engine: not found in PATH'],
    [
      'has no such folder',
      { cwd: '/no/such/folder' },
      missing,
      `cannot start ${process.execPath}: its \`cwd\` /no/such/folder is not a folder`,
    ],
    [
      'has a file for a folder',
      { cwd: fixture('http-engine.mjs') },
      missing,
      `cannot start ${process.execPath}: its \`cwd\` ${fixture('http-engine.mjs')} is not a folder`,
    ],
    ['has too long a command', { run: [process.execPath, 'x'.repeat(300_000)] }, missing, 'spawn E2BIG'],
    [
      'listens where we are not',
      { host: '203.0.113.7' },
      'engine_port_taken',
      'cannot listen on 203.0.113.7',
    ],
  ])('because it %s has failed for good, and says why', async (_, changes, code, message) => {
    await using stage = await Supervised.start(program('http-engine.mjs', changes));
    await stage.becomes('failed');
    expect(stage.engine.life.failure).toMatchObject({ code, kind: 'lasting' });
    expect(stage.engine.life.failure?.message).toContain(message);
    expect(stage.engine.life.instance).toBe(1);
  });

  test('because it may not be executed says what to do', async () => {
    await using folder = await testFolder();
    const path = await folder.write('engine.sh', '#!/bin/sh\n');
    await chmod(path, 0o644);
    await using stage = await Supervised.start(program('', { run: [path] }));
    await stage.becomes('failed');
    expect(stage.engine.life.failure?.message).toBe(
      `engine mine: cannot start ${path}: ${path} may not be executed; \`chmod +x\` it`,
    );
  });

  test('because it is on Windows is pointed to WSL', async () => {
    const { platform } = process;
    Object.defineProperty(process, 'platform', { value: 'win32' });
    try {
      await using stage = await Supervised.start(program('http-engine.mjs'));
      await stage.becomes('failed');
      expect(stage.engine.life.failure?.message).toBe(
        'engine mine: cannot start a program: Windows has no process groups to end it by; run greenroom in WSL',
      );
    } finally {
      Object.defineProperty(process, 'platform', { value: platform });
    }
  });

  test('because its port is taken says which, and the next step', async () => {
    const port = await freePort();
    const stranger = createServer();
    await new Promise<void>((resolve) => stranger.listen({ port, host: '127.0.0.1' }, resolve));
    try {
      await using stage = await Supervised.start(program('http-engine.mjs', { port }));
      await stage.becomes('failed');
      expect(stage.engine.life.failure).toMatchObject({
        code: 'engine_port_taken',
        message: expect.stringMatching(
          `^engine mine: port 127.0.0.1:${port} is taken: pid ${process.pid} .*; end it, or use another port, or`,
        ),
      });
      await new Promise((resolve) => stranger.close(resolve));
      // Asked again, it tries again.
      stage.engine.start();
      await stage.becomes('ready');
      expect(stage.engine.status().port).toBe(port);
    } finally {
      stranger.close();
    }
  });
});

describe('a program that ends by itself', () => {
  test('is noticed at once, and started again', async () => {
    await using stage = await Supervised.start(program('http-engine.mjs'));
    await stage.becomes('ready');
    const { pid } = stage;
    const began = performance.now();
    process.kill(pid, 'SIGKILL');
    await until(() => stage.engine.life.state !== 'ready', { timeoutMs: 1000, what: 'the exit' });
    expect(performance.now() - began).toBeLessThan(200);
    expect(stage.engine.life.failure).toMatchObject({
      code: 'engine_exited',
      cause: 'killed',
      message:
        `engine mine (pid ${pid}) was ended by SIGKILL: the KILL came from outside (out of memory?); ` +
        'look at what the kernel says (`journalctl -k`), and use a smaller model or context',
      logTail: ['listening'],
    });
    await stage.becomes('ready');
    expect(stage.engine.life).toMatchObject({ instance: 2, failure: null });
    expect(await stage.logFiles()).toHaveLength(2);
  });

  test('is noticed as soon when a grandchild holds its output open, and takes its children with it', async () => {
    await using stage = await Supervised.start(program('grandchild.mjs'));
    await stage.becomes('ready');
    const [, ...children] = (await stage.says(/children (\d+) (\d+) (\d+)/)).map(Number);
    const began = performance.now();
    process.kill(stage.pid, 'SIGKILL');
    await until(() => stage.engine.life.state !== 'ready', { timeoutMs: 1000, what: 'the exit' });
    expect(performance.now() - began).toBeLessThan(300);
    const gone = async () => !(await Promise.all(children.map(runs))).includes(true);
    await until(gone, { timeoutMs: 1000, what: 'no children' });
  });
});

describe('stopping a program', () => {
  test('by TERM, which it honours', async () => {
    await using stage = await Supervised.start(program('http-engine.mjs'));
    await stage.becomes('ready');
    const { port } = stage.engine.status();
    expect(await stage.stop()).toBe('stopped');
    expect(stage.engine.status()).toMatchObject({ state: 'stopped', pid: null, port: null });
    const again = await reservePort('127.0.0.1', port ?? 0, 'a test');
    again.release();
  });

  test('that ignores TERM, by KILL, and says killed', async () => {
    await using stage = await Supervised.start(program('ignores-sigterm.mjs', { stopGraceMs: 300 }));
    await stage.becomes('ready');
    const began = performance.now();
    expect(await stage.stop()).toBe('killed');
    expect(performance.now() - began).toBeGreaterThan(290);
    expect(performance.now() - began).toBeLessThan(1000);
    await stage.says(/SIGTERM: no/);
  });

  test('takes its children with it: those in its group, and those who left it', async () => {
    await using stage = await Supervised.start(program('grandchild.mjs'));
    await stage.becomes('ready');
    const [, child = 0, escaped = 0, holder = 0] = (await stage.says(/children (\d+) (\d+) (\d+)/)).map(
      Number,
    );
    expect(await Promise.all([child, escaped, holder].map(runs))).toEqual([true, true, true]);
    await stage.stop();
    expect(await runs(child)).toBe(false);
    const gone = async () => !(await runs(escaped)) && !(await runs(holder));
    await until(gone, { timeoutMs: 500, what: 'no escaped children' });
  });

  test('before it has a port, or a process, starts nothing', async () => {
    await using stage = await Supervised.start(program('http-engine.mjs'));
    expect(stage.engine.status()).toMatchObject({ state: 'starting', pid: null });
    expect(await stage.stop()).toBe('stopped');
    expect(stage.engine.status()).toMatchObject({ state: 'stopped', port: null });
    expect(await stage.processes()).toEqual([]);
    expect(await stage.logFiles()).toEqual(['']);
  });

  test('in the middle of its start ends the probes with it', async () => {
    await using stage = await Supervised.start(program('never-ready.mjs'));
    await until(() => stage.engine.life.rung === 'http', { timeoutMs: 5000, what: 'an answer' });
    expect(await stage.stop()).toBe('stopped');
  });

  test('while it waits for a line ends that wait', async () => {
    await using stage = await Supervised.start(
      program('stalls-while-loading.mjs', { ready: { http: undefined, log: 'ready' } }),
    );
    await until(() => stage.engine.life.text?.startsWith('waiting'), { timeoutMs: 5000, what: 'the wait' });
    const began = performance.now();
    await stage.stop();
    expect(performance.now() - began).toBeLessThan(500);
  });

  test('and starting it again, in one breath, renews it', async () => {
    await using stage = await Supervised.start(program('http-engine.mjs', { port: await freePort() }));
    await stage.becomes('ready');
    const { pid } = stage;
    const stopped = stage.stop();
    stage.engine.start();
    expect(await stopped).toBe('stopped');
    await stage.becomes('ready');
    expect(stage.pid).not.toBe(pid);
  });

  test('all of them takes as long as the slowest, and names those that were killed', async () => {
    const stubborn = { ...program('ignores-sigterm.mjs', { stopGraceMs: 300 }), name: 'stubborn' };
    await using stage = await Supervised.start(program('http-engine.mjs'), stubborn);
    const ready = () => stage.supervisor.list().every(({ state }) => state === 'ready');
    await until(ready, { timeoutMs: 5000, what: 'both ready' });
    const { pid } = stage.supervisor.get('stubborn').status();
    let users = 1;
    const began = performance.now();
    const stopped = stage.supervisor.stopAll({
      deadline: new Deadline(systemClock, 3000),
      leaseMs: 2000,
      inUse: (name) => name === 'mine' && users > 0,
    });
    await until(() => stage.supervisor.get('stubborn').life.state === 'stopped', {
      timeoutMs: 2000,
      what: 'one',
    });
    expect(stage.engine.life.state).toBe('ready');
    users = 0;
    expect(await stopped).toEqual({
      killed: [
        expect.stringMatching(
          `^engine stubborn \\(pid ${pid}\\) did not end when asked: killed, gone after \\d+ ms$`,
        ),
      ],
      stuck: [],
    });
    expect(performance.now() - began).toBeLessThan(1500);
  });
});

describe('the engines', () => {
  test('are known by name, and nobody else is', async () => {
    await using stage = await Supervised.start(program('http-engine.mjs'));
    expect(stage.supervisor.list().map(({ name, kind }) => `${name} ${kind}`)).toEqual(['mine run']);
    expect(() => stage.supervisor.get('yours')).toThrow('no engine is called yours; there are mine');
  });

  test('announce each change with the state before, and log it', async () => {
    await using stage = await Supervised.start(program('crashes-on-start.mjs'));
    const changes: string[] = [];
    stage.supervisor.changes.listen(({ before, status }) => {
      if (before !== status.state) changes.push(`${before} ${status.state}`);
    });
    await stage.becomes('backoff');
    expect(changes).toEqual(['starting backoff']);
    expect(stage.log).toContainEqual(expect.stringMatching(/^engine mine \(pid \d+\) exited with code 3$/));
    expect(stage.log).toContain('engine mine: starting, alive');
    expect(stage.log).toContain('engine mine: backoff');
  });
});

describe('the output of a program', () => {
  test('may be a flood: the tail, the file and our time stay bounded', async () => {
    await using stage = await Supervised.start(program('floods-stdout.mjs'));
    await stage.becomes('ready');
    // It is read, so it goes on; and we go on.
    const turns = 50;
    const began = performance.now();
    for (let count = 0; count < turns; count += 1) await new Promise((resolve) => setImmediate(resolve));
    expect((performance.now() - began) / turns).toBeLessThan(20);
    process.kill(stage.pid, 'SIGKILL');
    await stage.becomes('backoff');
    const { logTail = [] } = stage.engine.life.failure ?? {};
    expect(logTail).toHaveLength(20);
    for (const line of logTail) expect(line.length).toBeLessThanOrEqual(2002);
  });
});
