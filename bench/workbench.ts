// Where a benchmark works: a temporary folder, and the programs that it has started in there. Owns both; closed by
// run.ts, however the benchmark ends, and then nothing of it is left.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export interface Program {
  /** Of performance.now(). */
  readonly startedMs: number;
  readonly pid: number;
  /** `kill -9`. */
  kill(): void;
  /** Its answer to this, of a program that is spoken to. Rejects when it ends without one. */
  ask<Answer>(question: unknown): Promise<Answer>;
  close(): Promise<void>;
}

/** `spoken`: it answers each message of its parent's with one of its own. */
type Speech = 'silent' | 'spoken';

/** A gateway leaves in three seconds; what does not is killed. */
const graceMs = 5000;

export class Workbench implements AsyncDisposable {
  readonly #folder: string;
  readonly #running = new Set<Program>();
  #state: 'open' | 'closed' = 'open';
  #started = 0;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async open(within = tmpdir()): Promise<Workbench> {
    return new Workbench(await mkdtemp(join(within, 'greenroom-bench-')));
  }

  get folder(): string {
    return this.#folder;
  }

  /** @returns its path */
  async write(name: string, content: string | Uint8Array): Promise<string> {
    const path = join(this.#folder, name);
    await writeFile(path, content);
    return path;
  }

  /** A program of Node's, in a folder of its own. Throws when the bench is closed. */
  start(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Program> {
    return this.startOther(process.execPath, args, env);
  }

  async startOther(
    program: string,
    args: readonly string[],
    env: NodeJS.ProcessEnv = {},
    speech: Speech = 'silent',
  ): Promise<Program> {
    this.#started += 1;
    const cwd = join(this.#folder, String(this.#started));
    await mkdir(cwd);
    if (this.#state === 'closed') throw new Error('the benchmark was ended');
    const startedMs = performance.now();
    const child = spawn(program, [...args], {
      cwd,
      stdio: ['ignore', 'ignore', 'pipe', ...(speech === 'spoken' ? (['ipc'] as const) : [])],
      env: { ...process.env, ...env },
    });
    let said = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk;
    });
    child.on('exit', (code) => code && console.error(`it exited with code ${code}: ${said}`));
    const exited = once(child, 'exit');
    const started: Program = {
      startedMs,
      pid: child.pid ?? 0,
      kill: () => void child.kill('SIGKILL'),
      ask: <Answer>(question: unknown) => answerOf<Answer>(child, question),
      close: async () => {
        await end(child, exited);
        this.#running.delete(started);
        await rm(cwd, { recursive: true, force: true });
      },
    };
    this.#running.add(started);
    return started;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#state = 'closed';
    await Promise.all([...this.#running].map((program) => program.close()));
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

function answerOf<Answer>(child: ChildProcess, question: unknown): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const onExit = () => {
      child.off('message', onMessage);
      reject(new Error(`it ended before it had answered ${JSON.stringify(question)}`));
    };
    const onMessage = (answer: unknown) => {
      child.off('exit', onExit);
      resolve(answer as Answer);
    };
    child.once('message', onMessage);
    child.once('exit', onExit);
    child.send(question as object, (error) => error && reject(error));
  });
}

async function end(child: ChildProcess, exited: Promise<unknown>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  const late = new AbortController();
  const killed = delay(graceMs, undefined, { signal: late.signal }).then(
    () => child.kill('SIGKILL'),
    () => undefined,
  );
  await exited;
  late.abort();
  await killed;
}
