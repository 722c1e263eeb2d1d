// A real gateway in a process of its own, as users start it: the built bin, `up --json`. Ends with the test.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type TestFolder, testFolder } from './folder.ts';
import { until } from './poll.ts';
import { alive, familyOf, processesWith } from './processes.ts';

export const bin = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
export const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));

const stderrFile = 'stderr.txt';

export interface GatewayEvent {
  readonly event: string;
  readonly [key: string]: unknown;
}

/** Where its API can be asked. */
export type GatewayAsked = Pick<GatewayProcess, 'url' | 'json'>;

export interface GatewayProcessOptions {
  /** Content of greenroom.json; none: the embedded default. */
  readonly config?: object;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly listen?: string;
  /** Whether it looks what runs on this machine. Default: no, so that the machine does not matter. */
  readonly discover?: boolean;
  /** What runs the gateway, as the same process: it gets the command as its last arguments. */
  readonly within?: readonly string[];
  /** What is to be in its folder before it starts. */
  readonly prepare?: (folder: TestFolder) => void | Promise<void>;
  /** Its standard error: a socket, as Node gives it, or a file, which the reaper can have for its own. */
  readonly stderr?: 'socket' | 'file';
}

export class GatewayProcess implements AsyncDisposable {
  readonly events: GatewayEvent[] = [];
  readonly folder: TestFolder;
  readonly child: ChildProcess;
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  exitedMs = 0;
  #stderr = '';
  readonly #tag: string;

  private constructor(child: ChildProcess, folder: TestFolder, tag: string) {
    this.child = child;
    this.folder = folder;
    this.#tag = tag;
    if (child.stdout) {
      createInterface({ input: child.stdout }).on('line', (line) =>
        this.events.push(JSON.parse(line) as GatewayEvent),
      );
    }
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr += chunk;
    });
    this.exited = new Promise((resolve) => {
      child.on('exit', (code, signal) => {
        this.exitedMs = performance.now();
        resolve({ code, signal });
      });
    });
  }

  static async start(options: GatewayProcessOptions = {}): Promise<GatewayProcess> {
    const folder = await testFolder();
    await options.prepare?.(folder);
    if (options.config) await folder.write('greenroom.json', JSON.stringify(options.config));
    const { listen = '127.0.0.1:0', discover = false } = options;
    const alone = discover ? [] : ['--no-discover'];
    const args = [bin, 'up', '--json', '--listen', listen, ...alone, ...(options.args ?? [])];
    const [program = '', ...words] = [...(options.within ?? []), process.execPath, ...args];
    const file = options.stderr === 'file' ? openSync(join(folder.path, stderrFile), 'a') : undefined;
    const tag = `GREENROOM_TEST_GATEWAY=${randomUUID()}`;
    const [name = '', value] = tag.split('=');
    const child = spawn(program, words, {
      cwd: folder.path,
      stdio: ['ignore', 'pipe', file ?? 'pipe'],
      env: { ...process.env, [name]: value, ...options.env },
    });
    if (file !== undefined) closeSync(file);
    return new GatewayProcess(child, folder, tag);
  }

  get stderr(): string {
    return this.child.stderr ? this.#stderr : readFileSync(join(this.folder.path, stderrFile), 'utf8');
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** Waits for the first event that fits. */
  event(
    name: string,
    fits: (event: GatewayEvent) => boolean = () => true,
    timeoutMs = 20_000,
  ): Promise<GatewayEvent> {
    return until(() => this.events.find((event) => event.event === name && fits(event)), {
      timeoutMs,
      what: `event ${name} (so far: ${JSON.stringify(this.events)}; stderr: ${this.stderr})`,
    });
  }

  async url(): Promise<string> {
    return String((await this.event('listening'))['url']);
  }

  async json(path: string, init?: RequestInit): Promise<{ readonly status: number; readonly body: never }> {
    const response = await fetch(`${await this.url()}${path}`, init);
    return { status: response.status, body: (await response.json()) as never };
  }

  /** The last line of its log. */
  async lastLogged(): Promise<Readonly<Record<string, unknown>>> {
    const text = await readFile(join(this.folder.path, '.greenroom', 'logs', 'greenroom.log'), 'utf8');
    return JSON.parse(text.trimEnd().split('\n').at(-1) ?? '') as Record<string, unknown>;
  }

  /** Everything that lives because of this gateway: the engines' processes, its reaper. */
  family(): Promise<readonly number[]> {
    return familyOf(this.pid);
  }

  /** Itself, its reaper, its engines and whatever those have started, also who has left its family by now. */
  processes(): Promise<readonly number[]> {
    return processesWith(this.#tag);
  }

  /** Ms from `sinceMs` (of performance.now()) to its end, and how it ended. */
  async end(sinceMs: number) {
    const outcome = await this.exited;
    return {
      ...outcome,
      ms: this.exitedMs - sinceMs,
      report: this.events.find(({ event }) => event === 'shutdown'),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const family = await this.family();
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGKILL');
    await this.exited;
    await until(() => family.every((pid) => !alive(pid)), {
      timeoutMs: 5000,
      what: `the family ${family} of the gateway to be gone`,
    });
    await until(async () => (await this.processes()).length === 0, {
      timeoutMs: 5000,
      what: 'whatever its engines have started to be gone',
    });
    await this.folder[Symbol.asyncDispose]();
  }
}
