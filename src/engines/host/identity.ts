// Which process is meant: a pid alone may be a later one's. Nothing here is ever looked for by name.
import { readlink } from 'node:fs/promises';
import { readProc } from './proc.ts';

export interface ProcessIdentity {
  readonly pid: number;
  /** Ticks since boot (field 22 of /proc/PID/stat): tells a process from a later one with its pid. Linux only. */
  readonly startTime: number | null;
  readonly bootId: string | null;
}

export interface ProcessStat {
  readonly parent: number;
  readonly pgid: number;
  readonly startTime: number;
}

export const ownIdentity = (): Promise<ProcessIdentity> => identityOf(process.pid);

/** Of the process that has this pid now. */
export async function identityOf(pid: number): Promise<ProcessIdentity> {
  const [stat, bootId] = await Promise.all([statOf(pid), readBootId()]);
  return { pid, startTime: stat?.startTime ?? null, bootId };
}

/** Whether this very process runs. Without /proc only the pid can be asked for, and a reused one deceives. */
export async function isAlive({ pid, startTime, bootId }: ProcessIdentity): Promise<boolean> {
  if (startTime === null || bootId === null) return pidExists(pid);
  return bootId === (await readBootId()) && startTime === (await statOf(pid))?.startTime;
}

/** Undefined where there is no such process, no /proc, or only a zombie. */
export async function statOf(pid: number): Promise<ProcessStat | undefined> {
  const text = await readProc(`/proc/${pid}/stat`);
  return text === undefined ? undefined : parseStat(text);
}

/** The content of /proc/PID/stat. */
export function parseStat(text: string): ProcessStat | undefined {
  // The name in parentheses may hold anything, parentheses too: the fields after it begin at the last one.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state] = fields;
  const [parent, pgid, startTime] = [Number(fields[1]), Number(fields[2]), Number(fields[19])];
  if (!state || /[ZX]/.test(state) || !Number.isSafeInteger(startTime)) return undefined;
  return { parent, pgid, startTime };
}

function pidExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Numbers of processes mean something within one namespace only. Null where there are none. */
export function readPidNamespace(): Promise<string | null> {
  return readlink('/proc/self/ns/pid').catch(() => null);
}

export async function readBootId(): Promise<string | null> {
  return (await readProc('/proc/sys/kernel/random/boot_id'))?.trim() ?? null;
}
