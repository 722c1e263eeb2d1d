import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import type { ListenAddress, Ownership } from '../../../../src/engines/process/ownership.ts';
import { takePlace } from '../../../../src/engines/process/place.ts';
import { systemClock } from '../../../../src/lifecycle/clock.ts';

const host = '127.0.0.1';

function look(found: Ownership, asked: ListenAddress[] = []) {
  const ask = (address: ListenAddress) => {
    asked.push(address);
    return Promise.resolve(found);
  };
  return { ask, family: { pgid: null, marker: 'm' }, clock: systemClock };
}

async function takenPort() {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as { port: number };
  return { port, [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())) };
}

describe('a place', () => {
  test('is a port, or a socket', async () => {
    const unknown = look({ state: 'unknown', why: 'x' });
    const port = await takePlace({ host, port: 'auto', socket: undefined }, 'mine', unknown);
    expect(port).toMatchObject({ choice: 'chosen', endpoint: { host, port: port.port, socketPath: null } });
    expect(port.address).toEqual({ host, port: port.port });
    await port.release();
    const socket = await takePlace({ host, port: 'auto', socket: 'auto' }, 'mine', unknown);
    expect(socket).toMatchObject({ port: null, choice: 'chosen' });
    expect(socket.address).toEqual({ socketPath: socket.endpoint.socketPath });
    await socket.release();
  });

  test('that a stranger has is refused, and the stranger named where that can be known', async () => {
    await using taken = await takenPort();
    const wanted = { host, port: taken.port, socket: undefined };
    const asked: ListenAddress[] = [];
    const stranger = look({ state: 'stranger', holder: 'python3 serve.py (pid 12)' }, asked);
    await expect(takePlace(wanted, 'mine', stranger)).rejects.toMatchObject({
      code: 'engine_port_taken',
      message: `engine mine: port ${host}:${taken.port} is held by python3 serve.py (pid 12); end it, or use \`port: auto\``,
    });
    expect(asked).toEqual([{ host, port: taken.port }]);
    const unknown = look({ state: 'unknown', why: 'x' });
    await expect(takePlace(wanted, 'mine', unknown)).rejects.toThrow('something else listens there');
  });

  test('that cannot be had for another reason is not looked into', async () => {
    const asked: ListenAddress[] = [];
    const stranger = look({ state: 'stranger', holder: 'x' }, asked);
    const wanted = { host: '203.0.113.7', port: 8080, socket: undefined };
    await expect(takePlace(wanted, 'mine', stranger)).rejects.toMatchObject({ code: 'engine_port_taken' });
    expect(asked).toEqual([]);
  });
});
