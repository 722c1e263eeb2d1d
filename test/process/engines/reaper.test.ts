import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { describe, expect, test } from 'vitest';
import { shippedFile } from '../../../src/engines/locate.ts';
import { until } from '../../support/poll.ts';
import { fixture, runs } from './supervised.ts';

const gone = async (pids: readonly number[]) => !(await Promise.all(pids.map(runs))).includes(true);

/** Ms until none of them runs. */
async function msUntilGone(pids: readonly number[]): Promise<number> {
  const began = performance.now();
  for (;;) {
    if (await gone(pids)) return performance.now() - began;
    if (performance.now() - began > 5000) throw new Error(`of ${pids} some still run after 5 s`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

class SmallGateway implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly engines: readonly number[];
  readonly strangers: readonly number[];
  readonly reaper: number;
  stderr = '';

  static async start(): Promise<SmallGateway> {
    const child = spawn(process.execPath, [fixture('small-gateway.ts')], { detached: true });
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
    const reaper = await until(() => reaperOf(child.pid ?? 0), { timeoutMs: 1000, what: 'the reaper' });
    return new SmallGateway(child, JSON.parse(line), reaper);
  }

  private constructor(
    child: ChildProcess,
    { engines, strangers }: { engines: number[]; strangers: number[] },
    reaper: number,
  ) {
    this.child = child;
    this.engines = engines;
    this.strangers = strangers;
    this.reaper = reaper;
    child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += String(chunk);
    });
  }

  get pid(): number {
    return this.child.pid ?? 0;
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
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
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

/** The script alone, under a shell; the test is its gateway. */
class Script implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly #started: ChildProcess[] = [];

  constructor(shell: readonly string[]) {
    const [program = 'sh', ...args] = shell;
    this.child = spawn(program, [...args, shippedFile('reaper')], {
      detached: true,
      stdio: ['pipe', 'ignore', 'inherit'],
      env: { PATH: process.env['PATH'] },
    });
  }

  tell(line: string): void {
    this.child.stdin?.write(`${line}\n`);
  }

  start(marker: string | undefined): number {
    const env = { ...process.env, ...(marker && { GREENROOM_INSTANCE: marker }) };
    const child = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore', env });
    this.#started.push(child);
    return child.pid ?? 0;
  }

  /** Resolves when everything told so far is done: an engine is told as ended, and what it left behind goes. */
  async done(): Promise<void> {
    const marker = randomUUID();
    const pid = this.start(marker);
    await once(this.#started.at(-1) as ChildProcess, 'spawn');
    this.tell(`- ${marker}`);
    await until(() => gone([pid]), { timeoutMs: 5000, what: 'the end of the reaper’s work' });
  }

  async end(): Promise<void> {
    this.child.stdin?.end();
    if (this.child.exitCode === null) await once(this.child, 'exit');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { pid } of this.#started) kill(pid ?? 0);
    await this.end();
  }
}

const shells = [['sh'], ['dash'], ['bash'], ['busybox', 'sh']].filter(
  ([program = '', ...args]) => spawnSync(program, [...args, '-c', 'true']).status === 0,
);

describe.each(shells)('the script under %s %s', (...shell) => {
  const script = () => new Script(shell.filter((word) => word !== undefined));

  test('kills by group and by marker at the end of its input, and nobody else', async () => {
    await using reaper = script();
    const [known, ended, other] = [randomUUID(), randomUUID(), randomUUID()];
    const [inGroup, escaped, stranger, plain] = [
      reaper.start(undefined),
      reaper.start(known),
      reaper.start(other),
      reaper.start(undefined),
    ];
    const left = reaper.start(ended);
    reaper.tell(`+ ${known}`);
    reaper.tell(`+ ${known} ${inGroup}`);
    reaper.tell(`+ ${ended} ${left}`);
    reaper.tell(`- ${ended}`);
    await until(() => gone([left]), { timeoutMs: 1000, what: 'the end of what was left' });
    expect(await gone([inGroup, escaped])).toBe(false);
    await reaper.end();
    expect(reaper.child.exitCode).toBe(0);
    expect(await gone([inGroup, escaped])).toBe(true);
    expect(await Promise.all([stranger, plain].map(runs))).toEqual([true, true]);
  });

  test('kills one that keeps starting others', async () => {
    await using reaper = script();
    const marker = randomUUID();
    const loop = 'while :; do setsid sleep 0.2 & sleep 0.005; done';
    const child = spawn('sh', ['-c', loop], {
      detached: true,
      stdio: 'ignore',
      env: { ...process.env, GREENROOM_INSTANCE: marker },
    });
    await once(child, 'spawn');
    reaper.tell(`+ ${marker}`);
    await reaper.done();
    await reaper.end();
    expect(await gone([child.pid ?? 0])).toBe(true);
  });

  test('takes thousands of lines', async () => {
    await using reaper = script();
    const kept = randomUUID();
    const pid = reaper.start(undefined);
    reaper.tell(`+ ${kept} ${pid}`);
    // More than a pipe holds; they have ended before they are read.
    for (let count = 0; count < 4000; count += 1) reaper.tell(`+ ${randomUUID()} 4194303`);
    for (let count = 0; count < 50; count += 1) reaper.tell(`- ${randomUUID()}`);
    await reaper.end();
    expect(await gone([pid])).toBe(true);
  }, 30_000);

  test('never kills a process that has got the number of an engine', async () => {
    await using reaper = script();
    const marker = randomUUID();
    const reused = await withNextPid(reaper, async (pid) => {
      // At this time nobody has the number: the engine has ended, and we were not told yet.
      reaper.tell(`+ ${marker} ${pid}`);
      await reaper.done();
    });
    await reaper.end();
    expect(await runs(reused)).toBe(true);
  });

  test('never kills a process that has got the number of the gateway', async () => {
    await using reaper = script();
    const reused = await withNextPid(reaper, async (pid) => {
      reaper.tell(`deadline 0.3 ${pid}`);
      await reaper.done();
    });
    const began = performance.now();
    await until(() => performance.now() - began > 400, { timeoutMs: 1000, what: 'the deadline' });
    expect(await runs(reused)).toBe(true);
  });
});

/** Starts processes until one has the number that was announced before; other programs may take it, so tries again. */
async function withNextPid(reaper: Script, announce: (pid: number) => Promise<void>): Promise<number> {
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const wanted = reaper.start(undefined) + 60;
    await announce(wanted);
    for (let pid = 0; pid < wanted; ) {
      pid = reaper.start(undefined);
      if (pid === wanted) return pid;
    }
  }
  throw new Error('no process got the number that was wanted');
}
