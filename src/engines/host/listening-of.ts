// Where the processes of one engine listen, whatever they were told. Asked when a start has come to nothing. Linux.
import { eachDescriptor } from './descriptors.ts';
import { carriersOf } from './marked.ts';
import { Slices } from './proc.ts';
import { allTcpListeners } from './read-tables.ts';
import { placeText } from './socket-tables.ts';

export interface ListeningProcess {
  readonly pid: number;
  /** `0.0.0.0:8000`, `[::1]:8000`. */
  readonly at: string;
}

/** TCP only. None where that cannot be told. Never throws. */
export async function listeningOf(marker: string): Promise<readonly ListeningProcess[]> {
  if (process.platform !== 'linux') return [];
  try {
    const rows = (await Promise.all([allTcpListeners(4), allTcpListeners(6)])).flat();
    const places = new Map(rows.map((row) => [`socket:[${row.inode}]`, placeText(row.address, row.port)]));
    const found = new Map<string, ListeningProcess>();
    const slices = new Slices();
    for (const { pid } of await carriersOf((each) => each === marker))
      await eachDescriptor(pid, slices, (_fd, target) => {
        const at = places.get(target);
        if (at !== undefined && !found.has(at)) found.set(at, { pid, at });
        return 'on';
      });
    return [...found.values()];
  } catch {
    return [];
  }
}
