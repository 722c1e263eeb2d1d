// What Linux knows of a process: processor time and memory. And which cores there are, to give each process its own.
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

/** Of a clock tick in /proc. */
const tickUs = 10_000;

/** User and system, of all its threads. */
export async function cpuUs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const [user = 0, system = 0] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number);
  return (user + system) * tickUs;
}

/** Since the machine's start, of everybody, and of what the host took. */
export async function coreUse(core: number): Promise<number> {
  const line = new RegExp(`^cpu${core} (.*)$`, 'm').exec(await readFile('/proc/stat', 'utf8'))?.[1] ?? '';
  // user, nice, system, idle, iowait, irq, softirq, steal
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line.split(' ').map(Number);
  return (user + nice + system + irq + softirq + steal) * tickUs;
}

export async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? Number.NaN) * 1024;
}

/** The cores that we may run on. */
function coresAllowed(): readonly number[] {
  const list = /Cpus_allowed_list:\s+(\S+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return list.split(',').flatMap((range) => {
    const [from = 0, to = from] = range.split('-').map(Number);
    return Array.from({ length: to - from + 1 }, (_, at) => from + at);
  });
}

/** A core for the server and another for the receiver; the same one where there is one only. */
export function twoCores(): { readonly server: number; readonly receiver: number } {
  const cores = coresAllowed();
  return { server: cores[0] ?? 0, receiver: cores.at(-1) ?? 0 };
}
