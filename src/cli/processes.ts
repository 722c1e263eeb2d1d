// The processes of this machine, as far as /proc shows them: who lives because of a gateway. A
// signal goes to the process that is meant or to nobody: its identity is looked at in the same step.
import { readFileSync } from 'node:fs';
import { identityOf, isAlive, type ProcessIdentity, parseStat } from '../engines/host/identity.ts';
import { allStats, descendantsIn } from '../engines/host/memory.ts';
import { GreenroomError } from '../lifecycle/errors.ts';

/** What a command may do with processes. Handed in, so that tests can stand in for the machine. */
export interface Processes {
  isAlive(identity: ProcessIdentity): Promise<boolean>;
  /** Every living descendant: of a gateway, its engines' processes and its reaper. */
  familyOf(pid: number): Promise<readonly ProcessIdentity[]>;
  /** `gone` when there is no such process, whoever has its pid now. Throws `permission_denied`. */
  signal(identity: ProcessIdentity, name: 'SIGTERM' | 'SIGKILL'): 'sent' | 'gone';
}

export const systemProcesses: Processes = { isAlive, familyOf, signal };

async function familyOf(ancestor: number): Promise<readonly ProcessIdentity[]> {
  const [stats, self] = await Promise.all([allStats(), identityOf(process.pid)]);
  return descendantsIn(stats, ancestor).map((pid) => ({
    ...self,
    pid,
    startTime: stats.get(pid)?.startTime ?? null,
  }));
}

function signal({ pid, startTime }: ProcessIdentity, name: 'SIGTERM' | 'SIGKILL'): 'sent' | 'gone' {
  try {
    if (startTime !== null && parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.startTime !== startTime)
      return 'gone';
    process.kill(pid, name);
    return 'sent';
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ESRCH' || code === 'ENOENT') return 'gone';
    if (code !== 'EPERM' && code !== 'EACCES') throw cause;
    const message = `process ${pid} is another user's: ${name} is not permitted; ask as that user`;
    throw new GreenroomError('permission_denied', message, { details: { pid, signal: name }, cause });
  }
}
