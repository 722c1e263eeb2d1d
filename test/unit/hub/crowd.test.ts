// Many watchers at once: what they are given is a lot of work, and others want their turn meanwhile.
import { expect, test } from 'vitest';
import type { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { HubStage, MemoryConnection } from './hub-stage.ts';

const writeMs = 0.1;
const watchers = 1000;

/** Each write takes its time, as those of sockets do. */
class CostlyConnection extends MemoryConnection {
  readonly #clock: VirtualClock;

  constructor(clock: VirtualClock) {
    super();
    this.#clock = clock;
  }

  override give(bytes: Buffer): void {
    this.#clock.hold(writeMs);
    super.give(bytes);
  }
}

async function crowd(stage: HubStage): Promise<readonly MemoryConnection[]> {
  const connections = Array.from({ length: watchers }, (_, at) => {
    const connection = new CostlyConnection(stage.clock);
    stage.watch({ client: `w${at}` }, connection);
    return connection;
  });
  await stage.clock.advance(1000);
  return connections;
}

/** Calls `act` each ms. Returns the longest time that it had to wait, ms. */
function everyMs(clock: VirtualClock, act: () => void): () => number {
  let [lastMs, longestMs] = [clock.now(), 0];
  const tick = () => {
    longestMs = Math.max(longestMs, clock.now() - lastMs);
    lastMs = clock.now();
    act();
    clock.after(1, tick);
  };
  tick();
  return () => longestMs;
}

test('a round for a thousand is given in pieces: others have their turn between', async () => {
  using stage = new HubStage();
  const connections = await crowd(stage);
  const longestMs = everyMs(stage.clock, () => undefined);
  stage.publish('a', 1);
  await stage.clock.advance(2 * watchers * writeMs);
  expect(connections.map(({ events }) => events.length)).toEqual(connections.map(() => 1));
  // Of 100 ms in all.
  expect(longestMs()).toBeLessThan(20);
});

test('what comes meanwhile is no reason to let anybody wait for his turn', async () => {
  using stage = new HubStage();
  const connections = await crowd(stage);
  let published = 0;
  everyMs(stage.clock, () => {
    published += 1;
    if (published <= 300) stage.publish('a', published);
  });
  // A round and a half: everybody has had one.
  await stage.clock.advance(1.5 * watchers * writeMs);
  expect(Math.min(...connections.map(({ events }) => events.length))).toBeGreaterThan(0);
  await stage.clock.advance(3000);
  const all = Array.from({ length: 300 }, (_, at) => at + 1);
  for (const { events } of connections) expect(events.map(({ data }) => data)).toEqual(all);
});
