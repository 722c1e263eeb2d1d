// The run record, `gateway.json` of a data directory: which process serves it, where, since when. Written once the
// door is open, so that `wait`, `ps` and `stop` find the gateway by what it is and never by a name.
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../lifecycle/errors.ts';

export interface ProcessIdentity {
  readonly pid: number;
  /** Ticks since boot (field 22 of /proc/PID/stat): tells a process from a later one with its pid. Linux only. */
  readonly startTime: number | null;
  readonly bootId: string | null;
}

export interface RunRecord extends ProcessIdentity {
  readonly url: string;
  readonly version: string;
  /** ISO 8601. */
  readonly startedAt: string;
}

export type RunRecordFound =
  | { readonly state: 'none' }
  | { readonly state: 'running'; readonly record: RunRecord }
  /** Left behind by a process that is no more. */
  | { readonly state: 'gone'; readonly record: RunRecord }
  | { readonly state: 'corrupt'; readonly problem: string };

/** Of the data directory at this path. */
export async function readRunRecord(directory: string): Promise<RunRecordFound> {
  const path = recordPath(directory);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (thrown) {
    if (isAbsent(thrown)) return { state: 'none' };
    return { state: 'corrupt', problem: `${path} cannot be read: ${messageOf(thrown)}` };
  }
  const record = parseRecord(text);
  if (record === undefined) return { state: 'corrupt', problem: `${path} is no run record` };
  return { state: (await isAlive(record)) ? 'running' : 'gone', record };
}

/** Whole or not at all: a reader never sees half a record. Only the holder of the lock may call it. */
export async function writeRunRecord(directory: string, record: RunRecord): Promise<void> {
  const path = recordPath(directory);
  const next = `${path}.next`;
  try {
    await writeFile(next, `${JSON.stringify(record)}\n`, { mode: 0o600 });
    await rename(next, path);
  } catch (thrown) {
    await rm(next, { force: true });
    throw thrown;
  }
}

/** Removes the record if it is of this process; another's is left alone. */
export async function removeRunRecord(directory: string, own: ProcessIdentity): Promise<void> {
  const found = await readRunRecord(directory);
  if (!('record' in found)) return;
  const { pid, startTime, bootId } = found.record;
  if (pid !== own.pid || startTime !== own.startTime || bootId !== own.bootId) return;
  await rm(recordPath(directory), { force: true });
}

export async function ownIdentity(): Promise<ProcessIdentity> {
  const [startTime, bootId] = await Promise.all([startTimeOf(process.pid), readBootId()]);
  return { pid: process.pid, startTime, bootId };
}

/** Whether this very process runs. Without /proc only the pid can be asked for, and a reused one deceives. */
async function isAlive({ pid, startTime, bootId }: ProcessIdentity): Promise<boolean> {
  if (startTime === null || bootId === null) return pidExists(pid);
  return bootId === (await readBootId()) && startTime === (await startTimeOf(pid));
}

function pidExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return errnoOf(thrown) === 'EPERM';
  }
}

/** null where there is no such process, no /proc, or only a zombie. */
async function startTimeOf(pid: number): Promise<number | null> {
  const stat = await readProc(`/proc/${pid}/stat`);
  // The name in parentheses may hold anything, parentheses too: the fields after it begin at the last one.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, startTime] = [fields?.[0], Number(fields?.[19])];
  return state === undefined || /[ZX]/.test(state) || !Number.isSafeInteger(startTime) ? null : startTime;
}

async function readBootId(): Promise<string | null> {
  return (await readProc('/proc/sys/kernel/random/boot_id'))?.trim() ?? null;
}

async function readProc(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (thrown) {
    // ESRCH: the process went between open and read.
    if (isAbsent(thrown) || errnoOf(thrown) === 'ESRCH' || errnoOf(thrown) === 'EACCES') return undefined;
    throw thrown;
  }
}

function parseRecord(text: string): RunRecord | undefined {
  const value = parseObject(text);
  const { pid, startTime, bootId, url, version, startedAt } = value;
  const identified =
    isPid(pid) &&
    (startTime === null || typeof startTime === 'number') &&
    (bootId === null || isText(bootId));
  if (!identified || !isText(url) || !isText(version) || !isText(startedAt)) return undefined;
  return Number.isNaN(Date.parse(startedAt))
    ? undefined
    : { pid, startTime, bootId, url, version, startedAt };
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return {};
    throw thrown;
  }
}

const recordPath = (directory: string): string => join(directory, 'gateway.json');

/** 0 and negative ones would name process groups. */
const isPid = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) > 0;

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

const errnoOf = (thrown: unknown): unknown =>
  thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;

const isAbsent = (thrown: unknown): boolean => errnoOf(thrown) === 'ENOENT' || errnoOf(thrown) === 'ENOTDIR';
