// Whether a process listens at an address. A run record is a file, which may name any address: what is said there, a
// token above all, is for its process alone. Of others on this machine the loopback is taken for safe.
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { isLoopback } from '../config/listen.ts';
import { isAnsweredBy } from '../engines/host/answered-by.ts';

/** Whether everything that the URL leads to is the loopback, or an address of this machine where the process listens. */
export async function leadsTo(url: string, pid: number): Promise<boolean> {
  const parsed = URL.parse(url);
  if (!parsed) return false;
  const host = parsed.hostname.replace(/^\[|\]$/g, '');
  if (isLoopback(host)) return true;
  const port = Number(parsed.port) || (parsed.protocol === 'https:' ? 443 : 80);
  const addresses = isIP(host) ? [host] : await addressesOf(host);
  const ours = new Set(
    Object.values(networkInterfaces()).flatMap((all) => all?.map(({ address }) => address) ?? []),
  );
  const fits = async (address: string) =>
    isLoopback(address) || (ours.has(address) && (await isAnsweredBy(pid, { host: address, port })));
  const all = await Promise.all(addresses.map(fits));
  return all.length > 0 && !all.includes(false);
}

async function addressesOf(name: string): Promise<readonly string[]> {
  const found = await lookup(name, { all: true }).catch(() => []);
  return found.map(({ address }) => address);
}
