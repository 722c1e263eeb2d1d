// A producer on the UNIX socket of a gateway: lines at a steady rate, each with the time at which it was written.
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import type { GatewayProcess } from './gateway-process.ts';
import { paced, until } from './poll.ts';

export class Publisher implements AsyncDisposable {
  readonly socket: Socket;
  /** What the gateway said: its refusals. */
  said = '';

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes) => {
      this.said += bytes;
    });
    socket.on('error', (error) => {
      this.said += error.message;
    });
  }

  static async to(gateway: GatewayProcess): Promise<Publisher> {
    await gateway.event('ready');
    const file = join(gateway.folder.path, '.greenroom', 'gateway.json');
    const { eventsSocket } = await until(
      async () => {
        const record = JSON.parse(await readFile(file, 'utf8'));
        return typeof record.eventsSocket === 'string' && record;
      },
      { timeoutMs: 5000, what: 'the path of the socket' },
    );
    const publisher = new Publisher(connect(eventsSocket));
    await until(() => !publisher.socket.connecting, { timeoutMs: 5000, what: 'the connection' });
    return publisher;
  }

  write(event: object): void {
    this.socket.write(`${JSON.stringify(event)}\n`);
  }

  /** So many a second, for so long; `event` makes the n-th one, from 0. Returns how many were written. */
  async steadily(
    { perSecond, ms }: { readonly perSecond: number; readonly ms: number },
    event: (n: number) => object,
  ): Promise<number> {
    const beganMs = performance.now();
    let written = 0;
    for await (const _ of paced(Math.min(4, 1000 / perSecond))) {
      const elapsedMs = performance.now() - beganMs;
      const due = Math.floor((Math.min(elapsedMs, ms) * perSecond) / 1000);
      for (; written < due; written += 1) this.write(event(written));
      if (elapsedMs >= ms) break;
    }
    return written;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
    await until(() => this.socket.closed, { timeoutMs: 5000, what: 'the producer to be gone' });
  }
}
