// A hub behind a real server, in this process, with limits that a test need not wait long for.
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { FairTurns } from '../../src/gateway/events/fair-turns.ts';
import { TopicGrant } from '../../src/gateway/events/topic-grant.ts';
import { watchQuery } from '../../src/gateway/events/watch-query.ts';
import { Watchers } from '../../src/gateway/events/watchers.ts';
import { Hub, type HubOptions } from '../../src/hub/hub.ts';
import { Producers } from '../../src/hub/producers.ts';
import { systemClock } from '../../src/lifecycle/clock.ts';
import { until } from './poll.ts';

const limits = {
  unsent: { warnMs: 100, actMs: 300 },
  silent: { warnMs: 200, actMs: 500 },
  keepaliveMs: 20_000,
};

export class HubDoor implements AsyncDisposable {
  readonly hub: Hub;
  readonly producers = new Producers(systemClock);
  readonly url: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, options: Partial<HubOptions>, turns: FairTurns) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    this.hub = new Hub({
      ...{ clock: systemClock, epoch: 'e1', limits, random: Math.random },
      history: { events: 100_000, bytes: 64 * 1024 * 1024, ageMs: 600_000 },
      ...options,
    });
    const watchers = new Watchers({
      ...{ clock: systemClock, hub: this.hub, own: this.hub, policy: 'evict' },
      ...{ producers: this.producers, turns },
    });
    const visitor = { grant: new TopicGrant({ watch: ['>'], publish: ['>'] }), principal: '' };
    const queryOf = (target: string | undefined) => watchQuery(new URL(target ?? '', this.url), {});
    server.on('connection', (socket) => this.#sockets.add(socket));
    server.on('upgrade', (request, socket, head) =>
      watchers.upgrade({ request, socket, head }, queryOf(request.url), visitor),
    );
    server.on('request', (request, response) =>
      watchers.stream(response, request.socket, queryOf(request.url), visitor),
    );
  }

  static async open(options: Partial<HubOptions> = {}, turns = new FairTurns(systemClock)): Promise<HubDoor> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new HubDoor(server, options, turns);
  }

  publish(topic: string, data: unknown): string {
    return this.hub.publish({ topic, key: null, data: Buffer.from(JSON.stringify(data)) });
  }

  /** More than the kernel holds for a watcher that does not read. Returns how many. */
  flood(bytes = 24 * 1024 * 1024): number {
    const pad = 'x'.repeat(60_000);
    const count = Math.ceil(bytes / pad.length);
    for (let n = 0; n < count; n += 1) this.publish('flood', { n, pad });
    return count;
  }

  /** Resolves when so many watch. */
  count(watchers: number, timeoutMs = 5000): Promise<boolean> {
    return until(() => this.hub.subscribers.size === watchers, {
      ...{ timeoutMs, what: `${watchers} watchers (there are ${this.hub.subscribers.size})` },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.hub.stop();
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
