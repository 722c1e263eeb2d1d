// The list of watchers, which must not hold the loop however many are behind.
import { expect, test } from 'vitest';
import { clientFacts } from '../../../../src/gateway/events/client-facts.ts';
import { HubStage, MemoryConnection } from '../../hub/hub-stage.ts';

/** Blocked, with one event that it was not given and 15,000 that are not for it. */
async function behind(topicsOf: (n: number) => readonly string[]): Promise<readonly (number | null)[]> {
  using stage = new HubStage();
  for (let n = 0; n < 20; n += 1) {
    const { connection } = stage.watch(
      { client: `w${n}`, topics: topicsOf(n) },
      new MemoryConnection('websocket', 1),
    );
    await stage.clock.advance(1);
    connection.stall();
  }
  for (const data of ['given', 'not given']) {
    stage.publish('a', data);
    await stage.clock.advance(10);
  }
  for (let n = 0; n < 15_000; n += 1) stage.publish('b', n);
  const facts = clientFacts([stage.hub], { sort: 'lag', limit: 10_000 }, stage.clock);
  return facts.map(({ lagEvents }) => lagEvents);
}

test('of those who are at the same place what they lack is counted once', async () => {
  expect(await behind(() => ['a', 'c'])).toEqual(Array.from({ length: 20 }, () => 1));
});

test('of those who all look for something else it is counted as long as that does not take long', async () => {
  const lags = await behind((n) => ['a', `c${n}`]);
  expect(lags.filter((lag) => lag === 1)).toHaveLength(6);
  expect(lags.filter((lag) => lag === null)).toHaveLength(14);
});
