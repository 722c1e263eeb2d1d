// The kernel's tables of sockets (/proc/net/tcp, tcp6 and unix), and which of several listeners gets a connection. Pure.
import { isIP, isIPv4 } from 'node:net';
import { endianness } from 'node:os';

/** Where somebody is asked: an address and port, or a UNIX socket. */
export type LocalAddress = { readonly host: string; readonly port: number } | { readonly socketPath: string };

export interface TcpRow {
  /** Of the socket: one of family 6 may listen on an address of family 4. */
  readonly family: 4 | 6;
  /** As `plainAddress` writes it. */
  readonly address: string;
  readonly port: number;
  readonly state: 'listening' | 'waiting' | 'connected';
  readonly uid: number;
  /** '0' when no process has it any more. */
  readonly inode: string;
}

export interface UnixRow {
  /** As it was bound: it may be relative. */
  readonly path: string;
  readonly state: 'listening' | 'other';
  readonly inode: string;
}

/** A line of /proc/net/tcp or tcp6; undefined for the heading and for what is none. */
export function parseTcpRow(line: string, family: 4 | 6): TcpRow | undefined {
  const [, local, , state, , , , uid, , inode] = line.trim().split(/\s+/);
  const [hex = '', port = ''] = local?.split(':') ?? [];
  if (hex.length !== (family === 4 ? 8 : 32) || !state || !inode || !/^\d+$/.test(inode)) return undefined;
  const words = (hex.match(/.{8}/g) ?? []).map(inNetworkOrder);
  const address = family === 4 ? ipv4Text(words[0] ?? '') : ipv6Text(words.join(''));
  return {
    ...{ family, address: plainAddress(address) ?? address, port: Number.parseInt(port, 16) },
    ...{ state: stateOf(state), uid: Number(uid), inode },
  };
}

/** A line of /proc/net/unix that has a path; undefined for all others. An abstract name begins with `@`. */
export function parseUnixRow(line: string): UnixRow | undefined {
  const [, flags = '', inode, path] =
    /^[0-9a-f]+: [0-9A-F]+ [0-9A-F]+ ([0-9A-F]+) [0-9A-F]+ [0-9A-F]+ +(\d+) (.+)$/i.exec(line) ?? [];
  if (!inode || !path) return undefined;
  const accepts = (Number.parseInt(flags, 16) & acceptsFlag) !== 0;
  return { path, state: accepts ? 'listening' : 'other', inode };
}

/** One spelling for each address; an IPv4 one within IPv6 is the IPv4 one. Undefined for what is none. */
export function plainAddress(host: string): string | undefined {
  const bare = host.replace(/%.*$/, '');
  if (isIPv4(bare)) return bare;
  if (isIP(bare) !== 6) return undefined;
  const text = new URL(`http://[${bare}]`).hostname.slice(1, -1);
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(text) ?? [];
  if (high === undefined || low === undefined) return text;
  return ipv4Text(high.padStart(4, '0') + low.padStart(4, '0'));
}

/** Who connects to every address of a machine gets to its loopback one. */
export function askedAddress(plain: string): string {
  if (plain === '0.0.0.0') return '127.0.0.1';
  return plain === '::' ? '::1' : plain;
}

/** How well a listener fits an address: the one with the highest gets the connections. 0: it gets none. */
export function rankOf(row: Pick<TcpRow, 'family' | 'address'>, asked: string): number {
  const { family, address } = row;
  if (!isIPv4(asked)) return address === asked ? 2 : address === '::' ? 1 : 0;
  if (address === asked) return family === 4 ? 4 : 3;
  if (address === '0.0.0.0') return 2;
  // As far as it takes IPv4 at all, which these tables do not tell.
  return address === '::' ? 1 : 0;
}

/** Whether a listener keeps us from listening on an address, as far as these tables tell. */
export function bars(row: Pick<TcpRow, 'family' | 'address'>, wanted: string): boolean {
  if (isEvery(row.address) || isEvery(wanted)) return true;
  return row.address === wanted;
}

const isEvery = (address: string): boolean => address === '0.0.0.0' || address === '::';

/** `127.0.0.1:8080`, `[::1]:8080`. */
export const placeText = (address: string, port: number): string =>
  `${address.includes(':') ? `[${address}]` : address}:${port}`;

function stateOf(hex: string): TcpRow['state'] {
  if (hex === '0A') return 'listening';
  // TIME_WAIT: its process has done with it.
  return hex === '06' ? 'waiting' : 'connected';
}

/** The tables have words of 32 bits as the machine stores them. */
function inNetworkOrder(word: string): string {
  return endianness() === 'BE' ? word : (word.match(/../g) ?? []).reverse().join('');
}

const ipv4Text = (hex: string): string =>
  (hex.match(/../g) ?? []).map((byte) => Number.parseInt(byte, 16)).join('.');

const ipv6Text = (hex: string): string => (hex.match(/.{4}/g) ?? []).join(':');

/** __SO_ACCEPTCON */
const acceptsFlag = 0x10000;
