// A supervisor with real engines for one test. When the test ends everything must be gone: engines, their children,
// threads, timers, the reaper. Children are known by a variable in their environment.
import { randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import type { EngineConfig, RunEngineConfig, WorkerEngineConfig } from '../../../src/config/types.ts';
import type { Engine } from '../../../src/engines/engine.ts';
import type { Journal } from '../../../src/engines/journal.ts';
import type { AskOwnership } from '../../../src/engines/process/ownership.ts';
import type { EngineStateWord } from '../../../src/engines/state.ts';
import { Supervisor, type SupervisorOptions } from '../../../src/engines/supervisor.ts';
import { systemClock } from '../../../src/lifecycle/clock.ts';
import { Deadline } from '../../../src/lifecycle/deadline.ts';
import { Scope } from '../../../src/lifecycle/scope.ts';
import { engineBasics, type RunChanges, runConfig } from '../../support/engine-configs.ts';
import { type TestFolder, testFolder } from '../../support/folder.ts';
import { until } from '../../support/poll.ts';
import { processesWith } from '../../support/processes.ts';

export const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../fixtures/engines/${name}`, import.meta.url));

export function worker(module: string, changes: Partial<WorkerEngineConfig> = {}): WorkerEngineConfig {
  return {
    ...engineBasics,
    kind: 'worker',
    worker: fixture(module),
    isolate: 'process',
    options: {},
    ready: { stallMs: 10_000, totalMs: 20_000 },
    needed: [],
    ...changes,
  };
}

export function program(file: string, changes: RunChanges = {}): RunEngineConfig {
  return runConfig({
    run: [process.execPath, fixture(file)],
    offers: ['speak'],
    cwd: fixture(''),
    ...changes,
  });
}

type Given = Pick<SupervisorOptions, 'mask' | 'ownership'>;

export class Supervised implements AsyncDisposable {
  readonly supervisor: Supervisor;
  readonly scope: Scope;
  readonly folder: TestFolder;
  /** What the supervisor logged, one line each. */
  readonly log: string[] = [];
  readonly #tag: string;
  readonly #handlesBefore: ReadonlyMap<string, number>;

  static async start(...configs: readonly EngineConfig[]): Promise<Supervised> {
    return Supervised.#started(configs, {});
  }

  /** @param mask as the gateway gives it */
  static async masked(mask: (text: string) => string, ...configs: readonly EngineConfig[]) {
    return Supervised.#started(configs, { mask });
  }

  /** @param ownership who listens at an address */
  static async owned(ownership: AskOwnership, ...configs: readonly EngineConfig[]) {
    return Supervised.#started(configs, { ownership });
  }

  static async journalled(journal: Journal, ...configs: readonly EngineConfig[]) {
    return Supervised.#started(configs, {}, journal);
  }

  static async #started(configs: readonly EngineConfig[], options: Given, journal?: Journal) {
    const stage = new Supervised(await testFolder(), configs, options);
    await stage.supervisor.startAll(journal);
    return stage;
  }

  private constructor(folder: TestFolder, configs: readonly EngineConfig[], options: Given) {
    this.folder = folder;
    this.#handlesBefore = handles();
    this.#tag = randomUUID();
    process.env['GREENROOM_TEST'] = this.#tag;
    this.scope = new Scope('test', { clock: systemClock });
    const line = (_: object, message: string) => void this.log.push(message);
    this.supervisor = new Supervisor({
      scope: this.scope,
      clock: systemClock,
      log: { debug: line, info: line, warn: line, error: line },
      logDirectory: join(folder.path, 'engines'),
      engines: Object.fromEntries(configs.map((config) => [config.name, config])),
      ...options,
    });
  }

  get engine(): Engine {
    return this.supervisor.get('mine');
  }

  get pid(): number {
    const { pid } = this.engine.status();
    if (pid === null) throw new Error(`the engine is ${this.engine.life.state} and has no pid`);
    return pid;
  }

  /** What the engine has written, as far as it is remembered. */
  get said(): string {
    return this.engine.life.failure?.logTail.join('\n') ?? '';
  }

  async becomes(state: EngineStateWord, timeoutMs = 10_000): Promise<void> {
    await until(
      () => {
        if (this.engine.life.state === state) return true;
        throw new Error(JSON.stringify(this.engine.status()));
      },
      { timeoutMs, what: `engine ${state}` },
    );
  }

  /** The log files of the engine's runs, in order. */
  async logFiles(): Promise<string[]> {
    const folder = join(this.folder.path, 'engines', 'mine');
    const names = (await readdir(folder)).sort();
    // A full one makes way for the next while we look.
    const texts = await Promise.allSettled(names.map((name) => readFile(join(folder, name), 'utf8')));
    return texts.flatMap((text) => (text.status === 'fulfilled' ? [text.value] : []));
  }

  /** Waits until something stands in the log file of the first run. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    const found = async () => pattern.exec((await this.logFiles()).join('\n'));
    return until(found, { timeoutMs: 10_000, what: `${pattern} in the log` });
  }

  stop(ms = 5000): Promise<'stopped' | 'killed' | 'stuck'> {
    return this.engine.stop(new Deadline(systemClock, ms));
  }

  /** Processes that were started for this test and are there now. */
  processes(): Promise<readonly number[]> {
    return processesWith(`GREENROOM_TEST=${this.#tag}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const report = await this.scope.close('done', { graceMs: 5000 });
    await this.supervisor.reaper.close();
    delete process.env['GREENROOM_TEST'];
    await this.folder[Symbol.asyncDispose]();
    expect([...report.overdue, ...report.failed], 'left by the scope').toEqual([]);
    const left = async () => (await this.processes()).length === 0;
    await until(left, { timeoutMs: 1000, what: 'no process of the test' });
    await until(() => more(this.#handlesBefore, handles()).length === 0, {
      timeoutMs: 2000,
      what: `no handle of the test (${more(this.#handlesBefore, handles())})`,
    });
  }
}

/** Whether a process runs: neither gone nor a zombie. */
export async function runs(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat !== '' && stat.slice(stat.lastIndexOf(')') + 2)[0] !== 'Z';
}

export const gone = async (pids: readonly number[]) => !(await Promise.all(pids.map(runs))).includes(true);

/** Ends it, if it is still there. */
export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function handles(): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const name of process.getActiveResourcesInfo()) {
    // The poll that looks, and requests that end by themselves.
    if (name !== 'Timeout' && !name.endsWith('Req') && !name.endsWith('ReqPromise'))
      counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

function more(before: ReadonlyMap<string, number>, now: ReadonlyMap<string, number>): string[] {
  return [...now].filter(([name, count]) => count > (before.get(name) ?? 0)).map(([name]) => name);
}
