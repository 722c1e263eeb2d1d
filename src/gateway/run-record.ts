// The run record, `gateway.json` of a data directory: which process serves it, where, since when. Written once the
// door is open, so that `wait`, `ps` and `stop` find the gateway by what it is and never by a name.
import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { recordName } from '../engines/host/data-names.ts';
import { isAlive, type ProcessIdentity } from '../engines/host/identity.ts';
import { messageOf } from '../lifecycle/errors.ts';

export interface RunRecord extends ProcessIdentity {
  readonly url: string;
  readonly version: string;
  /** ISO 8601. */
  readonly startedAt: string;
  /** `shared`: the process is somebody else's, in which the gateway was opened; it is not ended for its sake. Default `owned`. */
  readonly process?: 'owned' | 'shared';
  /** Default `serving`. Who leaves already is not asked again: that would force it. */
  readonly state?: 'serving' | 'leaving';
  /** Absolute path of the UNIX socket that takes events. Default: there is none. */
  readonly eventsSocket?: string;
}

export type RunRecordFound =
  | { readonly state: 'none' }
  | { readonly state: 'running'; readonly record: RunRecord }
  /** Left behind by a process that is no more. */
  | { readonly state: 'gone'; readonly record: RunRecord }
  | { readonly state: 'corrupt'; readonly problem: string };

const recordBytesMax = 64 * 1024;

/** Of the data directory at this path. */
export async function readRunRecord(directory: string): Promise<RunRecordFound> {
  const path = recordPath(directory);
  let text: string;
  try {
    // A pipe or a device in its place would be read for ever.
    const stats = await stat(path);
    if (!stats.isFile() || stats.size > recordBytesMax)
      return { state: 'corrupt', problem: `${path} is no run record` };
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
    // Whatever stands in its place is not written to: it may lead elsewhere, or hold whoever opens it.
    await rm(next, { force: true });
    await writeFile(next, `${JSON.stringify(record)}\n`, { mode: 0o600, flag: 'wx' });
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

function parseRecord(text: string): RunRecord | undefined {
  const value = parseObject(text);
  const { pid, startTime, bootId, url, version, startedAt } = value;
  const identified =
    isPid(pid) &&
    (startTime === null || typeof startTime === 'number') &&
    (bootId === null || isWord(bootId));
  if (!identified || !isAddress(url) || !isWord(version) || !isTime(startedAt)) return undefined;
  const whose = value['process'] === 'shared' ? 'shared' : 'owned';
  const state = value['state'] === 'leaving' ? 'leaving' : 'serving';
  const { eventsSocket } = value;
  const known = { pid, startTime, bootId, url, version, startedAt, process: whose, state } as const;
  return isSocketPath(eventsSocket) ? { ...known, eventsSocket } : known;
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

const recordPath = (directory: string): string => join(directory, recordName);

/** 0 and negative ones would name process groups. */
const isPid = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) > 0;

/** What is shown on terminals is what a gateway writes, and nothing else that a file may hold. */
const isWord = (value: unknown): value is string =>
  typeof value === 'string' && /^[\w.+-]{1,64}$/.test(value);

const isAddress = (value: unknown): value is string =>
  typeof value === 'string' && /^https?:\/\/[\w.:[\]-]{1,270}$/.test(value) && URL.canParse(value);

const isSocketPath = (value: unknown): value is string =>
  typeof value === 'string' && /^\/[^\p{C}\p{Zl}\p{Zp}]{1,107}$/u.test(value);

const isTime = (value: unknown): value is string =>
  typeof value === 'string' &&
  /^\d{4}-\d\d-\d\d[\dTZ:.+-]{0,30}$/.test(value) &&
  !Number.isNaN(Date.parse(value));

const errnoOf = (thrown: unknown): unknown =>
  thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;

const isAbsent = (thrown: unknown): boolean => errnoOf(thrown) === 'ENOENT' || errnoOf(thrown) === 'ENOTDIR';
