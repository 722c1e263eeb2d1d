// One engine of examples/interpreter as the program that it is, at a port of its own. Ends with the test, and with it
// whatever it has started.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from '../../support/poll.ts';
import { processesWith } from '../../support/processes.ts';

export class EngineProcess implements AsyncDisposable {
  readonly url: string;
  readonly child: ChildProcess;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  output = '';
  readonly #tag = randomUUID();

  private constructor(name: string, port: number, path: string) {
    this.url = `http://127.0.0.1:${port}`;
    const file = fileURLToPath(new URL(`../../../examples/interpreter/${name}.mjs`, import.meta.url));
    this.child = spawn(process.execPath, [file, String(port)], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, PATH: path, GREENROOM_TEST: this.#tag },
    });
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.on('data', (text) => {
        this.output += text;
      });
    this.ended = new Promise((resolve) =>
      this.child.on('close', (code, signal) => resolve({ code, signal })),
    );
  }

  /** @param path the folders with programs; default: those of this process */
  static async start(name: string, path = process.env['PATH'] ?? ''): Promise<EngineProcess> {
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address() as { port: number };
    probe.close();
    await once(probe, 'close');
    return new EngineProcess(name, port, path);
  }

  static async listening(name: string): Promise<EngineProcess> {
    const engine = await EngineProcess.start(name, `${dirname(process.execPath)}:${process.env['PATH']}`);
    const answers = async () => (await fetch(`${engine.url}/health`)).ok;
    await until(answers, { timeoutMs: 10_000, what: `${name} to listen (${engine.output})` });
    return engine;
  }

  post(path: string, body: object | FormData | string, signal?: AbortSignal): Promise<Response> {
    const given = body instanceof FormData || typeof body === 'string' ? body : JSON.stringify(body);
    return fetch(`${this.url}${path}`, { method: 'POST', body: given, ...(signal && { signal }) });
  }

  /** Status and `error.code`, of a call that fails. */
  async refusal(path: string, body: object | FormData | string) {
    const response = await this.post(path, body);
    const { error } = (await response.json()) as { error: { code: string; message: string; type: string } };
    return { status: response.status, ...error };
  }

  /** Waits until so many calls have a seat, and so many wait for one. */
  shows(wanted: { readonly active: number; readonly waiting: number }): Promise<boolean> {
    const fits = async () => {
      const { active, waiting } = (await (await fetch(`${this.url}/health`)).json()) as typeof wanted;
      return active === wanted.active && waiting === wanted.waiting;
    };
    return until(fits, { timeoutMs: 10_000, what: `its calls to be ${JSON.stringify(wanted)}` });
  }

  /** Its programs: those that work, and those that stand by. */
  async programs(): Promise<readonly number[]> {
    return (await processesWith(`GREENROOM_TEST=${this.#tag}`)).filter((pid) => pid !== this.child.pid);
  }

  async killPrograms(): Promise<void> {
    for (const pid of await this.programs()) kill(pid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
    // As a supervisor would: they end by themselves only when they have read and written all.
    await this.killPrograms();
    const gone = async () => (await this.programs()).length === 0;
    await until(gone, { timeoutMs: 10_000, what: 'its programs to be gone' });
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
