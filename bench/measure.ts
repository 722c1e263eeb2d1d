// What the benchmarks share: connects that are timed, numbers that are shown.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const repositoryFile = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url));

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** As `npm start` has it: V8's helper threads compile and collect beside the loop, and on two cores they are in its way. */
export const nodeOptions = ['--v8-pool-size=1'];

/** Knocks until a WebSocket handshake is answered with 101; ms since `sinceMs`. A raw socket, so that the client costs nothing. */
export async function firstWebSocket(port: number, path: string, sinceMs: number): Promise<number> {
  for (;;) {
    const answer = await handshake(port, path);
    if (answer?.startsWith('HTTP/1.1 101')) return performance.now() - sinceMs;
    if (answer !== null) throw new Error(`no 101 from ${path}: ${answer.split('\r\n')[0]}`);
    if (performance.now() - sinceMs > 30_000) throw new Error(`nobody accepted on port ${port} in 30 s`);
    await delay(1);
  }
}

/** One handshake: its answer, or null when nobody listens. */
export function handshake(port: number, path: string): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.write(
        `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
          'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
      );
    });
    socket.once('data', (data) => {
      resolve(data.toString('latin1'));
      socket.destroy();
    });
    socket.on('error', () => resolve(null));
  });
}

export function quantile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export const median = (samples: readonly number[]): number => quantile(samples, 0.5);

export const shownMs = (ms: number): string => `${ms.toFixed(1)} ms`;
