// The gateway's end of the reaper: a small `sh` that outlives us by a moment, so that no engine outlives us at all,
// whatever ends us. It learns of every engine before that is spawned, and of the shutdown's deadline when shutdown
// begins. The gateway closes it, last.
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
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

export function startReaper(onTrouble: (message: string) => void): Reaper {
  if (process.platform === 'win32') return nullReaper;
  const groups = new Map<string, number>();
  const voice = ownStandardError();
  const child = spawn('sh', [shippedFile('reaper')], {
    detached: true,
    stdio: ['pipe', 'ignore', voice ?? 'inherit'],
    // A marker of our own (a gateway may be another's engine) would be taken for an engine's.
    env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin' },
  });
  if (voice !== undefined) closeSync(voice);
  let state: 'running' | 'closing' | 'ended' = 'running';
  const ended = new Promise<void>((resolve) => {
    const end = (why: string) => {
      if (state === 'running') onTrouble(`the reaper ${why}: engines would outlive a kill -9 of the gateway`);
      state = 'ended';
      resolve();
    };
    child.once('error', (error) => end(`could not be started (${error.message})`));
    child.once('exit', (code, signal) => end(`ended (${signal ?? code})`));
  });
  // Its end is told above; writing to it is then of no use.
  child.stdin!.on('error', () => undefined);
  // It must not hold the loop: it ends because we do.
  child.unref();
  (child.stdin as unknown as { unref?: () => void }).unref?.();
  const tell = (line: string) => {
    if (state === 'running') child.stdin!.write(`${line}\n`);
  };
  return {
    expect: (marker) => tell(`+ ${marker}`),
    add(marker, pgid) {
      groups.set(marker, pgid);
      tell(`+ ${marker} ${pgid}`);
    },
    remove(marker) {
      groups.delete(marker);
      tell(`- ${marker}`);
    },
    deadline: (ms) => tell(`deadline ${(ms / 1000).toFixed(2)} ${process.pid}`),
    killGroups() {
      for (const pgid of groups.values()) signalGroup(pgid, 'SIGKILL');
      return [...groups.values()];
    },
    close() {
      if (state === 'running') {
        state = 'closing';
        child.ref();
        child.stdin!.end();
      }
      return ended;
    },
  };
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

/**
 * Standard error, opened anew: a child that inherits the open file makes it blocking for us as well, and a reader that
 * stalls would then hold the loop. Undefined where it cannot be opened by name (a socket, no /proc).
 */
function ownStandardError(): number | undefined {
  try {
    return openSync('/proc/self/fd/2', 'a');
  } catch {
    // Inherited, then.
    return undefined;
  }
}
