// Which sockets of this machine answer at an address, by the kernel's tables. Linux.
import { lookup } from 'node:dns/promises';
import { readlink, realpath } from 'node:fs/promises';
import { isIPv4 } from 'node:net';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { socketOwners } from './descriptors.ts';
import { takesIpv4 } from './dual-stack.ts';
import { listPids } from './proc.ts';
import { tcpListeners, tcpSockets, unixListeners } from './read-tables.ts';
import {
  askedAddress,
  bars,
  type LocalAddress,
  placeText,
  plainAddress,
  rankOf,
  type TcpRow,
} from './socket-tables.ts';

export interface FoundSocket {
  /** `127.0.0.1:8080`, `unix:/run/x.sock`. */
  readonly at: string;
  readonly inode: string;
  /** Of whoever opened it; null where that is not told. */
  readonly uid: number | null;
  /** `connects`: it listens nowhere, but a connection of its own has the port. */
  readonly how: 'listens' | 'connects';
}

/** Those that get the connections to this address: none, one, or several that share them (SO_REUSEPORT). */
export async function answeringSockets(address: LocalAddress): Promise<readonly FoundSocket[]> {
  if ('socketPath' in address) return unixSockets(address.socketPath);
  for (const host of await addressesOf(address.host)) {
    const rows = await answeringRows(askedAddress(host), address.port);
    if (rows.length > 0) return rows.map(found);
  }
  return [];
}

/** Those that keep anybody else from listening there: listeners, or else connections that have the port for their own. */
export async function barringSockets(address: LocalAddress): Promise<readonly FoundSocket[]> {
  if ('socketPath' in address) return unixSockets(address.socketPath);
  const hosts = await addressesOf(address.host);
  const both = await Promise.all([tcpSockets(4, address.port), tcpSockets(6, address.port)]);
  const barring = both.flat().filter((row) => hosts.some((host) => bars(row, host)));
  const listening = barring.filter(({ state }) => state === 'listening');
  return (listening.length > 0 ? listening : barring.filter(({ state }) => state === 'connected')).map(found);
}

/** A name may mean several; whoever connects tries them in this order. Throws what the look-up throws. */
export async function addressesOf(host: string): Promise<readonly string[]> {
  const plain = plainAddress(host);
  if (plain !== undefined) return [plain];
  const all = await lookup(host, { all: true });
  return [...new Set(all.flatMap(({ address }) => plainAddress(address) ?? []))];
}

const found = ({ address, port, inode, uid, state }: TcpRow): FoundSocket => ({
  at: placeText(address, port),
  ...{ inode, uid, how: state === 'listening' ? 'listens' : 'connects' },
});

async function answeringRows(asked: string, port: number): Promise<readonly TcpRow[]> {
  const four = isIPv4(asked) ? await tcpListeners(4, port) : [];
  const exact = four.filter((row) => rankOf(row, asked) === 4);
  // Nothing can be better, and the table of IPv6 need not be asked for.
  if (exact.length > 0) return exact;
  const best = bestOf([...four, ...(await tcpListeners(6, port))], asked);
  const perhaps = isIPv4(asked) && best[0] && rankOf(best[0], asked) === 1;
  return perhaps && !(await takesIpv4(best.map(({ inode }) => inode).join(), { host: asked, port }))
    ? []
    : best;
}

function bestOf(rows: readonly TcpRow[], asked: string): readonly TcpRow[] {
  const best = Math.max(0, ...rows.map((row) => rankOf(row, asked)));
  return best === 0 ? [] : rows.filter((row) => rankOf(row, asked) === best);
}

async function unixSockets(path: string): Promise<readonly FoundSocket[]> {
  const wanted = await realPlace(path);
  const alike = (await unixListeners()).filter((row) => basename(row.path) === basename(path));
  const places = await Promise.all(
    alike.map(async (row) => ((await placeOf(row.path, row.inode)) === wanted ? row : undefined)),
  );
  return places
    .flatMap((row) => row ?? [])
    .map(({ inode }) => ({ at: `unix:${path}`, inode, uid: null, how: 'listens' }));
}

/** Where a socket was bound. A relative path is that of the process that did it. */
async function placeOf(path: string, inode: string): Promise<string | undefined> {
  if (isAbsolute(path)) return realPlace(path);
  const { pids } = await socketOwners(new Set([inode]), await listPids(), 'first');
  const [pid] = pids.get(inode) ?? [];
  const folder = pid && (await readlink(`/proc/${pid}/cwd`).catch(() => undefined));
  return folder ? realPlace(resolve(folder, path)) : undefined;
}

/** The folder without its links; the socket itself may be gone. */
async function realPlace(path: string): Promise<string> {
  return join(await realpath(dirname(path)).catch(() => dirname(path)), basename(path));
}
