// Where a process listens, which is where it may be sent a token.
import { createServer, type Server } from 'node:net';
import { networkInterfaces } from 'node:os';
import { expect, test } from 'vitest';
import { leadsTo } from '../../../src/gateway/listening.ts';

/** An address of this machine that others can reach. */
const [outside] = Object.values(networkInterfaces()).flatMap(
  (all) => all?.filter(({ internal, family }) => !internal && family === 'IPv4') ?? [],
);
const canTell = process.platform === 'linux' && outside !== undefined;

async function listening(host: string): Promise<{ readonly port: number } & AsyncDisposable> {
  const server: Server = createServer();
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as { port: number };
  return { port, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

test.each(['http://127.0.0.1:1', 'https://[::1]:1', 'http://localhost:1', 'http://127.9.9.9'])(
  '%s stays on this machine',
  async (url) => {
    expect(await leadsTo(url, process.pid)).toBe(true);
  },
);

test.each(['http://203.0.113.9:7460', 'http://no-such-host.invalid:7460', 'http://[2001:db8::1]:7460', 'no'])(
  '%s is nowhere that it listens, even when it listens on that port',
  async (url) => {
    await using everywhere = await listening('0.0.0.0');
    expect(await leadsTo(url.replace('7460', String(everywhere.port)), process.pid)).toBe(false);
  },
);

test.skipIf(!canTell)('an address of this machine is the one where the process itself listens', async () => {
  const at = (port: number) => `http://${outside?.address}:${port}`;
  await using here = await listening(outside?.address ?? '');
  await using everywhere = await listening('0.0.0.0');
  await using both = await listening('::');
  await using loopback = await listening('127.0.0.1');
  expect(await leadsTo(at(here.port), process.pid)).toBe(true);
  expect(await leadsTo(at(everywhere.port), process.pid)).toBe(true);
  expect(await leadsTo(at(both.port), process.pid)).toBe(true);
  expect(await leadsTo(at(loopback.port), process.pid)).toBe(false);
  // Somebody listens there, but not who is meant.
  expect(await leadsTo(at(here.port), process.ppid)).toBe(false);
  expect(await leadsTo(at(here.port), 2 ** 30)).toBe(false);
});
