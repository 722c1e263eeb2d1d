import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import { describe, expect, test } from 'vitest';
import type { Left } from '../../../../src/engines/journal.ts';
import { reservePort } from '../../../../src/engines/process/ports.ts';

const host = '127.0.0.1';

async function listen(port: number): Promise<AsyncDisposable & { readonly server: Server }> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, resolve);
  });
  return {
    server,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

describe('an automatic port', () => {
  test('lies below the range of outgoing connections, and can be bound', async () => {
    const reservation = await reservePort(host, 'auto', 'mine');
    expect(reservation.port).toBeGreaterThanOrEqual(20_000);
    expect(reservation.port).toBeLessThan(32_768);
    await using _ = await listen(reservation.port);
    reservation.release();
  });

  test('is given once, also to many who ask at the same time', async () => {
    const reservations = await Promise.all(
      Array.from({ length: 100 }, (_, at) => reservePort(host, 'auto', `engine ${at}`)),
    );
    expect(new Set(reservations.map(({ port }) => port)).size).toBe(100);
    for (const reservation of reservations) reservation.release();
  });

  test('on an address that is not ours is refused at once, with the reason', async () => {
    await expect(reservePort('203.0.113.7', 'auto', 'mine')).rejects.toMatchObject({
      code: 'engine_port_taken',
      message: expect.stringMatching(/^engine mine: cannot listen on 203.0.113.7: .*EADDRNOTAVAIL/),
    });
  });
});

describe('a fixed port', () => {
  test('that is free is reserved until it is released', async () => {
    const first = await reservePort(host, 'auto', 'first');
    const { port } = first;
    const taken = {
      code: 'engine_port_taken',
      message: `engine second: port ${host}:${port}: another engine of this gateway has it; give one of them another`,
    };
    await expect(reservePort(host, port, 'second')).rejects.toMatchObject(taken);
    first.release();
    (await reservePort(host, port, 'second')).release();
  });

  test('wanted by two at the same time is given to one', async () => {
    const free = await reservePort(host, 'auto', 'scout');
    free.release();
    const both = await Promise.allSettled([
      reservePort(host, free.port, 'first'),
      reservePort(host, free.port, 'second'),
    ]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    for (const result of both) if (result.status === 'fulfilled') result.value.release();
  });

  test('that something else holds is told with who it is, and the next step', async () => {
    const free = await reservePort(host, 'auto', 'scout');
    free.release();
    await using _ = await listen(free.port);
    await expect(reservePort(host, free.port, 'mine')).rejects.toMatchObject({
      code: 'engine_port_taken',
      message: expect.stringMatching(
        new RegExp(
          `^engine mine: port ${host}:${free.port} is taken: pid ${process.pid} \\(.*\\), user \\S+, up .*; ` +
            'this gateway itself; end it, or use another port, or `port: auto`$',
        ),
      ),
      details: {
        ...{ engine: 'mine', host, port: free.port },
        holders: [
          {
            pid: process.pid,
            command: expect.any(String),
            user: expect.any(String),
            ageMs: expect.any(Number),
          },
        ],
      },
    });
    // A refusal holds nothing.
    await expect(reservePort(host, free.port, 'mine')).rejects.toThrow('is taken: pid');
  });

  test('that a connection has is told so', async () => {
    await using somewhere = await listen(0);
    const { port } = somewhere.server.address() as { port: number };
    const socket = connect({ host, port });
    await once(socket, 'connect');
    try {
      const local = socket.localPort ?? 0;
      await expect(reservePort(host, local, 'mine')).rejects.toThrow(
        `engine mine: port ${host}:${local} is taken: a connection has it, of pid ${process.pid} (`,
      );
    } finally {
      socket.destroy();
      await once(socket, 'close');
    }
  });

  test('that is about to be free is waited for', async () => {
    const free = await reservePort(host, 'auto', 'scout');
    free.release();
    const holder = await listen(free.port);
    const left: Left = {
      whose: () => ({ state: 'earlier' }),
      isLeft: () => true,
      // It says so before it is so.
      reap: async () => {
        setImmediate(() => void holder[Symbol.asyncDispose]());
        return 'gone';
      },
    };
    (await reservePort(host, free.port, 'mine', left)).release();
  });

  test('that somebody holds who was left behind, but does not go, is told', async () => {
    const free = await reservePort(host, 'auto', 'scout');
    free.release();
    await using _ = await listen(free.port);
    const left: Left = { whose: () => ({ state: 'earlier' }), isLeft: () => true, reap: async () => 'there' };
    await expect(reservePort(host, free.port, 'mine', left)).rejects.toThrow(`is taken: pid ${process.pid}`);
  });
});
