// Who carries a marker in its environment, among all processes that are ours to read. Zombies carry none. Linux.
import { readMark } from './holder.ts';
import { statOf } from './identity.ts';
import { type KillOutcome, type KillTarget, killProcess } from './kill.ts';
import { inBatches, listPids } from './proc.ts';

export interface Carrier extends KillTarget {
  readonly marker: string;
}

export async function carriersOf(wanted: (marker: string) => boolean): Promise<readonly Carrier[]> {
  const found = await inBatches(await listPids(), async (pid) => {
    if (pid === process.pid || !(await wantedMark(pid, wanted))) return [];
    // Once more, after the start time was read: only then both are of one process.
    const stat = await statOf(pid);
    const marker = stat && (await wantedMark(pid, wanted));
    return stat && marker ? [{ pid, startTime: stat.startTime, marker }] : [];
  });
  return found.flat();
}

/** KILLs whoever carries one. Returns those that were there; they may take a moment to go. */
export async function killCarriers(
  wanted: (marker: string) => boolean,
): Promise<readonly (Carrier & { readonly outcome: KillOutcome })[]> {
  const found = await carriersOf(wanted);
  return found.map((carrier) => ({ ...carrier, outcome: killProcess(carrier) }));
}

async function wantedMark(pid: number, wanted: (marker: string) => boolean): Promise<string | undefined> {
  const mark = await readMark(pid);
  return mark.state === 'marked' && wanted(mark.marker) ? mark.marker : undefined;
}
