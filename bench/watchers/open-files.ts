// How many connections a process may have here.
import { readFileSync } from 'node:fs';

/** Node takes the hard limit for its own when it starts. */
export function openFilesMax(): number {
  const limits = readFileSync('/proc/self/limits', 'utf8');
  return Number(/Max open files\s+(\d+)/.exec(limits)?.[1] ?? 1024);
}
