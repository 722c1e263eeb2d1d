// The engine `builtin: llama` as the program that it is: started with a model file, read, asked, ended. When the test
// ends it is gone, with every process that it started.
import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import OpenAI from 'openai';
import { until } from '../../support/poll.ts';
import { processesWith } from '../../support/processes.ts';

export const program = fileURLToPath(new URL('../../../dist/llama-server.js', import.meta.url));

export interface LlamaEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface LlamaHealth {
  readonly status?: 'ok';
  readonly active?: number;
  readonly waiting?: number;
  readonly error?: { readonly code: number; readonly message: string };
  readonly progress?: { readonly fraction: number; readonly text: string };
}

const usable = fileURLToPath(new URL('../../fixtures/llama/usable.mjs', import.meta.url));

/** Why node-llama-cpp cannot be used here; undefined when it can. Asked in a process of its own, once a test file. */
export function llamaProblem(): string | undefined {
  const { status, stderr } = spawnSync(process.execPath, [usable], { encoding: 'utf8' });
  return status === 0 ? undefined : (/^\w*Error.*$/m.exec(stderr)?.[0] ?? `exit code ${status}`);
}

export class LlamaProcess implements AsyncDisposable {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly ended: Promise<LlamaEnd>;
  stdout = '';
  stderr = '';
  readonly #tag = randomUUID();

  /** @param args beside the model and the port; `from` is another copy of the program */
  constructor(
    model: string,
    args: readonly string[] = ['--port', '0'],
    { from = program, cwd }: { readonly from?: string; readonly cwd?: string } = {},
  ) {
    this.child = spawn(process.execPath, [from, '--model', model, ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, GREENROOM_TEST: this.#tag },
      ...(cwd !== undefined && { cwd }),
    });
    this.child.stdout.on('data', (chunk) => {
      this.stdout += chunk;
    });
    this.child.stderr.on('data', (chunk) => {
      this.stderr += chunk;
    });
    this.ended = new Promise((resolve) =>
      this.child.on('close', (code, signal) => resolve({ code, signal })),
    );
  }

  /** Started, and through with its load. */
  static async ready(model: string, ...args: readonly string[]): Promise<LlamaProcess> {
    const llama = new LlamaProcess(model, ['--port', '0', ...args]);
    await llama.says(/^greenroom-progress 1\.00 ready$/m);
    return llama;
  }

  get lastError(): string {
    return this.stderr.trimEnd().split('\n').at(-1) ?? '';
  }

  get url(): string {
    return /^greenroom-listening (http:\S+)$/m.exec(this.stdout)?.[1] ?? 'http://none';
  }

  get openai(): OpenAI {
    return new OpenAI({ baseURL: `${this.url}/v1`, apiKey: 'none', maxRetries: 0 });
  }

  says(pattern: RegExp): Promise<RegExpExecArray> {
    return until(() => pattern.exec(this.stdout), {
      timeoutMs: 20_000,
      what: `${pattern} of ${this.#facts()}`,
    });
  }

  post(path: string, body: object, signal?: AbortSignal): Promise<Response> {
    const init = { method: 'POST', body: JSON.stringify(body), ...(signal && { signal }) };
    return fetch(`${this.url}${path}`, init);
  }

  async health(): Promise<LlamaHealth> {
    return (await (await fetch(`${this.url}/health`)).json()) as LlamaHealth;
  }

  /** Waits until so many answers are made. */
  active(count: number): Promise<boolean> {
    return until(async () => (await this.health()).active === count, {
      timeoutMs: 5000,
      what: `${count} answers under way`,
    });
  }

  /** Processes with our tag: it and its children. */
  processes(): Promise<readonly number[]> {
    return processesWith(`GREENROOM_TEST=${this.#tag}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
    await until(async () => (await this.processes()).length === 0, {
      timeoutMs: 3000,
      what: 'no process of the engine',
    });
  }

  #facts(): string {
    return `${this.stdout}\n${this.stderr}`;
  }
}
