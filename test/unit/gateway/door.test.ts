// The door alone, with real sockets.
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { Door } from '../../../src/gateway/door.ts';
import { GreenroomError } from '../../../src/lifecycle/errors.ts';
import { until } from '../../support/poll.ts';

async function openDoor(): Promise<Door & AsyncDisposable> {
  const door = new Door();
  await door.listen({ host: '127.0.0.1', port: 0 });
  return Object.assign(door, { [Symbol.asyncDispose]: () => door.close() });
}

/** A raw connection and all it has been told. */
async function dial(
  door: Door,
): Promise<{ readonly socket: Socket; text: () => string; ended: () => boolean }> {
  let text = '';
  let ended = false;
  const socket = connect(door.address.port, '127.0.0.1');
  socket.on('data', (chunk) => {
    text += chunk;
  });
  socket.on('error', () => undefined);
  socket.on('close', () => {
    ended = true;
  });
  await new Promise((resolve) => socket.once('connect', resolve));
  return { socket, text: () => text, ended: () => ended };
}

const answering = {
  request: (request: IncomingMessage, response: { end: (text: string) => unknown }) =>
    void response.end(`answer to ${request.url}`),
  upgrade: (request: IncomingMessage, socket: { end: (text: string) => unknown }) =>
    void socket.end(`HTTP/1.1 101 ok\r\n\r\nupgraded ${request.url}`),
};

test('requests and upgrades that come before anybody can answer are parked and answered in order', async () => {
  await using door = await openDoor();
  const early = await Promise.all([
    fetch(`${door.url}/one`),
    fetch(`${door.url}/two`),
    (async () => {
      await until(() => door.connections >= 2, { timeoutMs: 2000, what: 'the early callers' });
      const raw = await dial(door);
      raw.socket.write('GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
      await until(() => door.connections >= 3, { timeoutMs: 2000, what: 'the early upgrade' });
      door.attach(answering);
      await until(() => raw.text().includes('upgraded /ws'), { timeoutMs: 2000, what: 'the answer' });
      return undefined;
    })(),
  ]);
  expect(await early[0].text()).toBe('answer to /one');
  expect(await early[1].text()).toBe('answer to /two');
});

test('a door that closes before anybody answered says so to those who are parked', async () => {
  const door = await openDoor();
  const parked = fetch(`${door.url}/early`);
  await until(() => door.parked === 1, { timeoutMs: 2000, what: 'the early caller' });
  door.stopAccepting();
  const response = await parked;
  expect(response.status).toBe(503);
  expect(await response.json()).toMatchObject({ error: { code: 'server_shutdown' } });
  await door.close();
});

test('a reset in the middle of an upgrade is nobody else’s business', async () => {
  await using door = await openDoor();
  const raw = await dial(door);
  raw.socket.write('GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  await until(() => door.connections === 1, { timeoutMs: 2000, what: 'the connection' });
  raw.socket.resetAndDestroy();
  await until(() => door.connections === 0, { timeoutMs: 2000, what: 'the connection to be gone' });
  door.attach(answering);
  expect(await (await fetch(`${door.url}/after`)).text()).toBe('answer to /after');
});

test('a busy address is an error that says what to do', async () => {
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
  const { port } = holder.address() as AddressInfo;
  const failure = await new Door().listen({ host: '127.0.0.1', port }).catch((error: unknown) => error);
  holder.close();
  expect(failure).toBeInstanceOf(GreenroomError);
  expect((failure as GreenroomError).code).toBe('listen_failed');
  expect((failure as GreenroomError).message).toContain(`127.0.0.1:${port}`);
  expect((failure as GreenroomError).message).toContain('lsof');
});

test('what is no HTTP, and headers over the limit, get a coded error and the door lives', async () => {
  await using door = await openDoor();
  door.attach(answering);
  const garbage = await dial(door);
  garbage.socket.write('\u0000\u0001 nonsense\r\n\r\n');
  await until(() => garbage.text().includes('invalid_request'), { timeoutMs: 2000, what: 'the refusal' });
  const wordy = await dial(door);
  wordy.socket.write(`GET / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`);
  await until(() => wordy.text().includes('HTTP/1.1 431'), { timeoutMs: 2000, what: 'the refusal' });
  expect(await (await fetch(`${door.url}/fine`)).text()).toBe('answer to /fine');
});

test('stopAccepting refuses new connections, lets those there finish, and close ends the rest; twice is once', async () => {
  const door = await openDoor();
  const pending: (() => void)[] = [];
  door.attach({ ...answering, request: (_, response) => void pending.push(() => response.end('late')) });
  const slow = fetch(`${door.url}/slow`);
  const idle = await dial(door);
  await until(() => pending.length === 1, { timeoutMs: 2000, what: 'the slow request' });
  door.stopAccepting();
  door.stopAccepting();
  await expect(fetch(`${door.url}/new`)).rejects.toThrow();
  pending[0]?.();
  expect(await (await slow).text()).toBe('late');
  await Promise.all([door.close(), door.close()]);
  await until(() => idle.ended(), { timeoutMs: 2000, what: 'the idle connection to end' });
  expect(door.connections).toBe(0);
});
