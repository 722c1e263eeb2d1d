import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { takePlace } from '../../../../src/engines/process/place.ts';
import { systemClock } from '../../../../src/lifecycle/clock.ts';

const host = '127.0.0.1';

const look = { journal: undefined, clock: systemClock };

async function takenPort() {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as { port: number };
  return { port, [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())) };
}

describe('a place', () => {
  test('is a port, or a socket', async () => {
    const port = await takePlace({ host, port: 'auto', socket: undefined }, 'mine', look);
    expect(port).toMatchObject({ choice: 'chosen', endpoint: { host, port: port.port, socketPath: null } });
    expect(port.address).toEqual({ host, port: port.port });
    await port.release();
    const socket = await takePlace({ host, port: 'auto', socket: 'auto' }, 'mine', look);
    expect(socket).toMatchObject({ port: null, choice: 'chosen' });
    expect(socket.address).toEqual({ socketPath: socket.endpoint.socketPath });
    await socket.release();
  });

  test('that a stranger has is refused, and the stranger named', async () => {
    await using taken = await takenPort();
    const wanted = { host, port: taken.port, socket: undefined };
    await expect(takePlace(wanted, 'mine', look)).rejects.toMatchObject({
      code: 'engine_port_taken',
      message: expect.stringMatching(
        new RegExp(`^engine mine: port ${host}:${taken.port} is taken: .*pid ${process.pid} \\(`),
      ),
    });
  });

  test('that cannot be had for another reason is refused for that', async () => {
    const wanted = { host: '203.0.113.7', port: 8080, socket: undefined };
    await expect(takePlace(wanted, 'mine', look)).rejects.toMatchObject({ code: 'engine_port_taken' });
  });
});
