// Whether a process is a greenroom gateway: it has the lock of a data directory open, whose record names it. Linux.
import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { lockName, recordName } from './data-names.ts';
import { eachDescriptor } from './descriptors.ts';
import { Slices } from './proc.ts';

/** The data directory that it serves; undefined for any other process, and where that is not ours to see. */
export async function directoryServedBy(pid: number): Promise<string | undefined> {
  const directories = new Set<string>();
  await eachDescriptor(pid, new Slices(), (_fd, target) => {
    if (basename(target) === lockName) directories.add(dirname(target));
    return 'on';
  });
  for (const directory of directories) if ((await recordedPid(directory)) === pid) return directory;
  return undefined;
}

async function recordedPid(directory: string): Promise<unknown> {
  const path = join(directory, recordName);
  try {
    // A pipe or a device in its place would be read for ever.
    const stats = await stat(path);
    if (!stats.isFile() || stats.size > recordBytesMax) return undefined;
    const record: unknown = JSON.parse(await readFile(path, 'utf8'));
    return record !== null && typeof record === 'object' && 'pid' in record ? record.pid : undefined;
  } catch {
    // It is spoilt, or not ours to read.
    return undefined;
  }
}

const recordBytesMax = 64 * 1024;
