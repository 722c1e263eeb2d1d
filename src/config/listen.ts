// The address the door listens on, as it is written: `127.0.0.1:7460`, `[::1]:7460`, `:7460`, `7460`. Imports
// nothing heavy, since the door needs it before anything else of us is there.
import { isIP, isIPv4, isIPv6 } from 'node:net';
import type { Parsed } from './units.ts';

export interface ListenAddress {
  /** A host name or an IP address without brackets. */
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
}

export const listenDefault: ListenAddress = { host: '127.0.0.1', port: 7460 };

const hostName =
  /^(?=.{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*$/;

/** Never throws. A missing host is 127.0.0.1: being reachable from elsewhere has to be asked for. */
export function parseListen(written: unknown): Parsed<ListenAddress> {
  const text = typeof written === 'number' ? String(written) : written;
  if (typeof text !== 'string') return refuse('expected an address such as 127.0.0.1:7460');
  const got = JSON.stringify(text.slice(0, 80));
  if (/^unix:|^\.{0,2}\//.test(text)) {
    return refuse(`expected an address such as 127.0.0.1:7460; the door has no unix socket, got ${got}`);
  }
  if (text.includes('://'))
    return refuse(`write the host and port alone, such as 127.0.0.1:7460, got ${got}`);
  const [, bracketed, plain, portText] = /^(?:(?:\[([^\]]*)\]|([^:[\]]*)):)?(\d{1,5})$/.exec(text) ?? [];
  if (portText === undefined) return refuse(`${shapeProblem(text)}, got ${got}`);
  const port = Number(portText);
  if (port > 65_535) return refuse(`a port is from 0 to 65535, got ${port}`);
  if (bracketed !== undefined) {
    if (!isIPv6(bracketed))
      return refuse(`between the brackets stands an IPv6 address, such as [::1]:7460, got ${got}`);
    return { ok: true, value: { host: bracketed, port } };
  }
  const host = plain || listenDefault.host;
  if (host === '*') return refuse(`write 0.0.0.0:${port} or [::]:${port} for every address of this machine`);
  if (isIP(host) === 0 && !hostName.test(host))
    return refuse(`${JSON.stringify(host)} is no host name or IP address`);
  return { ok: true, value: { host, port } };
}

/** `[::1]:7460`: what `parseListen` reads back. */
export function formatListen({ host, port }: ListenAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Only what certainly stays on this machine: a name that merely resolves to loopback does not count. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase();
  if (name === 'localhost' || name.endsWith('.localhost') || name === '::1') return true;
  const embedded = /^::ffff:([\d.]+)$/.exec(name)?.[1] ?? name;
  return isIPv4(embedded) && embedded.startsWith('127.');
}

function shapeProblem(text: string): string {
  if (isIPv6(text.replace(/:\d+$/, '')) || isIPv6(text)) {
    return 'an IPv6 address needs brackets, such as [::1]:7460';
  }
  if (/^[^:]+$/.test(text)) return 'the port is missing: expected an address such as 127.0.0.1:7460';
  return 'expected an address such as 127.0.0.1:7460';
}

function refuse(problem: string): { readonly ok: false; readonly problem: string } {
  return { ok: false, problem };
}
