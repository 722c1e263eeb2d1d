// What the tests of streams have in common.
import { expect } from 'vitest';
import { WebSocket as WsWebSocket } from 'ws';
import { type EventsOptions, GreenroomError, type HubStream } from '../../../../src/client/index.ts';
import { until } from '../../../support/poll.ts';
import type { FakeHub } from './fake-hub.ts';

export const soon = { timeoutMs: 3000 };
const reconnect = { firstMs: 10, maxMs: 20 };
export const kinds: [string, EventsOptions][] = [
  ['the global WebSocket', { reconnect }],
  ['ws', { reconnect, WebSocket: WsWebSocket as never }],
  ['server-sent events', { reconnect, transport: 'sse' }],
];

export async function take(stream: HubStream, count: number): Promise<string[]> {
  const ids: string[] = [];
  while (ids.length < count) {
    const { value, done } = await stream.next();
    if (done) break;
    ids.push(value.id);
  }
  return ids;
}

export const failureOf = async (promise: Promise<unknown>): Promise<GreenroomError> => {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(GreenroomError);
  return error as GreenroomError;
};

export const watched = (hub: FakeHub, count: number) =>
  until(() => hub.watchers.length >= count && hub.watchers[count - 1], {
    ...soon,
    what: `${count} watchers`,
  });
