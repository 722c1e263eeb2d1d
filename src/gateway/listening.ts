// Whether a process listens at an address. A run record is a file, which may name any address: what is said there, a
// token above all, is for its process alone. Of others on this machine the loopback is taken for safe.
import { lookup } from 'node:dns/promises';
import { readdir, readlink } from 'node:fs/promises';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { isLoopback } from '../config/listen.ts';
import { readProc } from '../engines/host/proc.ts';

/** Whether everything that the URL leads to is the loopback, or an address of this machine where the process listens. */
export async function leadsTo(url: string, pid: number): Promise<boolean> {
  const parsed = URL.parse(url);
  if (!parsed) return false;
  const host = parsed.hostname.replace(/^\[|\]$/g, '');
  if (isLoopback(host)) return true;
  const port = Number(parsed.port) || (parsed.protocol === 'https:' ? 443 : 80);
  const addresses = isIP(host) ? [host] : await addressesOf(host);
  const listening = await listenersOf(pid, port);
  const ours = new Set(
    Object.values(networkInterfaces()).flatMap((all) => all?.map(({ address }) => address) ?? []),
  );
  const fits = (address: string) =>
    isLoopback(address) ||
    (ours.has(address) && [...anyAddress, address].some((each) => listening.includes(each)));
  return addresses.length > 0 && addresses.every(fits);
}

const anyAddress = ['0.0.0.0', '::'];

async function addressesOf(name: string): Promise<readonly string[]> {
  const found = await lookup(name, { all: true }).catch(() => []);
  return found.map(({ address }) => address);
}

/** The addresses at which the process listens on the port; none where /proc does not tell. */
async function listenersOf(pid: number, port: number): Promise<readonly string[]> {
  const tables = await Promise.all(['tcp', 'tcp6'].map((name) => readProc(`/proc/${pid}/net/${name}`)));
  const sockets = tables.flatMap((table) => listenersIn(table ?? '')).filter((each) => each.port === port);
  if (sockets.length === 0) return [];
  const own = await inodesOf(pid);
  return sockets.filter(({ inode }) => own.has(inode)).map(({ address }) => address);
}

interface Listener {
  readonly address: string;
  readonly port: number;
  readonly inode: string;
}

/** `0: 0100007F:1D24 00000000:0000 0A ... 4242`: address and port, those of the peer, LISTEN; the tenth is the inode. */
export function listenersIn(table: string): readonly Listener[] {
  return table.split('\n').flatMap((line) => {
    const fields = line.trim().split(/\s+/);
    const [, address, port] = /^([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})$/.exec(fields[1] ?? '') ?? [];
    if (address === undefined || port === undefined || fields[3] !== '0A') return [];
    return [{ address: addressIn(address), port: Number.parseInt(port, 16), inode: fields[9] ?? '' }];
  });
}

/** Words of four bytes, each as the machine has it: the lowest byte first. */
function addressIn(hex: string): string {
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) =>
    (word.match(/../g) ?? []).reverse().map((byte) => Number.parseInt(byte, 16)),
  );
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, index) =>
    (((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0)).toString(16),
  );
  // As everybody else writes it.
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

async function inodesOf(pid: number): Promise<ReadonlySet<string>> {
  const folder = `/proc/${pid}/fd`;
  const names = await readdir(folder).catch(() => []);
  const links = await Promise.all(names.map((name) => readlink(`${folder}/${name}`).catch(() => '')));
  return new Set(links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []));
}
