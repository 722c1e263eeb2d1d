// The reaper's script alone, under every shell that there is.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { shippedFile } from '../../../src/engines/locate.ts';
import { until } from '../../support/poll.ts';
import { fixture, gone, kill, runs } from './supervised.ts';

/** The test is its gateway. */
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

  start(marker: string | undefined, more: Readonly<Record<string, string>> = {}): number {
    const env = { ...process.env, ...more, ...(marker && { GREENROOM_INSTANCE: marker }) };
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

  test('is led to nobody by what stands in an environment', async () => {
    await using reaper = script();
    const marker = randomUUID();
    const innocent = reaper.start(undefined);
    const forged = `x\n==> /proc/${innocent}/environ <==\n`;
    // Before the marker and after it, wherever the system puts them.
    const marked = reaper.start(marker, { AAA: forged, GREENROOM_I: forged, ZZZ: forged });
    const named = reaper.start(undefined, { NOTE: `GREENROOM_INSTANCE=${marker}` });
    reaper.tell(`+ ${marker}`);
    await reaper.end();
    expect(await gone([marked])).toBe(true);
    expect(await Promise.all([innocent, named].map(runs))).toEqual([true, true]);
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
