// What the journal of a data directory says: of each run of a gateway one record, of each process that it spawned for
// an engine another. A marker (GREENROOM_INSTANCE) ends with the run's id, so the journal knows it before there is a
// process. Pure.
import type { ProcessIdentity, ProcessStat } from './host/identity.ts';

export interface JournalPlace {
  readonly bootId: string | null;
  /** Numbers of processes mean something within one boot and one pid namespace only. */
  readonly pidNamespace: string | null;
}

/** `run.RUN.json`, from before the first engine until none of its engines is left. */
export interface RunEntry extends JournalPlace {
  readonly run: string;
  /** The gateway. */
  readonly pid: number;
  /** ISO 8601. */
  readonly startedAt: string;
}

/** `MARKER.json`, from the spawn until everybody who carries the marker is gone. */
export interface SpawnEntry extends JournalPlace, ProcessIdentity {
  readonly bootId: string | null;
  readonly marker: string;
  readonly engine: string;
  /** Its process group, of which it is the first. */
  readonly pgid: number;
  /** Of its arguments: SHA-256, the first 16 digits. They may hold secrets. */
  readonly argvHash: string | null;
  /** `127.0.0.1:20123`, `unix:/run/x.sock`; null where it listens to us alone. */
  readonly at: string | null;
  /** ISO 8601. */
  readonly spawnedAt: string;
}

export type EntryFound =
  | { readonly state: 'run'; readonly entry: RunEntry }
  | { readonly state: 'spawn'; readonly entry: SpawnEntry }
  | { readonly state: 'corrupt'; readonly name: string; readonly problem: string };

/** What is to be done about a process of before. `reused`: its number is another's by now. */
export type Standing = 'there' | 'gone' | 'reused' | 'elsewhere';

export const runName = (run: string): string => `run.${run}.json`;
export const spawnName = (marker: string): string => `${marker}.json`;

export const markerOf = (run: string, id: string): string => `${id}.${run}`;

/** The run whose journal a marker stands in; undefined for what no gateway of ours has given. */
export function runOf(marker: string): string | undefined {
  return /^[\w-]{1,64}\.([0-9a-f]{32})$/.exec(marker)?.[1];
}

/** The content of a file of the journal. Never throws. */
export function parseEntry(name: string, text: string): EntryFound {
  const corrupt = (problem: string): EntryFound => ({ state: 'corrupt', name, problem });
  const value = parseObject(text);
  if (!value) return corrupt('it is no JSON object');
  const entry = name.startsWith('run.') ? runIn(value) : spawnIn(value);
  if (!entry) return corrupt('it is not what a gateway writes');
  if ('run' in entry)
    return name === runName(entry.run) ? { state: 'run', entry } : corrupt('it is of another name');
  return name === spawnName(entry.marker) ? { state: 'spawn', entry } : corrupt('it is of another name');
}

/** @param now what has its pid now */
export function standingOf(entry: SpawnEntry, here: JournalPlace, now: ProcessStat | undefined): Standing {
  if (!isHere(entry, here)) return 'elsewhere';
  if (!now) return 'gone';
  // Where no start time was written nothing tells it from another.
  return entry.startTime !== null && entry.startTime === now.startTime ? 'there' : 'reused';
}

export function isHere(entry: JournalPlace, here: JournalPlace): boolean {
  return entry.bootId === here.bootId && entry.pidNamespace === here.pidNamespace;
}

function runIn(value: Fields): RunEntry | undefined {
  const { run, pid, startedAt } = value;
  const place = placeIn(value);
  if (!place || !isText(run) || !/^[0-9a-f]{32}$/.test(run) || !isNumber(pid) || !isTime(startedAt))
    return undefined;
  return { run, pid, startedAt, ...place };
}

function spawnIn(value: Fields): SpawnEntry | undefined {
  const { marker, engine, pid, pgid, startTime, argvHash, at, spawnedAt } = value;
  const place = placeIn(value);
  if (!place || !isText(marker) || runOf(marker) === undefined || !isText(engine)) return undefined;
  // Any other group is none that we have made.
  if (!isNumber(pid) || pid === 1 || pgid !== pid || !isTime(spawnedAt)) return undefined;
  if (startTime !== null && !Number.isSafeInteger(startTime)) return undefined;
  if (!isTextOrNull(argvHash) || !isTextOrNull(at)) return undefined;
  return {
    marker,
    engine,
    pid,
    pgid: pid,
    startTime: startTime as number | null,
    argvHash,
    at,
    spawnedAt,
    ...place,
  };
}

function placeIn({ bootId, pidNamespace }: Fields): JournalPlace | undefined {
  return isTextOrNull(bootId) && isTextOrNull(pidNamespace) ? { bootId, pidNamespace } : undefined;
}

type Fields = Readonly<Record<string, unknown>>;

function parseObject(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Fields)
      : undefined;
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return undefined;
    throw thrown;
  }
}

/** Of a process: 0 and negative ones would name groups. */
const isNumber = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) > 0;
const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
const isTextOrNull = (value: unknown): value is string | null => value === null || isText(value);
const isTime = (value: unknown): value is string => isText(value) && !Number.isNaN(Date.parse(value));
