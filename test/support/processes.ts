// Which processes there are, from /proc: who descends from whom, who lives.
import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';

/** Dead or a zombie that nobody has reaped yet counts as gone. */
export function alive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z');
  } catch {
    return false;
  }
}

/** Its words as started; none of one that has ended. */
export async function commandOf(pid: number): Promise<readonly string[]> {
  const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return line.split('\0');
}

/** Every living descendant of a process, itself not among them. Zombies are left out. */
export async function familyOf(ancestor: number): Promise<readonly number[]> {
  const parents = new Map<number, number>();
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '');
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (state && state !== 'Z' && parent) parents.set(Number(name), Number(parent));
  }
  const descends = (pid: number): boolean => {
    const parent = parents.get(pid);
    return parent !== undefined && (parent === ancestor || (parent > 1 && descends(parent)));
  };
  return [...parents.keys()].filter(descends);
}

/** Who has this in its environment, as `NAME=value`. Zombies have no environment any more, so they do not count. */
export async function processesWith(variable: string): Promise<readonly number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
      return environment.split('\0').includes(variable) ? Number(pid) : 0;
    }),
  );
  return found.filter((pid) => pid !== 0);
}
