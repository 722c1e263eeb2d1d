import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { describe, expect, it, test } from 'vitest';
import { shippedFile } from '../../../src/engines/locate.ts';
import { startReaper } from '../../../src/engines/reaper.ts';
import { paced, until } from '../../support/poll.ts';
import { fixture, runs } from './supervised.ts';

const gone = async (pids: readonly number[]) => !(await Promise.all(pids.map(runs))).includes(true);

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

describe('a reaper', () => {
  test('that is gone is told of, once, and asked for nothing more', async () => {
    const trouble: string[] = [];
    const reaper = startReaper((message) => trouble.push(message));
    const pid = await until(() => reaperOf(process.pid), { timeoutMs: 1000, what: 'the reaper' });
    process.kill(pid, 'SIGKILL');
    await until(() => trouble.length > 0, { timeoutMs: 1000, what: 'the trouble' });
    reaper.expect('a');
    reaper.add('a', 4_194_304);
    reaper.remove('a');
    reaper.deadline(1);
    await reaper.close();
    expect(trouble).toEqual(['the reaper ended (SIGKILL): engines would outlive a kill -9 of the gateway']);
  });

  test('that cannot be started is told of, and the gateway goes on without', async () => {
    const trouble: string[] = [];
    const { PATH } = process.env;
    process.env['PATH'] = '/no/such/folder';
    try {
      const reaper = startReaper((message) => trouble.push(message));
      reaper.expect('a');
      await until(() => trouble.length > 0, { timeoutMs: 1000, what: 'the trouble' });
      await reaper.close();
    } finally {
      process.env['PATH'] = PATH;
    }
    expect(trouble).toEqual([expect.stringContaining('could not be started (spawn sh ENOENT)')]);
  });

  test('closed twice is closed once', async () => {
    const reaper = startReaper((message) => expect.unreachable(message));
    await Promise.all([reaper.close(), reaper.close()]);
    await reaper.close();
  });

  test('kills from here what it knows, for a watchdog that has no time', async () => {
    const reaper = startReaper((message) => expect.unreachable(message));
    const child = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' });
    reaper.add('a', child.pid ?? 0);
    reaper.add('b', 4_194_304);
    expect(reaper.killGroups()).toEqual([child.pid, 4_194_304]);
    await once(child, 'exit');
    expect(child.signalCode).toBe('SIGKILL');
    await reaper.close();
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

/** A process namespace of its own: there a number can be waited for, and nobody else's process be hit. */
const ownPids = ['--user', '--map-root-user', '--pid', '--fork', '--mount-proc', '--kill-child'];
const works = (program: string, ...args: string[]) => spawnSync(program, args).status === 0;
const canUnshare = works('unshare', ...ownPids, 'true');

describe.each(['dash', 'bash', 'busybox sh'])('the script under %s', (name) => {
  const shell = name.split(' ');
  const [program = '', ...args] = shell;
  const there = works(program, ...args, '-c', 'true');
  const test = it.skipIf(!there);
  const script = () => new Script(shell);

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

  test('takes a thousand lines, and still knows what is there', async () => {
    await using reaper = script();
    const kept = randomUUID();
    const pid = reaper.start(undefined);
    reaper.tell(`+ ${kept} ${pid}`);
    for (let count = 0; count < 300; count += 1) {
      const marker = randomUUID();
      reaper.tell(`+ ${marker}`);
      // No process has such a number.
      reaper.tell(`+ ${marker} 4194304`);
      reaper.tell(`- ${marker}`);
    }
    expect(await gone([pid])).toBe(false);
    await reaper.end();
    expect(await gone([pid])).toBe(true);
  });

  it.skipIf(!there || !canUnshare)(
    'never kills a process that has got the number of an engine or gateway',
    () => {
      const program = [process.execPath, fixture('reused-pid.mjs'), shippedFile('reaper'), ...shell];
      const { stdout, stderr } = spawnSync('unshare', [...ownPids, ...program], { encoding: 'utf8' });
      expect(stderr).toBe('');
      expect(JSON.parse(stdout)).toEqual({ engine: 'runs', gateway: 'runs', known: 'gone' });
    },
  );
});
