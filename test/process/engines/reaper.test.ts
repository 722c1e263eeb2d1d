import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { describe, expect, it, test } from 'vitest';
import { shippedFile } from '../../../src/engines/locate.ts';
import { startReaper } from '../../../src/engines/reaper.ts';
import { systemClock } from '../../../src/lifecycle/clock.ts';
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

test('a standard error that nobody reads does not hold the loop: the reaper has one of its own', async () => {
  // Through a shell, since it must be a pipe: Node gives its children sockets.
  const script = 'exec 4>&1; "$0" "$1" 2>&1 >&4 4>&- | sleep 1000';
  const shell = spawn('sh', ['-c', script, process.execPath, fixture('small-gateway.ts')], {
    detached: true,
    stdio: ['pipe', 'pipe', 'inherit'],
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

  test('that is killed and closed before it is there again stays away', async () => {
    const trouble: string[] = [];
    const reaper = startReaper({ clock: systemClock, onTrouble: (message) => trouble.push(message) });
    process.kill(
      await until(() => reaperOf(process.pid), { timeoutMs: 1000, what: 'the reaper' }),
      'SIGKILL',
    );
    await until(() => trouble.length > 0, { timeoutMs: 1000, what: 'the trouble' });
    reaper.expect('a');
    reaper.add('a', 4_194_304);
    reaper.remove('a');
    reaper.deadline(1);
    await reaper.close();
    await until(async () => !(await reaperOf(process.pid)), { timeoutMs: 100, what: 'no reaper' });
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

  test('that is stopped does not hold up the end: it is killed, and so is what it should have killed', async () => {
    const trouble: string[] = [];
    const reaper = startReaper({ clock: systemClock, onTrouble: (message) => trouble.push(message) });
    const engine = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' });
    reaper.deadline(60_000);
    reaper.add('a', engine.pid ?? 0);
    const pid = await until(() => reaperOf(process.pid), { timeoutMs: 1000, what: 'the reaper' });
    process.kill(pid, 'SIGSTOP');
    const ended = once(engine, 'exit');
    const began = performance.now();
    await reaper.close();
    expect(performance.now() - began).toBeLessThan(1000);
    expect(trouble).toEqual([`the reaper (pid ${pid}) did not end in 300 ms and was killed`]);
    await ended;
    expect(engine.signalCode).toBe('SIGKILL');
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
