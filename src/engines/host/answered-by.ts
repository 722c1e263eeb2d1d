// Whether one certain process answers at an address. Linux.
import { socketOwners } from './descriptors.ts';
import type { LocalAddress } from './socket-tables.ts';
import { answeringSockets } from './sockets.ts';

/** Every socket that gets its connections is the process's own. False where the system does not tell. */
export async function isAnsweredBy(pid: number, address: LocalAddress): Promise<boolean> {
  if (process.platform !== 'linux') return false;
  const inodes = new Set((await answeringSockets(address)).map(({ inode }) => inode));
  if (inodes.size === 0) return false;
  const { pids } = await socketOwners(inodes, [pid], 'first');
  return pids.size === inodes.size;
}
