// `slowWatcher` of `greenroom/testing`: each way in which it misbehaves, over both transports.
import { expect, test } from 'vitest';
import { slowWatcher } from '../../src/testing/index.ts';
import { HubDoor } from '../support/hub-door.ts';
import { until } from '../support/poll.ts';

const transports = ['websocket', 'sse'] as const;
const timeoutMs = 5000;

test.each(transports)('well and stalled, over %s: reading on gives what has waited', async (transport) => {
  await using door = await HubDoor.open();
  await using well = await slowWatcher({ url: door.url, transport, how: 'well', client: 'me' });
  await using stalled = await slowWatcher({ url: door.url, transport });
  for (let n = 0; n < 50; n += 1) door.publish('a', n);
  await until(() => well.events.length === 50, { timeoutMs, what: 'the events' });
  expect(stalled.events).toEqual([]);
  expect([well.client, well.lastId, well.closed]).toEqual(['me', 'e1.50', undefined]);
  expect(well.events[0]).toMatchObject({ topic: 'a', data: 0, atMs: expect.any(Number) });
  stalled.behave('well');
  await until(() => stalled.events.length === 50, { timeoutMs, what: 'what has waited' });
});

test.each(transports)('so many bytes a second over %s', async (transport) => {
  await using door = await HubDoor.open();
  const began = performance.now();
  await using slow = await slowWatcher({ url: door.url, transport, how: { bytesPerSecond: 10_000 } });
  for (let n = 0; n < 50; n += 1) door.publish('a', 'x'.repeat(100));
  await until(() => slow.events.length === 50, { timeoutMs, what: 'the events' });
  const bytes = slow.messages.reduce((sum, { text }) => sum + text.length, 0);
  expect(performance.now() - began).toBeGreaterThan((bytes / 10_000) * 1000 - 300);
});

test.each(transports)('vanishing over %s: a reset at the first event', async (transport) => {
  await using door = await HubDoor.open();
  await using gone = await slowWatcher({ url: door.url, transport, how: 'vanishing' });
  door.publish('a', 1);
  expect(await gone.ended).toEqual({ code: 1006, reason: '' });
  await door.count(0);
});

test('who answers no ping reads all the same', async () => {
  await using door = await HubDoor.open();
  await using silent = await slowWatcher({ url: door.url, how: 'never-ponging' });
  door.publish('a', 1);
  await until(() => silent.pings.length === 1 && silent.events.length === 1, { timeoutMs, what: 'the ping' });
  expect([...door.hub.subscribers][0]?.probing.rttMs).toBeNull();
});

test('who is not let in, or finds nobody, says why', async () => {
  await expect(slowWatcher({ url: 'http://127.0.0.1:1' })).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});
