import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { chmod, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { startReaper } from '../../../src/engines/reaper.ts';
import { systemClock } from '../../../src/lifecycle/clock.ts';
import { type TestFolder, testFolder } from '../../support/folder.ts';
import { paced, until } from '../../support/poll.ts';
import { fixture, gone, kill, runs } from './supervised.ts';

/** Ms until none of them runs. */
async function msUntilGone(pids: readonly number[]): Promise<number> {
  const began = performance.now();
  for await (const _ of paced(2)) {
    if (await gone(pids)) break;
    if (performance.now() - began > 5000) throw new Error(`of ${pids} some still run after 5 s`);
  }
  return performance.now() - began;
}

class SmallGateway implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly engines: readonly number[];
  readonly strangers: readonly number[];
  readonly reaper: number;
  readonly #folder: TestFolder;

  static async start(): Promise<SmallGateway> {
    const folder = await testFolder();
    // A file: the reaper cannot open the socket that Node would give for its own.
    const stderr = openSync(join(folder.path, 'stderr.txt'), 'a');
    const child = spawn(process.execPath, [fixture('small-gateway.ts')], {
      detached: true,
      stdio: ['pipe', 'pipe', stderr],
    });
    closeSync(stderr);
    const lines = createInterface(child.stdout as Readable);
    const [line] = (await once(lines, 'line')) as [string];
    const reaper = await until(() => reaperOf(child.pid ?? 0), { timeoutMs: 1000, what: 'the reaper' });
    return new SmallGateway(child, JSON.parse(line), reaper, folder);
  }

  private constructor(
    child: ChildProcess,
    { engines, strangers }: { engines: number[]; strangers: number[] },
    reaper: number,
    folder: TestFolder,
  ) {
    this.#folder = folder;
    this.child = child;
    this.engines = engines;
    this.strangers = strangers;
    this.reaper = reaper;
  }

  get stderr(): string {
    return readFileSync(join(this.#folder.path, 'stderr.txt'), 'utf8');
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** The one that is there afterwards. */
  async killReaper(): Promise<number> {
    kill(this.reaper);
    const again = async () => {
      const pid = await reaperOf(this.pid);
      return pid !== this.reaper && pid;
    };
    return until(again, { timeoutMs: 1000, what: 'another reaper' });
  }

  say(line: string): void {
    this.child.stdin?.write(`${line}\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL');
    for (const pid of this.strangers) kill(pid);
    await until(() => gone([...this.engines, ...this.strangers, this.reaper]), {
      timeoutMs: 2000,
      what: 'nothing left',
    });
    await this.#folder[Symbol.asyncDispose]();
  }
}

async function reaperOf(gateway: number): Promise<number | undefined> {
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const [stat, command] = await Promise.all(
      ['stat', 'cmdline'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')),
    );
    const [, parent] = (stat ?? '').slice((stat ?? '').lastIndexOf(')') + 2).split(' ');
    if (Number(parent) === gateway && command?.includes('reaper.sh')) return Number(pid);
  }
  return undefined;
}

describe('when the gateway is gone by kill -9', () => {
  test('its engines go within 100 ms, with those who left their group or were just being spawned; strangers stay', async () => {
    await using gateway = await SmallGateway.start();
    expect(gateway.engines).toHaveLength(12);
    process.kill(gateway.pid, 'SIGKILL');
    const ms = await msUntilGone(gateway.engines);
    // About 20 ms where this was written; a busy machine may take its time.
    console.log(`kill -9 of the gateway to all of 12 processes gone: ${ms.toFixed(1)} ms`);
    expect(ms).toBeLessThan(1000);
    expect(await Promise.all(gateway.strangers.map(runs))).toEqual(gateway.strangers.map(() => true));
    await until(() => gone([gateway.reaper]), { timeoutMs: 1000, what: 'no reaper' });
    expect(gateway.stderr).toBe('');
  });

  test('the reaper is still there, whatever signal came to the gateway and its group before', async () => {
    await using gateway = await SmallGateway.start();
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.kill(-gateway.pid, signal);
      process.kill(gateway.reaper, signal);
    }
    await until(() => runs(gateway.pid), { timeoutMs: 100, what: 'the gateway' });
    expect(await runs(gateway.reaper)).toBe(true);
    process.kill(-gateway.pid, 'SIGKILL');
    expect(await msUntilGone(gateway.engines)).toBeLessThan(1000);
  });
});

describe('a reaper that was killed', () => {
  test('is there again for a kill -9 of the gateway: it knows the engines', async () => {
    await using gateway = await SmallGateway.start();
    const again = await gateway.killReaper();
    process.kill(gateway.pid, 'SIGKILL');
    expect(await msUntilGone([...gateway.engines, again])).toBeLessThan(1000);
    expect(await Promise.all(gateway.strangers.map(runs))).toEqual(gateway.strangers.map(() => true));
  });

  test('during the shutdown holds the deadline all the same', async () => {
    await using gateway = await SmallGateway.start();
    const began = performance.now();
    gateway.say('deadline 1500');
    const again = await gateway.killReaper();
    // It cannot see its reaper go once its loop is held.
    gateway.say('block');
    await once(gateway.child, 'exit');
    expect(performance.now() - began).toBeGreaterThan(1450);
    expect(performance.now() - began).toBeLessThan(2500);
    expect(await msUntilGone([...gateway.engines, again])).toBeLessThan(1000);
    await until(() => gateway.stderr.includes('was killed with its engines'), {
      timeoutMs: 1000,
      what: 'the line',
    });
  });
});

test.each([
  // Through a shell: Node gives its children sockets.
  ['a pipe: the reaper has one of its own', 'exec 4>&1; "$0" "$1" 2>&1 >&4 4>&- | sleep 1000'],
  ['a socket: the reaper has none', 'exec "$0" "$1"'],
])('a standard error that nobody reads does not hold the loop; %s', async (_, script) => {
  const shell = spawn('sh', ['-c', script, process.execPath, fixture('small-gateway.ts')], {
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const lines = createInterface(shell.stdout);
  let strangers: readonly number[] = [];
  try {
    const [line] = (await once(lines, 'line')) as [string];
    ({ strangers } = JSON.parse(line));
    let said: unknown;
    lines.once('line', (text) => {
      said = text;
    });
    shell.stdin.write('flood\n');
    await until(() => said === 'still here', { timeoutMs: 3000, what: 'a word after the flood' });
  } finally {
    for (const pid of strangers) kill(pid);
    process.kill(-(shell.pid ?? 0), 'SIGKILL');
    await once(shell, 'close');
  }
});

describe('the deadline of a shutdown', () => {
  test.each(['block', ''])(
    'ends a gateway that has not left, with its engines, and says so (%s)',
    async (state) => {
      await using gateway = await SmallGateway.start();
      gateway.say('deadline 400');
      gateway.say(state);
      const began = performance.now();
      await once(gateway.child, 'exit');
      expect(performance.now() - began).toBeGreaterThan(350);
      expect(gateway.child.signalCode).toBe('SIGKILL');
      expect(await msUntilGone([...gateway.engines, gateway.reaper])).toBeLessThan(1000);
      await until(() => gateway.stderr !== '', { timeoutMs: 1000, what: 'the line' });
      expect(gateway.stderr).toBe(
        `greenroom: process ${gateway.pid} had not left after 0.40 s and was killed with its engines\n`,
      );
      expect(await Promise.all(gateway.strangers.map(runs))).toEqual(gateway.strangers.map(() => true));
    },
  );

  test('means nothing to a gateway that leaves before', async () => {
    await using gateway = await SmallGateway.start();
    gateway.say('deadline 60000');
    gateway.say('leave');
    await once(gateway.child, 'exit');
    expect(gateway.child.exitCode).toBe(0);
    // It waited for its reaper, which waited for nothing.
    expect(await gone([gateway.reaper, ...gateway.engines])).toBe(true);
    expect(gateway.stderr).toBe('');
  });

  test('may be set again', async () => {
    await using gateway = await SmallGateway.start();
    gateway.say('deadline 200');
    gateway.say('deadline 800');
    const began = performance.now();
    await once(gateway.child, 'exit');
    expect(performance.now() - began).toBeGreaterThan(700);
  });
});

/** A process that carries the marker of an engine, in no group that anybody was told. */
function marked(marker: string): number {
  const env = { ...process.env, GREENROOM_INSTANCE: marker };
  return spawn('sleep', ['1000'], { detached: true, stdio: 'ignore', env }).pid ?? 0;
}

describe('a reaper', () => {
  test('that is killed is started again, at a bounded rate, and told of', async () => {
    const trouble: string[] = [];
    const reaper = startReaper({ clock: systemClock, onTrouble: (message) => trouble.push(message) });
    const began = performance.now();
    for (const ms of [50, 200, 800]) {
      const pid = await until(() => reaperOf(process.pid), { timeoutMs: 2000, what: 'the reaper' });
      process.kill(pid, 'SIGKILL');
      const meanwhile = 'until then engines would outlive a kill -9 of the gateway';
      const message = `the reaper (pid ${pid}) ended (SIGKILL); it is started again in ${ms} ms, ${meanwhile}`;
      await until(() => trouble.includes(message), { timeoutMs: 1000, what: 'the trouble' });
    }
    await until(() => reaperOf(process.pid), { timeoutMs: 2000, what: 'the reaper' });
    expect(performance.now() - began).toBeGreaterThan(1000);
    expect(trouble).toHaveLength(3);
    await reaper.close();
    expect(await reaperOf(process.pid)).toBeUndefined();
  });

  test('that is killed and closed before it is there again is there for a last sweep alone', async () => {
    const trouble: string[] = [];
    const reaper = startReaper({ clock: systemClock, onTrouble: (message) => trouble.push(message) });
    process.kill(
      await until(() => reaperOf(process.pid), { timeoutMs: 1000, what: 'the reaper' }),
      'SIGKILL',
    );
    await until(() => trouble.length > 0, { timeoutMs: 1000, what: 'the trouble' });
    const [there, past] = [randomUUID(), randomUUID()];
    const escaped = [there, past].map(marked);
    for (const marker of [there, past]) reaper.expect(marker);
    reaper.add(past, 4_194_304);
    reaper.remove(past);
    reaper.deadline(1);
    await reaper.close();
    await until(() => gone(escaped), { timeoutMs: 100, what: 'the end of who escaped' });
    expect(await reaperOf(process.pid)).toBeUndefined();
    expect(trouble).toHaveLength(1);
  });

  test('that is started again sweeps after what ended meanwhile', async () => {
    const trouble: string[] = [];
    const reaper = startReaper({ clock: systemClock, onTrouble: (message) => trouble.push(message) });
    const marker = randomUUID();
    const env = { ...process.env, GREENROOM_INSTANCE: marker };
    const escaped = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore', env });
    reaper.expect(marker);
    process.kill(
      await until(() => reaperOf(process.pid), { timeoutMs: 1000, what: 'the reaper' }),
      'SIGKILL',
    );
    await until(() => trouble.length > 0, { timeoutMs: 1000, what: 'the trouble' });
    reaper.remove(marker);
    await once(escaped, 'exit');
    expect(escaped.signalCode).toBe('SIGKILL');
    await reaper.close();
  });

  test('that is stopped does not hold up the end: it is killed, and another one kills what it should have killed', async () => {
    const trouble: string[] = [];
    const reaper = startReaper({ clock: systemClock, onTrouble: (message) => trouble.push(message) });
    const engine = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' });
    reaper.deadline(60_000);
    reaper.add('a', engine.pid ?? 0);
    const pid = await until(() => reaperOf(process.pid), { timeoutMs: 1000, what: 'the reaper' });
    process.kill(pid, 'SIGSTOP');
    const [there, past] = [randomUUID(), randomUUID()];
    const escaped = [there, past].map(marked);
    for (const marker of [there, past]) reaper.expect(marker);
    reaper.remove(past);
    const ended = once(engine, 'exit');
    const began = performance.now();
    await reaper.close();
    expect(performance.now() - began).toBeLessThan(1000);
    expect(trouble).toEqual([`the reaper (pid ${pid}) did not end in 300 ms and was killed`]);
    await until(() => gone(escaped), { timeoutMs: 100, what: 'the end of who escaped' });
    expect(await reaperOf(process.pid)).toBeUndefined();
    await ended;
    expect(engine.signalCode).toBe('SIGKILL');
  });

  test('that is stopped, as is the one after it, is given up in time, and said so', async () => {
    const trouble: string[] = [];
    const reaper = startReaper({ clock: systemClock, onTrouble: (message) => trouble.push(message) });
    reaper.expect(randomUUID());
    const first = await until(() => reaperOf(process.pid), { timeoutMs: 1000, what: 'the reaper' });
    process.kill(first, 'SIGSTOP');
    const { PATH } = process.env;
    await using folder = await testFolder();
    // The next one is a program that never ends.
    await folder.write('sh', '#!/usr/bin/tail -f\n');
    await chmod(join(folder.path, 'sh'), 0o755);
    process.env['PATH'] = folder.path;
    const began = performance.now();
    try {
      await reaper.close();
    } finally {
      process.env['PATH'] = PATH;
    }
    expect(performance.now() - began).toBeLessThan(1500);
    expect(trouble).toEqual([
      `the reaper (pid ${first}) did not end in 300 ms and was killed`,
      expect.stringMatching(/^the reaper \(pid \d+\) did not end in 500 ms and was killed$/),
      expect.stringMatching(/ended \(SIGKILL\); what engines have started may still be there$/),
    ]);
  });

  test('that cannot be started is told of and tried again, and the gateway goes on without', async () => {
    const trouble: string[] = [];
    const { PATH } = process.env;
    process.env['PATH'] = '/no/such/folder';
    const reaper = startReaper({ clock: systemClock, onTrouble: (message) => trouble.push(message) });
    try {
      reaper.expect('a');
      await until(() => trouble.length > 1, { timeoutMs: 1000, what: 'the trouble' });
    } finally {
      process.env['PATH'] = PATH;
    }
    expect(trouble[0]).toContain('could not be started (spawn sh ENOENT); it is started again in 50 ms');
    expect(trouble[1]).toContain('could not be started (spawn sh ENOENT); it is started again in 200 ms');
    await until(() => reaperOf(process.pid), { timeoutMs: 1000, what: 'the reaper' });
    await reaper.close();
  });

  test('closed twice is closed once', async () => {
    const reaper = startReaper({ clock: systemClock, onTrouble: (message) => expect.unreachable(message) });
    await Promise.all([reaper.close(), reaper.close()]);
    await reaper.close();
  });

  test('kills from here what it knows, for a watchdog that has no time', async () => {
    const reaper = startReaper({ clock: systemClock, onTrouble: (message) => expect.unreachable(message) });
    const child = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' });
    reaper.add('a', child.pid ?? 0);
    reaper.add('b', 4_194_304);
    expect(reaper.killGroups()).toEqual([child.pid, 4_194_304]);
    await once(child, 'exit');
    expect(child.signalCode).toBe('SIGKILL');
    await reaper.close();
  });
});
