// The gateway's end of the reaper: a small `sh` that outlives us by a moment, so that no engine outlives us at all,
// whatever ends us. It learns of every engine before that is spawned, and of the shutdown's deadline when shutdown
// begins. One that is killed is started again, and told what is there by then; one that does not end when we leave is
// killed, and another does what it had left to do. The gateway closes it, last.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import type { Clock, Timer } from '../lifecycle/clock.ts';
import { messageOf } from '../lifecycle/errors.ts';
import { shippedFile } from './locate.ts';

export interface Reaper {
  /** Before a spawn. `marker` is the GREENROOM_INSTANCE of the engine. */
  expect(marker: string): void;
  /** The engine is there, in a process group of its own. */
  add(marker: string, pgid: number): void;
  /** The engine has ended: whoever still carries its marker is killed. */
  remove(marker: string): void;
  /** From now on the gateway has this long; then it is killed, with every engine. */
  deadline(ms: number): void;
  /** KILLs every process group at once, from here. Returns the groups. */
  killGroups(): readonly number[];
  /** Lets it kill what is still there, and waits until it has ended. Idempotent. */
  close(): Promise<void>;
}

/** Windows has no process groups, and `run:` engines are refused there. */
const nullReaper: Reaper = {
  expect: () => undefined,
  add: () => undefined,
  remove: () => undefined,
  deadline: () => undefined,
  killGroups: () => [],
  close: () => Promise.resolve(),
};

export interface ReaperOptions {
  readonly clock: Clock;
  readonly onTrouble: (message: string) => void;
}

export function startReaper(options: ReaperOptions): Reaper {
  return process.platform === 'win32' ? nullReaper : new ShellReaper(options);
}

/** The pause before it is started again: this, then four times as long each time, unless it ran for a while. */
const restartFirstMs = 50;
const restartMaxMs = 30_000;
const steadyMs = 60_000;
/** It needs some ms to end; one that is stopped (SIGSTOP) never would. */
const closeMs = 300;
/** For one that is there for the last sweep alone; less when the shutdown's time is over, but never nothing. */
const sweepMs = 500;
const sweepMsMin = 100;
/** Nobody says which of those that have ended were swept after; of more than these some have been. */
const pastMax = 1000;

class ShellReaper implements Reaper {
  readonly #options: ReaperOptions;
  /** Engines that may be there, by marker: their process groups, as far as they are known. */
  readonly #engines = new Map<string, number | undefined>();
  /** Ended while there was no reaper to sweep after them. */
  readonly #unswept = new Set<string>();
  /** Ended, the latest last: a reaper that was stopped by then has not swept after them. */
  readonly #past = new Set<string>();
  readonly #closed = Promise.withResolvers<void>();
  #state: 'running' | 'closing' | 'sweeping' = 'running';
  #child: ChildProcess | undefined;
  #startedMs = 0;
  #failures = 0;
  /** To start it again, or to end it. */
  #timer: Timer | undefined;
  #deadlineMs: number | undefined;

  constructor(options: ReaperOptions) {
    this.#options = options;
    this.#start();
  }

  expect(marker: string): void {
    this.#engines.set(marker, undefined);
    this.#tell(`+ ${marker}`);
  }

  add(marker: string, pgid: number): void {
    this.#engines.set(marker, pgid);
    this.#tell(`+ ${marker} ${pgid}`);
  }

  remove(marker: string): void {
    this.#engines.delete(marker);
    this.#past.add(marker);
    const [first] = this.#past;
    if (this.#past.size > pastMax && first) this.#past.delete(first);
    if (this.#child) this.#tell(`- ${marker}`);
    else this.#unswept.add(marker);
  }

  deadline(ms: number): void {
    this.#deadlineMs = this.#options.clock.now() + ms;
    this.#tellDeadline(ms);
  }

  killGroups(): readonly number[] {
    const groups = [...this.#engines.values()].filter((pgid) => pgid !== undefined);
    for (const pgid of groups) signalGroup(pgid, 'SIGKILL');
    return groups;
  }

  close(): Promise<void> {
    if (this.#state !== 'running') return this.#closed.promise;
    this.#state = 'closing';
    this.#timer?.cancel();
    if (this.#child) this.#end(this.#child, closeMs);
    else this.#sweep();
    return this.#closed.promise;
  }

  #start(): void {
    this.#startedMs = this.#options.clock.now();
    const child = this.#spawn();
    if (!child) return;
    // It must not hold the loop: it ends because we do.
    child.unref();
    (child.stdin as { unref?: () => void } | null | undefined)?.unref?.();
    for (const [marker, pgid] of this.#engines) this.#tell(`+ ${marker} ${pgid ?? ''}`);
    for (const marker of this.#unswept) this.#tell(`- ${marker}`);
    this.#unswept.clear();
    if (this.#deadlineMs !== undefined) this.#tellDeadline(this.#deadlineMs - this.#startedMs);
  }

  /** Without files left a child comes that has no pid and no pipe; its `error` tells. */
  #spawn(): ChildProcess | undefined {
    const voice = ownStandardError();
    try {
      const child = spawn('sh', [shippedFile('reaper')], {
        detached: true,
        stdio: ['pipe', 'ignore', voice ?? 'ignore'],
        // A marker of our own (a gateway may be another's engine) would be taken for an engine's.
        env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin' },
      });
      this.#child = child;
      child.once('error', (error) => this.#gone(child, unstarted(error), 'early'));
      child.once('exit', (code, signal) =>
        this.#gone(child, `(pid ${child.pid}) ended (${signal ?? code})`, code === 0 ? 'done' : 'early'),
      );
      // Its end is told by these; writing to it is then of no use.
      child.stdin?.on('error', () => undefined);
      return child;
    } catch (error) {
      this.#gone(undefined, unstarted(error), 'early');
      return undefined;
    } finally {
      if (voice !== undefined) closeSync(voice);
    }
  }

  /** `early`: it has not done what it does at its end. */
  #gone(child: ChildProcess | undefined, how: string, end: 'done' | 'early'): void {
    if (child !== this.#child) return;
    this.#child = undefined;
    // Its timer, if it had one, is a process beside it.
    if (child?.pid !== undefined) signalGroup(child.pid, 'SIGKILL');
    if (this.#state === 'running') return this.#startLater(how);
    this.#timer?.cancel();
    if (end === 'early' && this.#state === 'closing') return this.#sweep();
    if (end === 'early')
      this.#options.onTrouble(`the reaper ${how}; what engines have started may still be there`);
    this.#closed.resolve();
  }

  #startLater(how: string): void {
    const { clock, onTrouble } = this.#options;
    if (clock.now() - this.#startedMs >= steadyMs) this.#failures = 0;
    const ms = Math.min(restartMaxMs, restartFirstMs * 4 ** this.#failures);
    this.#failures += 1;
    const meanwhile = 'until then engines would outlive a kill -9 of the gateway';
    onTrouble(`the reaper ${how}; it is started again in ${ms} ms, ${meanwhile}`);
    this.#timer = clock.after(ms, () => this.#start(), { ref: false });
  }

  /** Once, by another one: whatever has carried a marker may have left a child that is in no group that we know. */
  #sweep(): void {
    this.#state = 'sweeping';
    const markers = [...this.#past, ...this.#engines.keys()];
    const child = markers.length > 0 ? this.#spawn() : undefined;
    if (!child) return this.#closed.resolve();
    for (const marker of markers) this.#tell(`+ ${marker} ${this.#engines.get(marker) ?? ''}`);
    const leftMs = (this.#deadlineMs ?? Number.POSITIVE_INFINITY) - this.#options.clock.now();
    this.#end(child, Math.round(Math.max(sweepMsMin, Math.min(sweepMs, leftMs))));
  }

  #end(child: ChildProcess, ms: number): void {
    child.ref();
    child.stdin?.end();
    const late = () => {
      this.#options.onTrouble(`the reaper (pid ${child.pid}) did not end in ${ms} ms and was killed`);
      this.killGroups();
      if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL');
    };
    this.#timer = this.#options.clock.after(ms, late);
  }

  #tellDeadline(ms: number): void {
    this.#tell(`deadline ${(Math.max(0, ms) / 1000).toFixed(2)} ${process.pid}`);
  }

  #tell(line: string): void {
    this.#child?.stdin?.write(`${line}\n`);
  }
}

/** Signals a whole process group; on Windows, which has none, its leader. False when it is gone. */
export function signalGroup(pgid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(process.platform === 'win32' ? pgid : -pgid, signal);
    return true;
  } catch (error) {
    // EPERM: macOS says so for a group of which only zombies are left.
    if (['ESRCH', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

const unstarted = (error: unknown): string => `could not be started (${messageOf(error)})`;

/**
 * Standard error, opened anew: a child that inherits the open file makes it blocking for us as well, and a reader that
 * stalls would then hold the loop. Undefined where it cannot be opened by name (a socket, as systemd's journal and many
 * parents give; no /proc; no file left): then the reaper has none, and what it would say of its work is lost.
 */
function ownStandardError(): number | undefined {
  try {
    return openSync('/proc/self/fd/2', 'a');
  } catch {
    // As said above.
    return undefined;
  }
}
