// How much memory a process could get now, as the kernel estimates it.
import { readFile } from 'node:fs/promises';

/** Null where the system does not say (it has no /proc). */
export async function availableBytes(): Promise<number | null> {
  try {
    return parseAvailable(await readFile('/proc/meminfo', 'utf8'));
  } catch {
    return null;
  }
}

/** `MemAvailable` of proc(5) meminfo, in bytes. */
export function parseAvailable(meminfo: string): number | null {
  const kilobytes = /^MemAvailable:\s+(\d+) kB$/m.exec(meminfo)?.[1];
  return kilobytes === undefined ? null : Number(kilobytes) * 1024;
}
