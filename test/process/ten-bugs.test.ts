// Of the ten bugs of test/unit/hub/ten-bugs.test.ts those that only a real socket shows, over WebSocket and server-sent
// events.
import { describe, expect, test } from 'vitest';
import { type SlowWatcher, slowWatcher } from '../../src/testing/index.ts';
import { HubDoor } from '../support/hub-door.ts';
import { until } from '../support/poll.ts';

const transports = ['websocket', 'sse'] as const;
const numbers = ({ events }: SlowWatcher) => events.map(({ data }) => (data as { readonly n: number }).n);
const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);

describe('1: closed and terminated in one step, so that the peer sees 1006 (OpenClaw #146419)', () => {
  test('who reads, and is sent away for its silence, gets the code and the reason', async () => {
    await using door = await HubDoor.open();
    await using silent = await slowWatcher({ url: door.url, how: 'never-ponging' });
    door.publish('a', 1);
    expect(await silent.ended).toEqual({
      code: 4408,
      reason: expect.stringMatching(/^slow: silent for \d+ ms$/),
    });
    expect(silent.controls.at(-1)).toMatchObject({ type: 'bye', code: 4408, retryMs: 0 });
    expect(silent.events).toHaveLength(1);
  });

  test.each(transports)(
    'who reads slowly over %s gets them too, within the second there is',
    async (transport) => {
      await using door = await HubDoor.open({
        limits: {
          unsent: { warnMs: 50, actMs: 100 },
          silent: { warnMs: 60_000, actMs: 60_000 },
          keepaliveMs: 20_000,
        },
      });
      await using slow = await slowWatcher({ url: door.url, transport, how: 'stalled' });
      door.flood();
      await until(() => [...door.hub.subscribers].every(({ position }) => position === 'leaving'), {
        ...{ timeoutMs: 5000, what: 'it to be sent away' },
      });
      slow.behave('well');
      expect(await slow.ended).toEqual({ code: 4408, reason: expect.stringMatching(/^slow: unsent for/) });
      expect(numbers(slow)).toEqual(upTo(slow.events.length));
    },
  );
});

describe('2: told behind what it does not read: it never learns, and its end never comes (Qwen Code #11467)', () => {
  test.each(transports)(
    'a stalled watcher over %s is gone in a second, and told when it is back',
    async (transport) => {
      await using door = await HubDoor.open();
      await using stuck = await slowWatcher({ url: door.url, transport, client: 'stuck' });
      const count = door.flood();
      await door.count(0, 3000);
      stuck.behave('well');
      await stuck.ended;
      expect(numbers(stuck)).toEqual(upTo(stuck.events.length));
      const { lastId: since = 'e1.0' } = stuck;
      await using back = await slowWatcher({ url: door.url, transport, client: 'stuck', since, how: 'well' });
      expect(back.control('welcome')).toMatchObject({ recovered: true, evicted: { reason: 'unsent' } });
      await until(() => stuck.events.length + back.events.length === count, {
        ...{ timeoutMs: 5000, what: 'the rest' },
      });
      expect([...numbers(stuck), ...numbers(back)]).toEqual(upTo(count));
    },
  );
});

describe('7: a pump waits for the drain of a connection that is gone, for ever (fastagent #37)', () => {
  test.each(transports)('a reset while it is stalled, over %s, leaves nobody', async (transport) => {
    await using door = await HubDoor.open();
    await using stuck = await slowWatcher({ url: door.url, transport });
    door.flood();
    await until(() => [...door.hub.subscribers].some(({ position }) => position === 'blocked'), {
      ...{ timeoutMs: 2000, what: 'it to be stalled' },
    });
    stuck.reset();
    await door.count(0, 250);
    expect(door.hub.measures.evictions).toEqual({ unsent: 0, silent: 0 });
  });
});

describe('8 and 10: a socket that said "no more" has taken it, and is not full for ever', () => {
  test.each(transports)('who stalls again and again over %s has each event once', async (transport) => {
    await using door = await HubDoor.open({
      limits: {
        unsent: { warnMs: 60_000, actMs: 60_000 },
        silent: { warnMs: 60_000, actMs: 60_000 },
        keepaliveMs: 20_000,
      },
    });
    await using watcher = await slowWatcher({ url: door.url, transport, how: 'well' });
    const counts: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      watcher.behave('stalled');
      await until(
        () => {
          counts.push(door.flood(2 * 1024 * 1024));
          return [...door.hub.subscribers].some(({ position }) => position === 'blocked');
        },
        { timeoutMs: 5000, what: 'it to be stalled' },
      );
      watcher.behave('well');
      const sum = counts.reduce((all, count) => all + count, 0);
      await until(() => watcher.events.length === sum, { timeoutMs: 5000, what: `${sum} events` });
    }
    expect(numbers(watcher)).toEqual(counts.flatMap(upTo));
  });
});
