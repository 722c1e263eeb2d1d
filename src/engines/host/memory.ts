// What memory processes take, each with its descendants, as far as /proc shows it.
import { type ProcessStat, statOf } from './identity.ts';
import { inBatches, listPids, readProc } from './proc.ts';

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

export async function allStats(): Promise<ReadonlyMap<number, ProcessStat>> {
  const found = await inBatches(await listPids(), async (pid) => [pid, await statOf(pid)] as const);
  return new Map(found.filter((each): each is readonly [number, ProcessStat] => each[1] !== undefined));
}

export function descendantsIn(stats: ReadonlyMap<number, ProcessStat>, ancestor: number): readonly number[] {
  const descends = (pid: number): boolean => {
    const parent = stats.get(pid)?.parent;
    return parent !== undefined && (parent === ancestor || (parent > 1 && descends(parent)));
  };
  return [...stats.keys()].filter(descends);
}
