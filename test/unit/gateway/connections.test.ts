// Whom the door owes something, in virtual time.
import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { Connections } from '../../../src/gateway/connections.ts';
import { Deadline } from '../../../src/lifecycle/deadline.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';

function world() {
  const clock = new VirtualClock();
  const connections = new Connections(clock);
  return {
    clock,
    connections,
    connect() {
      const socket = new EventEmitter() as Socket;
      connections.add(socket);
      return socket;
    },
    ask(socket: Socket) {
      const response = new EventEmitter() as ServerResponse;
      connections.heard(socket, response);
      return () => response.emit('close');
    },
    /** When it becomes quiet, in ms from now; time moves on by 1000. */
    async quietAfter(deadlineMs = 500, meanwhile: () => void = () => undefined, atMs = 0) {
      const fromMs = clock.now();
      const deadline = new Deadline(clock, deadlineMs);
      let quietMs: number | undefined;
      void connections.quiet(deadline).then(() => {
        quietMs = clock.now() - fromMs;
      });
      await clock.advance(atMs);
      meanwhile();
      await clock.advance(1000 - atMs);
      deadline.dispose();
      expect(clock.pending).toBe(0);
      return quietMs;
    },
  };
}

test('with nobody there it is quiet at once', async () => {
  expect(await world().quietAfter()).toBe(0);
});

test('who has just come has a moment to ask; who has not asked for long is not waited for', async () => {
  const it = world();
  it.connect();
  await it.clock.advance(40);
  expect(await it.quietAfter()).toBe(60);
  expect(await it.quietAfter()).toBe(0);
});

test('who has asked is waited for until the answer has ended', async () => {
  const it = world();
  const socket = it.connect();
  const first = it.ask(socket);
  const second = it.ask(socket);
  first();
  expect(await it.quietAfter(500, second, 30)).toBe(30);
});

test('a newcomer who asks is waited for like any other', async () => {
  const it = world();
  const socket = it.connect();
  expect(await it.quietAfter(500, () => it.ask(socket), 30)).toBe(500);
});

test('who has left is owed nothing', async () => {
  const it = world();
  const socket = it.connect();
  it.ask(socket);
  expect(await it.quietAfter(500, () => socket.emit('close'), 30)).toBe(30);
  expect(it.connections.count).toBe(0);
});

test('an upgraded connection is owed no answer', async () => {
  const it = world();
  it.connections.heard(it.connect());
  expect(await it.quietAfter()).toBe(0);
});

test('the deadline ends the waiting', async () => {
  const it = world();
  it.ask(it.connect());
  expect(await it.quietAfter(200)).toBe(200);
});
