// One program that records or plays, in a process group of its own: Ctrl+C at the terminal is for us, and we end it.
// Whoever starts it ends it; its death is told with its last words.
import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { Clock } from '../../lifecycle/clock.ts';
import { messageOf } from '../../lifecycle/errors.ts';
import type { SoundProgram } from './programs.ts';

export interface ChildEnd {
  /** `asked`: by us; `finished`: by itself, content; `failed`: anything else. */
  readonly state: 'asked' | 'finished' | 'failed';
  /** A sentence: what ended how, and what it said. */
  readonly words: string;
}

const termMs = 500;
/** Its last words may come a little after its end. */
const lastWordsMs = 100;
const tailLines = 4;
const tailCharacters = 2000;

export class SoundChild {
  readonly name: string;
  /** Resolves once, when it is gone. */
  readonly ended: Promise<ChildEnd>;
  readonly #child: ChildProcess | undefined;
  readonly #clock: Clock;
  readonly #ending = Promise.withResolvers<ChildEnd>();
  #state: 'running' | 'asked' | 'ended' = 'running';
  #tail = '';

  constructor(
    program: SoundProgram,
    options: {
      readonly does: 'records' | 'plays';
      readonly env: Readonly<Record<string, string | undefined>>;
      readonly clock: Clock;
    },
  ) {
    const { does, env, clock } = options;
    this.name = program.name;
    this.ended = this.#ending.promise;
    this.#clock = clock;
    const [command, ...args] = program.command;
    const [stdin, stdout] =
      does === 'records' ? (['ignore', 'pipe'] as const) : (['pipe', 'ignore'] as const);
    try {
      this.#child = spawn(command, args, {
        stdio: [stdin, stdout, 'pipe'],
        env: { ...env, ...program.env } as NodeJS.ProcessEnv,
        detached: process.platform !== 'win32',
      });
    } catch (thrown) {
      this.#unstarted(thrown);
      return;
    }
    this.#watch(this.#child);
  }

  get stdout(): Readable | null {
    return this.#child?.stdout ?? null;
  }

  get stdin(): Writable | null {
    return this.#child?.stdin ?? null;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** TERM, then KILL; `now`: KILL. Resolves when it is gone. Idempotent. */
  async end(how: 'ask' | 'now' = 'ask'): Promise<ChildEnd> {
    if (this.#state === 'running') this.#state = 'asked';
    // Not its pipe first: a recorder that cannot write any more would die of that instead of closing its device.
    this.#signal(how === 'now' ? 'SIGKILL' : 'SIGTERM');
    const timer = this.#clock.after(termMs, () => this.#signal('SIGKILL'));
    const end = await this.ended;
    timer.cancel();
    this.#child?.stdout?.destroy();
    this.#child?.stdin?.destroy();
    return end;
  }

  #watch(child: ChildProcess): void {
    child.once('error', (error) => {
      if (child.pid === undefined) this.#unstarted(error);
    });
    // Its end is what counts, not a pipe that breaks by it.
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.on('error', () => undefined);
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#tail = (this.#tail + chunk).slice(-tailCharacters);
    });
    child.once('exit', (code, signal) => {
      // Whoever it has started itself goes with it.
      this.#signal('SIGKILL');
      const told = () => {
        late.cancel();
        this.#tell(
          signal ? `was ended by ${signal}` : `exited with code ${code}`,
          code === 0 ? 'finished' : 'failed',
        );
      };
      const late = this.#clock.after(lastWordsMs, () => {
        child.stderr?.destroy();
        told();
      });
      child.once('close', told);
    });
  }

  #unstarted(thrown: unknown): void {
    queueMicrotask(() => this.#tell(`could not be started: ${messageOf(thrown)}`, 'failed'));
  }

  #tell(how: string, state: 'finished' | 'failed'): void {
    if (this.#state === 'ended') return;
    const asked = this.#state === 'asked';
    this.#state = 'ended';
    const lines = this.#tail.trim().split('\n').slice(-tailLines).join(' | ');
    const words = `${this.name} ${how}${lines ? `: ${lines}` : ''}`;
    this.#ending.resolve({ state: asked ? 'asked' : state, words });
  }

  /** To the whole group, while there is one. */
  #signal(name: 'SIGTERM' | 'SIGKILL'): void {
    const { pid } = this;
    if (pid === undefined || this.#state === 'ended') return;
    try {
      process.kill(process.platform === 'win32' ? pid : -pid, name);
    } catch (thrown) {
      // It is gone already, which is what was wanted.
      if ((thrown as NodeJS.ErrnoException).code !== 'ESRCH') throw thrown;
    }
  }
}
