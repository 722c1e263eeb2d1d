// The command of `exec`: it has our standard streams and our process group, so that the terminal is its own, and Ctrl+C
// reaches it by itself.
import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Clock } from '../../lifecycle/clock.ts';
import type { EndSignal } from '../../lifecycle/process-end.ts';
import { secondSignalMs } from '../../lifecycle/second-signal.ts';
import { Descendants } from './descendants.ts';

export type CommandEnd =
  | { readonly state: 'exited'; readonly code: number; readonly signal: NodeJS.Signals | null }
  /** As shells have it: 126 for what may not be executed, 127 for what is not found. */
  | { readonly state: 'unstarted'; readonly code: 126 | 127; readonly why: string };

export interface CommandOptions {
  /** Program and arguments; never empty. */
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly clock: Clock;
  /** Whether the terminal sends its signals to the command as well as to us. */
  readonly terminal: boolean;
}

/** From the request to end to KILL. */
const graceMs = 5000;

export class RunningCommand {
  /** Where it was asked to end, the processes that it had by then are gone as well. */
  readonly ended: Promise<CommandEnd>;
  readonly #options: CommandOptions;
  /** Undefined when it could not even be tried. */
  readonly #child: ChildProcess | undefined;
  readonly #descendants: Descendants;
  #state: 'running' | 'asked' | 'ended' = 'running';
  /** When we were first asked to end. */
  #signalledMs: number | undefined;

  constructor(options: CommandOptions) {
    this.#options = options;
    this.#descendants = new Descendants(options.clock);
    const [program = '', ...args] = options.argv;
    const { cwd, env } = options;
    let child: ChildProcess;
    try {
      child = spawn(program, args, { cwd, env, stdio: 'inherit' });
    } catch (error) {
      this.#state = 'ended';
      this.ended = Promise.resolve(unstarted(program, error as NodeJS.ErrnoException));
      return;
    }
    this.#child = child;
    this.ended = new Promise((resolve) => {
      const end = async (how: CommandEnd) => {
        if (this.#state === 'asked') this.#descendants.tell('SIGTERM');
        await this.#descendants.gone();
        this.#state = 'ended';
        resolve(how);
      };
      child.once('error', (error) => end(unstarted(program, error)));
      child.once('exit', (code, signal) => end({ state: 'exited', code: exitCode(code, signal), signal }));
    });
  }

  kill(): void {
    if (this.#state === 'ended') return;
    this.#child?.kill('SIGKILL');
    this.#descendants.tell('SIGKILL');
  }

  /** We were asked to end by this signal: so is it. Asked again, and not only told twice, it is killed. */
  async signal(name: EndSignal): Promise<void> {
    const nowMs = this.#options.clock.now();
    this.#signalledMs ??= nowMs;
    if (nowMs - this.#signalledMs > secondSignalMs) return this.kill();
    await this.stop(name, this.#options.terminal && name === 'SIGINT');
  }

  /** @param told it has heard the signal from the terminal */
  async stop(name: NodeJS.Signals = 'SIGTERM', told = false): Promise<void> {
    if (this.#state !== 'running') return;
    this.#state = 'asked';
    const late = this.#options.clock.after(graceMs, () => this.kill());
    if (this.#child?.pid !== undefined) await this.#descendants.of(this.#child.pid);
    if (!told) this.#child?.kill(name);
    await this.ended;
    late.cancel();
  }
}

function exitCode(code: number | null, signal: NodeJS.Signals | null): number {
  return code ?? (signal ? signalCode(signal) : 0);
}

/** 128 and the signal's number, as shells have it. */
export function signalCode(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}

/** As the shells: 127 for what is not there, 126 for what is and cannot be run. */
const notThere: readonly unknown[] = ['ENOENT', 'ENOTDIR', 'ERR_INVALID_ARG_VALUE'];

function unstarted(program: string, { code, message }: NodeJS.ErrnoException): CommandEnd {
  const missing = notThere.includes(code);
  const why =
    program === ''
      ? 'it is empty'
      : missing
        ? 'not found'
        : code === 'EACCES'
          ? 'may not be executed'
          : message;
  return {
    state: 'unstarted',
    code: missing ? 127 : 126,
    why: `cannot run ${JSON.stringify(program)}: ${why}`,
  };
}
