// A live `talk` in a process of its own: the built bin with `--json`, lines typed through a pipe. Ends with the test.
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { bin, type GatewayEvent } from './gateway-process.ts';
import { until } from './poll.ts';

export interface TalkEnd {
  readonly code: number | null;
  readonly ms: number;
}

export class TalkProcess implements AsyncDisposable {
  readonly events: GatewayEvent[] = [];
  readonly child: ChildProcess;
  stderr = '';
  readonly #ended: Promise<number | null>;
  #endedMs = 0;

  constructor(options: {
    readonly args: readonly string[];
    readonly cwd: string;
    readonly env: Readonly<Record<string, string>>;
  }) {
    const { args, cwd, env } = options;
    this.child = spawn(process.execPath, [bin, 'talk', '--json', ...args], {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    if (this.child.stdout) {
      createInterface({ input: this.child.stdout }).on('line', (line) =>
        this.events.push(JSON.parse(line) as GatewayEvent),
      );
    }
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += chunk;
    });
    this.child.stdin?.on('error', () => undefined);
    this.#ended = new Promise((resolve) => {
      this.child.on('close', (code) => {
        this.#endedMs = performance.now();
        resolve(code);
      });
    });
  }

  type(line: string): void {
    this.child.stdin?.write(`${line}\n`);
  }

  all(name: string): readonly GatewayEvent[] {
    return this.events.filter(({ event }) => event === name);
  }

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

  state(word: string): Promise<GatewayEvent> {
    return this.event('state', ({ state }) => state === word);
  }

  /** Exit code, and ms since `sinceMs` (of performance.now()). */
  async ended(sinceMs = 0): Promise<TalkEnd> {
    const code = await this.#ended;
    return { code, ms: this.#endedMs - sinceMs };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGKILL');
    await this.#ended;
  }
}
