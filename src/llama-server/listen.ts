// Opens the listener, and says where it is. A UNIX socket that nobody listens on any more is replaced.
import { lstat, unlink } from 'node:fs/promises';
import type { Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { GreenroomError } from '../lifecycle/errors.ts';
import type { ListenAddress } from './arguments.ts';

/** Answers with the address as a word: `http://127.0.0.1:8080` or `unix:/run/x.sock`. Throws `listen_failed`. */
export async function listen(server: Server, address: ListenAddress): Promise<string> {
  if (address.kind === 'socket') await removeStale(address.path);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(failed(address, error.message, error)));
    server.listen(
      address.kind === 'tcp' ? { host: address.host, port: address.port } : { path: address.path },
      resolve,
    );
  });
  if (address.kind === 'socket') return `unix:${address.path}`;
  const { address: host, port, family } = server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${host}]` : host}:${port}`;
}

/** Only a socket without a listener is: whatever else is there is no business of ours, and the listen says so. */
async function removeStale(path: string): Promise<void> {
  const there = await lstat(path).catch(() => undefined);
  if (!there?.isSocket()) return;
  if ((await probe(path)) === 'live') throw failed({ kind: 'socket', path }, 'somebody listens there');
  await unlink(path);
}

function probe(path: string): Promise<'live' | 'stale'> {
  return new Promise((resolve) => {
    const connection = connect(path);
    connection.once('connect', () => resolve('live'));
    // A listener that is too busy, or not ours to speak to, is one too.
    connection.once('error', ({ code }: NodeJS.ErrnoException) =>
      resolve(code === 'ECONNREFUSED' ? 'stale' : 'live'),
    );
    connection.once('connect', () => connection.destroy());
  });
}

function failed(address: ListenAddress, why: string, cause?: unknown): GreenroomError {
  const where = address.kind === 'tcp' ? `${address.host}:${address.port}` : address.path;
  return new GreenroomError('listen_failed', `cannot listen on ${where}: ${why}`, { cause });
}
