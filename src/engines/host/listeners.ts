// Who listens at an address of this machine, and who of several would answer.

import { messageOf } from '../../lifecycle/errors.ts';
import { socketOwners } from './descriptors.ts';
import { type HiddenHolder, type Holder, holderOf } from './holder.ts';
import { listPids } from './proc.ts';
import type { LocalAddress } from './socket-tables.ts';
import { answeringSockets, barringSockets, type FoundSocket } from './sockets.ts';
import { userName } from './users.ts';

export interface Listener {
  /** `127.0.0.1:8080`, `[::]:8080`, `unix:/run/x.sock`. */
  readonly at: string;
  /** Never empty: of who cannot be seen it is said why. */
  readonly holders: readonly Holder[];
  /** `connects`: it listens nowhere, but a connection of its own has the port. */
  readonly how: FoundSocket['how'];
}

export type Listening =
  | {
      readonly state: 'known';
      /** Several share the connections (SO_REUSEPORT). */
      readonly answering: readonly Listener[];
      /** They answer elsewhere, but keep anybody else from listening here. */
      readonly barring: readonly Listener[];
    }
  | { readonly state: 'unknown'; readonly why: string };

export async function listeners(address: LocalAddress): Promise<Listening> {
  if (process.platform === 'darwin') return (await import('./mac.ts')).macListeners(address);
  if (process.platform !== 'linux') return unknownHere();
  try {
    const answering = await answeringSockets(address);
    const answers = new Set(answering.map(({ inode }) => inode));
    const others = (await barringSockets(address)).filter(({ inode }) => !answers.has(inode));
    const all = await namedListeners([...answering, ...others]);
    return {
      state: 'known',
      answering: all.slice(0, answering.length),
      barring: all.slice(answering.length),
    };
  } catch (error) {
    return { state: 'unknown', why: messageOf(error) };
  }
}

export const unknownHere = () =>
  ({ state: 'unknown', why: `on ${process.platform} it cannot be told who listens` }) as const;

async function namedListeners(sockets: readonly FoundSocket[]): Promise<readonly Listener[]> {
  if (sockets.length === 0) return [];
  const inodes = new Set(sockets.map(({ inode }) => inode));
  const { pids, denied } = await socketOwners(inodes, await listPids(), 'all');
  return Promise.all(
    sockets.map(async ({ at, inode, uid, how }) => {
      const visible = await Promise.all((pids.get(inode) ?? []).map(holderOf));
      const holders = visible.flatMap((holder) => holder ?? []);
      return { at, how, holders: holders.length > 0 ? holders : [await hiddenHolder(uid, denied)] };
    }),
  );
}

/** Of a socket that no process has that we can look into. */
export async function hiddenHolder(uid: number | null, denied: readonly number[]): Promise<HiddenHolder> {
  const user = uid === null ? null : await userName(uid);
  return { state: 'hidden', uid, user, why: whyHidden(uid, denied) };
}

function whyHidden(uid: number | null, denied: readonly number[]): HiddenHolder['why'] {
  const own = process.geteuid?.() ?? 0;
  // Our own processes can be looked into, all that are here.
  if (uid === own) return 'other_namespace';
  // As a rule root sees them all; another one may not even be shown that they are there.
  const mayBeHidden = denied.length > 0 || (own !== 0 && uid !== null);
  return mayBeHidden ? 'other_user' : 'other_namespace';
}
