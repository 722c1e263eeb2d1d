// The gateway's end of the reaper: a small `sh` that outlives us by a moment, so that no engine outlives us at all,
// whatever ends us. It learns of every process group before the engine can have children, and of the shutdown's
// deadline when shutdown begins.
import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { shippedFile } from './locate.ts';

export interface Reaper {
  /** `marker` is the GREENROOM_INSTANCE of the engine. */
  add(pgid: number, marker: string): void;
  remove(pgid: number): void;
  /** From now on the gateway has this long; then it is killed, with every group. */
  deadline(ms: number): void;
  /** KILLs every registered group at once, from here. Returns the groups. */
  killGroups(): readonly number[];
  /** Ends the reaper: it kills what is still registered. */
  close(): void;
}

/** Windows has no process groups, and `run:` engines are refused there. */
const nullReaper: Reaper = {
  add: () => undefined,
  remove: () => undefined,
  deadline: () => undefined,
  killGroups: () => [],
  close: () => undefined,
};

export function startReaper(onTrouble: (message: string) => void): Reaper {
  if (process.platform === 'win32') return nullReaper;
  const groups = new Set<number>();
  const child: ChildProcess = spawn('sh', [shippedFile('reaper')], {
    detached: true,
    stdio: ['pipe', 'ignore', 'inherit'],
    // Its marker would make it sweep itself.
    env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin' },
  });
  const pipe = child.stdin;
  child.on('error', (error) => onTrouble(`the reaper could not be started: ${error.message}`));
  child.on('exit', (code, signal) =>
    onTrouble(`the reaper ended (${signal ?? code}); engines would outlive a kill -9`),
  );
  pipe?.on('error', (error) => onTrouble(`the reaper does not listen: ${error.message}`));
  // It must not hold the loop: it ends because we do.
  child.unref();
  (pipe as unknown as { unref?: () => void } | null)?.unref?.();
  const tell = (line: string) => pipe?.write(`${line}\n`);
  let startTime = '0';
  void ownStartTime().then((value) => {
    startTime = value;
  });
  return {
    add(pgid, marker) {
      groups.add(pgid);
      tell(`+ ${pgid} ${marker}`);
    },
    remove(pgid) {
      if (groups.delete(pgid)) tell(`- ${pgid}`);
    },
    deadline: (ms) => tell(`deadline ${(ms / 1000).toFixed(2)} ${process.pid} ${startTime}`),
    killGroups() {
      for (const pgid of groups) signalGroup(pgid, 'SIGKILL');
      return [...groups];
    },
    close() {
      child.removeAllListeners('exit');
      pipe?.end();
    },
  };
}

/** Field 22 of /proc/self/stat; `0` where there is none, and then the reaper does not compare. */
async function ownStartTime(): Promise<string> {
  try {
    const stat = await readFile('/proc/self/stat', 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '0';
  } catch {
    return '0';
  }
}

/** Signals a whole process group. False when it is gone. */
export function signalGroup(pgid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(-pgid, signal);
    return true;
  } catch (error) {
    // EPERM: macOS says so for a group of which only zombies are left.
    if (['ESRCH', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}
