// The processes of this machine, as far as /proc shows them: who lives because of a gateway, what memory they take. A
// signal goes to the process that is meant or to nobody: its identity is looked at in the same step.
import { readFileSync } from 'node:fs';
import {
  identityOf,
  isAlive,
  type ProcessIdentity,
  type ProcessStat,
  parseStat,
  statOf,
} from '../engines/host/identity.ts';
import { inBatches, listPids, readProc } from '../engines/host/proc.ts';
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

export interface MemoryOfProcesses {
  /** With its descendants; null where it cannot be told. */
  of(pid: number): number | null;
}

/** Resident memory of these processes, each with its descendants. */
export async function readMemory(pids: readonly number[]): Promise<MemoryOfProcesses> {
  const stats = await allStats();
  const families = new Map(pids.map((pid) => [pid, [pid, ...descendantsIn(stats, pid)]]));
  const bytes = new Map<number, number | null>();
  for (const pid of [...families.values()].flat())
    if (!bytes.has(pid)) bytes.set(pid, await residentBytes(pid));
  return {
    of(pid) {
      if ((bytes.get(pid) ?? null) === null) return null;
      return (families.get(pid) ?? []).reduce((sum, each) => sum + (bytes.get(each) ?? 0), 0);
    },
  };
}

/** Of one process, without its descendants. */
export async function residentBytes(pid: number): Promise<number | null> {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec((await readProc(`/proc/${pid}/status`)) ?? '')?.[1];
  return kibibytes === undefined ? null : Number(kibibytes) * 1024;
}

async function allStats(): Promise<ReadonlyMap<number, ProcessStat>> {
  const found = await inBatches(await listPids(), async (pid) => [pid, await statOf(pid)] as const);
  return new Map(found.filter((each): each is readonly [number, ProcessStat] => each[1] !== undefined));
}

function descendantsIn(stats: ReadonlyMap<number, ProcessStat>, ancestor: number): readonly number[] {
  const descends = (pid: number): boolean => {
    const parent = stats.get(pid)?.parent;
    return parent !== undefined && (parent === ancestor || (parent > 1 && descends(parent)));
  };
  return [...stats.keys()].filter(descends);
}
