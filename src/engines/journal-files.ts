// The files of the journal: small, private, each written whole or not at all. Only who holds the data directory's lock
// writes; anybody who may read the folder reads.
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../lifecycle/errors.ts';
import { inBatches } from './host/proc.ts';
import { type EntryFound, parseEntry, type RunEntry, type SpawnEntry } from './journal-entry.ts';

export interface JournalFound {
  readonly runs: readonly RunEntry[];
  readonly spawns: readonly SpawnEntry[];
  readonly corrupt: readonly { readonly name: string; readonly problem: string }[];
  /** Every file of ours, whatever is in it. */
  readonly names: readonly string[];
  /** So many were too many to be read. */
  readonly unread: number;
}

/** Of the data directory. */
export const journalFolder = 'journal';

/** A gateway has one for each process that runs: more are left behind by nothing that we do. */
export const entriesMax = 10_000;
const entryBytesMax = 16 * 1024;

const ourName = /^[\w-]{1,64}\.[0-9a-f]{32}\.json$/;
/** Of one that was being written. */
const halfName = /^[\w-]{1,64}\.[0-9a-f]{32}\.json\.next$/;

/** A folder that is not there is an empty journal. Files with other names are nobody's business. */
export async function readJournal(folder: string): Promise<JournalFound> {
  const all = await readdir(folder).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') return [];
    throw thrown;
  });
  const ours = all.filter((name) => ourName.test(name));
  // Runs first: whatever else is left unread, their engines can be found by them.
  const inOrder = [...ours.filter(isRun), ...ours.filter((name) => !isRun(name))];
  const found = await inBatches(inOrder.slice(0, entriesMax), (name) => readEntry(folder, name));
  return {
    runs: found.flatMap((each) => (each.state === 'run' ? [each.entry] : [])),
    spawns: found.flatMap((each) => (each.state === 'spawn' ? [each.entry] : [])),
    corrupt: found.flatMap((each) => (each.state === 'corrupt' ? [each] : [])),
    names: [...ours, ...all.filter((name) => halfName.test(name))],
    unread: Math.max(0, ours.length - entriesMax),
  };
}

const isRun = (name: string): boolean => name.startsWith('run.');

async function readEntry(folder: string, name: string): Promise<EntryFound> {
  const path = join(folder, name);
  try {
    // A pipe or a device in its place would be read for ever.
    const stats = await stat(path);
    if (!stats.isFile() || stats.size > entryBytesMax)
      return { state: 'corrupt', name, problem: 'it is no small file' };
    return parseEntry(name, await readFile(path, 'utf8'));
  } catch (thrown) {
    return { state: 'corrupt', name, problem: messageOf(thrown) };
  }
}

/** In a folder that is there. */
export async function makeJournalFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { mode: 0o700 });
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
  }
}

export async function writeEntry(folder: string, name: string, entry: RunEntry | SpawnEntry): Promise<void> {
  const path = join(folder, name);
  const next = `${path}.next`;
  try {
    await writeFile(next, `${JSON.stringify(entry)}\n`, { mode: 0o600 });
    await rename(next, path);
  } catch (thrown) {
    await rm(next, { force: true });
    throw thrown;
  }
}

/** All that can be; throws why one cannot. */
export async function removeEntries(folder: string, names: readonly string[]): Promise<void> {
  const options = { force: true, recursive: true } as const;
  const failures = await inBatches(names, (name) =>
    rm(join(folder, name), options).then(
      () => undefined,
      (error: unknown) => ({ error }),
    ),
  );
  const failure = failures.find((each) => each !== undefined);
  if (failure) throw failure.error;
}
