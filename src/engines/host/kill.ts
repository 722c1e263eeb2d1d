// KILL for the process that is meant, or for nobody: whether it is still the one is looked at in the same step, in which
// no number can come to mean another. Of /proc/PID/stat nobody has to wait for the process itself.
import { readFileSync } from 'node:fs';
import { parseStat } from './identity.ts';
import { isHidden } from './proc.ts';

export interface KillTarget {
  readonly pid: number;
  /** Never null: who cannot be told from another is not killed. */
  readonly startTime: number;
}

/** `gone`: it is not there any more, whoever has its number. `refused`: it is another user's. */
export type KillOutcome = 'sent' | 'gone' | 'refused';

export function killProcess(target: KillTarget): KillOutcome {
  return kill(target, target.pid);
}

/** The whole group of which it is the first. */
export function killGroupOf(target: KillTarget): KillOutcome {
  return kill(target, -target.pid);
}

function kill({ pid, startTime }: KillTarget, to: number): KillOutcome {
  if (pid <= 1 || pid === process.pid) return 'refused';
  try {
    const stat = parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    if (stat?.startTime !== startTime || (to < 0 && stat.pgid !== pid)) return 'gone';
    process.kill(to, 'SIGKILL');
    return 'sent';
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'EPERM') return 'refused';
    if (isHidden(thrown)) return 'gone';
    throw thrown;
  }
}
