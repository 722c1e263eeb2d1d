// The door alone, with real sockets.
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { Door } from '../../../src/gateway/door.ts';
import { GreenroomError } from '../../../src/lifecycle/errors.ts';
import { until } from '../../support/poll.ts';
import { RawSocket } from '../../support/raw-socket.ts';

async function openDoor(): Promise<Door & AsyncDisposable> {
  const door = new Door();
  await door.listen({ host: '127.0.0.1', port: 0 });
  return Object.assign(door, { [Symbol.asyncDispose]: () => door.close() });
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
      await using raw = await RawSocket.dial(door.url);
      raw.write('GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
      await until(() => door.connections >= 3, { timeoutMs: 2000, what: 'the early upgrade' });
      door.attach(answering);
      await until(() => raw.text.includes('upgraded /ws'), { timeoutMs: 2000, what: 'the answer' });
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
  await door.stopAccepting();
  const response = await parked;
  expect(response.status).toBe(503);
  expect(await response.json()).toMatchObject({ error: { code: 'server_shutdown' } });
  await door.close();
});

test('a reset in the middle of an upgrade is nobody else’s business', async () => {
  await using door = await openDoor();
  await using raw = await RawSocket.dial(door.url);
  raw.write('GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  await until(() => door.connections === 1, { timeoutMs: 2000, what: 'the connection' });
  raw.socket.resetAndDestroy();
  await until(() => door.connections === 0, { timeoutMs: 2000, what: 'the connection to be gone' });
  door.attach(answering);
  expect(await (await fetch(`${door.url}/after`)).text()).toBe('answer to /after');
});

test('a busy address is an error that names who has it, and says what to do', async () => {
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
  const { port } = holder.address() as AddressInfo;
  const failure = await new Door().listen({ host: '127.0.0.1', port }).catch((error: unknown) => error);
  holder.close();
  expect(failure).toBeInstanceOf(GreenroomError);
  expect((failure as GreenroomError).code).toBe('listen_failed');
  expect((failure as GreenroomError).message).toContain(`127.0.0.1:${port}`);
  if (process.platform === 'linux')
    expect((failure as GreenroomError).message).toMatch(
      new RegExp(`: pid ${process.pid} \\(.*\\), user .*; stop it, or choose another address with --listen$`),
    );
});

test('what is no HTTP, and headers over the limit, get a coded error and the door lives', async () => {
  await using door = await openDoor();
  door.attach(answering);
  await using garbage = await RawSocket.dial(door.url);
  garbage.write('\u0000\u0001 nonsense\r\n\r\n');
  await until(() => garbage.text.includes('invalid_request'), { timeoutMs: 2000, what: 'the refusal' });
  await using wordy = await RawSocket.dial(door.url);
  wordy.write(`GET / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`);
  await until(() => wordy.text.includes('HTTP/1.1 431'), { timeoutMs: 2000, what: 'the refusal' });
  expect(await (await fetch(`${door.url}/fine`)).text()).toBe('answer to /fine');
});

test('stopAccepting refuses new connections, lets those there finish, and close ends the rest; twice is once', async () => {
  const door = await openDoor();
  const pending: (() => void)[] = [];
  door.attach({ ...answering, request: (_, response) => void pending.push(() => response.end('late')) });
  const slow = fetch(`${door.url}/slow`);
  await using idle = await RawSocket.dial(door.url);
  await until(() => pending.length === 1, { timeoutMs: 2000, what: 'the slow request' });
  await Promise.all([door.stopAccepting(), door.stopAccepting()]);
  await expect(fetch(`${door.url}/new`)).rejects.toThrow();
  pending[0]?.();
  expect(await (await slow).text()).toBe('late');
  await Promise.all([door.close(), door.close()]);
  await until(() => idle.state === 'closed', { timeoutMs: 2000, what: 'the idle connection to end' });
  expect(door.connections).toBe(0);
});

const get = 'GET /early HTTP/1.1\r\nHost: x\r\n\r\n';

test('what waits is bounded: who comes after is asked to come again, and who leaves makes room', async () => {
  await using door = await openDoor();
  await using crowd = await RawSocket.dial(door.url);
  crowd.write(get.repeat(1000));
  await using late = await RawSocket.dial(door.url);
  await until(() => door.parked === 1000, { timeoutMs: 5000, what: 'the crowd' });
  late.write(get);
  const { status, headers, body } = await late.answer();
  expect([status, headers['retry-after'], JSON.parse(body).error.code]).toEqual([
    503,
    '1',
    'server_starting',
  ]);
  crowd.socket.destroy();
  await until(() => door.parked === 0, { timeoutMs: 5000, what: 'the crowd to be forgotten' });
  await using next = await RawSocket.dial(door.url);
  next.write(get);
  await until(() => door.parked === 1, { timeoutMs: 5000, what: 'the next' });
  door.attach(answering);
  expect((await next.answer()).body).toContain('answer to /early');
});

test('a request that comes while the door closes and nobody answers yet is told so', async () => {
  await using door = await openDoor();
  await using raw = await RawSocket.dial(door.url);
  await until(() => door.connections === 1, { timeoutMs: 2000, what: 'the connection' });
  await door.stopAccepting();
  raw.write(get);
  expect(await raw.answer()).toMatchObject({ status: 503, headers: { connection: 'close' } });
});
