// A day when one page that did not read kept every event from the other for 39.6 s, pings and all: an engine's state
// changes of 221 bytes, over its UNIX socket, to two watchers. With a real gateway, and with the loop of that day.
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { type SlowWatcher, slowWatcher, type WatchedEvent } from '../../src/testing/index.ts';
import { GatewayProcess } from '../support/gateway-process.ts';
import { Lateness } from '../support/lateness.ts';
import { until } from '../support/poll.ts';
import { Publisher } from '../support/publisher.ts';

const config = { engines: {}, pipelines: {} };

/** As it was written, with its number, and the time for whoever measures. */
function stateChange(machine: string, n: number): object {
  const event = {
    machine_name: machine,
    event_type: 'state_change',
    payload: { n, atMs: performance.now(), event_trigger: 'portraits_verified', pad: '' },
  };
  event.payload.pad = 'x'.repeat(Math.max(0, 221 - JSON.stringify(event).length));
  return event;
}

const payloadOf = ({ data }: WatchedEvent) =>
  (data as { readonly payload: { readonly n: number; readonly atMs: number } }).payload;
const numbersOf = ({ events }: SlowWatcher) => events.map((event) => payloadOf(event).n);
const worstMs = ({ events }: SlowWatcher) =>
  Math.max(...events.map((event) => event.atMs - payloadOf(event).atMs));
const longestPauseMs = (times: readonly number[]) =>
  Math.max(...times.slice(1).map((atMs, n) => atMs - (times[n] ?? 0)));
const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);

interface Pair {
  readonly topic: string;
  readonly perSecond: number;
  readonly ms: number;
}

/** Two watchers, one of whom reads nothing: what became of both. */
async function replay(gateway: GatewayProcess, { topic, perSecond, ms }: Pair) {
  const url = await gateway.url();
  const topics = [topic];
  await using publisher = await Publisher.to(gateway);
  await using well = await slowWatcher({ url, topics, how: 'well' });
  await using stuck = await slowWatcher({ url, topics, client: `stuck-${topic}` });
  const beganMs = performance.now();
  let evictedMs = 0;
  const gone = until(
    async () => {
      const { body } = await gateway.json('/api/clients');
      return !JSON.stringify(body).includes(stuck.client);
    },
    { timeoutMs: ms + 3000, what: `${stuck.client} to be sent away` },
  ).then(() => {
    evictedMs = performance.now() - beganMs;
  });
  const written = await publisher.steadily({ perSecond, ms }, (n) => stateChange(topic, n));
  await gone;
  await until(() => well.events.length === written, { timeoutMs: 5000, what: 'the last event' });
  // The page comes back as it was: it has read nothing at all.
  await using back = await slowWatcher({
    ...{ url, topics, client: stuck.client, how: 'well' },
    since: String(stuck.control('welcome')?.head),
  });
  await until(() => back.events.length === written, { timeoutMs: 10_000, what: 'every event' });
  return { well, back, written, evictedMs, evicted: back.control('welcome')?.evicted, said: publisher.said };
}

test('at 5,000 and at 4 events/s one watcher that does not read harms nobody, and misses nothing', async () => {
  await using gateway = await GatewayProcess.start({ config });
  await using machine = new Lateness();
  const [dense, sparse] = await Promise.all([
    replay(gateway, { topic: 'face_processor', perSecond: 5000, ms: 9000 }),
    replay(gateway, { topic: 'slow_processor', perSecond: 4, ms: 13_000 }),
  ]);
  for (const { well, back, written, said } of [dense, sparse]) {
    // Of a machine that keeps us and the gateway waiting by itself, no more than that.
    expect(worstMs(well)).toBeLessThan(100 + 2 * machine.worstMs);
    expect(longestPauseMs(well.pings)).toBeLessThan(1600 + 2 * machine.worstMs);
    expect(numbersOf(well)).toEqual(upTo(written));
    expect(numbersOf(back)).toEqual(upTo(written));
    expect(back.control('welcome')).toMatchObject({ recovered: true });
    expect(well.controls.map(({ type }) => type)).toEqual(['welcome']);
    expect(said).toBe('');
  }
  expect(dense.evicted?.reason).toBe('unsent');
  // Of the first event that could not be written.
  expect(dense.evicted?.ms).toBeGreaterThanOrEqual(2000);
  expect(dense.evicted?.ms).toBeLessThan(3000);
  expect(sparse.evicted?.reason).toBe('silent');
  expect(sparse.evictedMs).toBeLessThan(13_000);
}, 40_000);

/** The loop of that day: each is waited for in turn. */
class NaiveServer implements AsyncDisposable {
  readonly #server: WebSocketServer;
  readonly #waiting: string[] = [];
  #state: 'idle' | 'sending' = 'idle';

  private constructor(server: WebSocketServer) {
    this.#server = server;
  }

  static async listen(): Promise<NaiveServer> {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await new Promise((resolve) => server.once('listening', resolve));
    return new NaiveServer(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  broadcast(text: string): void {
    this.#waiting.push(text);
    if (this.#state === 'idle') void this.#send();
  }

  async #send(): Promise<void> {
    this.#state = 'sending';
    for (let text = this.#waiting.shift(); text !== undefined; text = this.#waiting.shift())
      for (const watcher of this.#server.clients) await sent(watcher, text);
    this.#state = 'idle';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const watcher of this.#server.clients) watcher.terminate();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

const sent = (watcher: WebSocket, text: string) =>
  new Promise<void>((resolve) => watcher.send(text, () => resolve()));

test('the loop that waits for each watcher in turn shows the fault', async () => {
  await using server = await NaiveServer.listen();
  const query = { envelope: 'off' };
  // The one that does not read is the first in the loop.
  await using stuck = await slowWatcher({ url: server.url, query });
  await using well = await slowWatcher({ url: server.url, query, how: 'well' });
  // Larger ones, so that the kernel's 4 MB are full sooner.
  const pad = 'x'.repeat(60_000);
  for (let n = 0; n < 400; n += 1) server.broadcast(JSON.stringify({ n, pad }));
  let seen = -1;
  let quietMs = 0;
  await until(
    () => {
      if (well.messages.length > seen) quietMs = performance.now();
      seen = well.messages.length;
      return performance.now() - quietMs > 1500;
    },
    { timeoutMs: 10_000, what: 'the healthy one to be kept waiting' },
  );
  expect(well.messages.length).toBeLessThan(400);
  stuck.reset();
  await until(() => well.messages.length === 400, { timeoutMs: 5000, what: 'the rest' });
  expect(longestPauseMs(well.messages.map(({ atMs }) => atMs))).toBeGreaterThan(1400);
});
