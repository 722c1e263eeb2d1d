// The command of `exec`: it has our standard streams and our process group, so that the terminal is its own, and Ctrl+C
// reaches it by itself.
import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Clock } from '../../lifecycle/clock.ts';
import type { EndSignal } from '../../lifecycle/process-end.ts';

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
  readonly ended: Promise<CommandEnd>;
  readonly #options: CommandOptions;
  readonly #child: ChildProcess;
  #state: 'running' | 'asked' | 'ended' = 'running';

  constructor(options: CommandOptions) {
    this.#options = options;
    const [program = '', ...args] = options.argv;
    const { cwd, env } = options;
    this.#child = spawn(program, args, { cwd, env, stdio: 'inherit' });
    this.ended = new Promise((resolve) => {
      const end = (how: CommandEnd) => {
        this.#state = 'ended';
        resolve(how);
      };
      this.#child.once('error', (error) => end(unstarted(program, error)));
      this.#child.once('exit', (code, signal) =>
        end({ state: 'exited', code: exitCode(code, signal), signal }),
      );
    });
  }

  get pid(): number | null {
    return this.#child.pid ?? null;
  }

  /** We were asked to end by this signal: so is it. Asked again, it is killed. */
  async signal(name: EndSignal): Promise<void> {
    if (this.#state === 'asked') return void this.#child.kill('SIGKILL');
    await this.stop(name, this.#options.terminal && name === 'SIGINT');
  }

  /** @param told it has heard the signal from the terminal */
  async stop(name: NodeJS.Signals = 'SIGTERM', told = false): Promise<void> {
    if (this.#state !== 'running') return;
    this.#state = 'asked';
    if (!told) this.#child.kill(name);
    const late = this.#options.clock.after(graceMs, () => void this.#child.kill('SIGKILL'));
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

function unstarted(program: string, { code, message }: NodeJS.ErrnoException): CommandEnd {
  const missing = code === 'ENOENT';
  const why = missing ? 'not found' : code === 'EACCES' ? 'may not be executed' : message;
  return { state: 'unstarted', code: missing ? 127 : 126, why: `cannot run ${program}: ${why}` };
}
