// What may be opened: a plain file, or nothing yet. A pipe, a socket or a device in its place can hold whoever opens it
// for ever, and SQLite opens more than the file that it is given.
import { type Stats, statSync } from 'node:fs';

/** What belongs to a database of SQLite's, as ends of its name; a journal that was left is read without being asked for. */
const databaseEnds = ['', '-wal', '-shm', '-journal'] as const;

/** `PATH is a pipe, not a file` of the first of a database's files that is none; undefined when all may be opened. */
export function oddFileOf(database: string): string | undefined {
  return databaseEnds.map((end) => oddFile(`${database}${end}`)).find((odd) => odd !== undefined);
}

/** Looks through symbolic links. Throws what `stat` throws, but for a file that is not there. */
function oddFile(path: string): string | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats === undefined || stats.isFile() ? undefined : `${path} is ${kindOf(stats)}, not a file`;
}

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return 'a directory';
  if (stats.isFIFO()) return 'a pipe';
  if (stats.isSocket()) return 'a socket';
  return 'a device';
}
