// Who is slow and asked for the newest of each key.
import { describe, expect, test } from 'vitest';
import type { HubEvent } from '../../../src/wire/hub.ts';
import { HubStage } from './hub-stage.ts';

const data = (event: HubEvent) => event.data;
const flood = (stage: HubStage, count: number) => {
  for (let n = 0; n < count; n += 1) stage.publish('a', `${n} ${'x'.repeat(1000)}`);
};

describe('who is slow and conflates', () => {
  test('gets the newest of each key, when it asked for that', async () => {
    using stage = new HubStage();
    const { connection } = stage.watch({ policy: 'conflate' });
    await stage.clock.advance(10);
    connection.stall();
    flood(stage, 200);
    await stage.clock.advance(10);
    for (let n = 0; n < 200; n += 1) stage.publish('cpu', { n, of: n % 4 }, `core${n % 4}`);
    for (let n = 0; n < 50; n += 1) stage.publish('state', n);
    await stage.clock.advance(2500);
    connection.read(Number.POSITIVE_INFINITY);
    await stage.clock.advance(10);
    stage.publish('state', 'after');
    await stage.clock.advance(10);
    const late = connection.events.filter(({ topic }) => topic !== 'a').map(data);
    expect(late).toEqual([
      { n: 196, of: 0 },
      { n: 197, of: 1 },
      { n: 198, of: 2 },
      { n: 199, of: 3 },
      49,
      'after',
    ]);
    expect(connection.controls.filter(({ type }) => type === 'gap')).toMatchObject([{ reason: 'conflated' }]);
  });

  test('and falls behind again before it has got them, is told of what is new only', async () => {
    using stage = new HubStage();
    const { connection } = stage.watch({ policy: 'conflate' });
    await stage.clock.advance(10);
    connection.stall();
    const many = () => {
      for (let n = 0; n < 300; n += 1) stage.publish('a', 'x'.repeat(1000), `${n}`);
    };
    many();
    await stage.clock.advance(2500);
    // What it was given first, what it is told, and a part of the next write.
    connection.read(70_000);
    await stage.clock.advance(10);
    connection.read(10_000);
    await stage.clock.advance(10);
    many();
    await stage.clock.advance(2500);
    connection.read(Number.POSITIVE_INFINITY);
    await stage.clock.advance(100);
    const gaps = connection.controls.filter(({ type }) => type === 'gap');
    expect(gaps).toMatchObject([{ to: 'e1.300' }, { from: 'e1.301', to: 'e1.600' }]);
    expect(new Set(connection.events.slice(-300).map(({ id }) => id)).size).toBe(300);
    expect(connection.events.at(-1)?.id).toBe('e1.600');
  });

  test('of a topic that has things with keys, and something without one, gets the newest of each', async () => {
    using stage = new HubStage();
    const { connection } = stage.watch({ policy: 'conflate', topics: ['a'] });
    await stage.clock.advance(10);
    connection.stall();
    flood(stage, 200);
    await stage.clock.advance(10);
    for (const key of [null, 'door', null, 'door', 'door']) stage.publish('a', key, key);
    await stage.clock.advance(2500);
    connection.read(Number.POSITIVE_INFINITY);
    await stage.clock.advance(10);
    expect(connection.events.slice(-2).map(data)).toEqual([null, 'door']);
    expect(connection.controls.at(-1)).toMatchObject({ type: 'gap', reason: 'conflated' });
  });
});
