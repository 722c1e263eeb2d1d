// Whose the answering socket is: engines that listen themselves, through children, from groups of their own; impostors.
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ownership, ownershipTold } from '../../../../src/engines/host/ownership.ts';
import { testFolder } from '../../../support/folder.ts';
import { until } from '../../../support/poll.ts';
import { listening } from './listening.ts';

const v4 = { host: '127.0.0.1', port: 0 };
const host = '127.0.0.1';
const isRoot = process.getuid?.() === 0;

describe('an engine owns what it answers on', () => {
  test.each([
    ['when it listens itself', undefined],
    ['when its child does', '"$0" "$1"; true'],
    [
      'when a grandchild does that has left its group, with its marker',
      '(setsid "$0" "$1" &) ; exec sleep 1000',
    ],
    [
      'when a child does that has left its group without its marker',
      'env -u GREENROOM_INSTANCE setsid "$0" "$1" & wait',
    ],
  ])('%s, asked once or many times', async (_, script) => {
    await using engine = await listening([v4], script === undefined ? {} : { script });
    const address = { host, port: engine.port };
    for (let count = 0; count < 3; count += 1)
      expect(await ownership(address, engine)).toEqual({ state: 'owned' });
  });

  test('when several of its processes share the port', async () => {
    await using engine = await listening([{ host, port: 0, reusePort: true }]);
    const on = [{ host, port: engine.port, reusePort: true }];
    await using child = await listening(on, { env: { GREENROOM_INSTANCE: engine.marker } });
    expect(child.pgid).not.toBe(engine.pgid);
    expect(await ownership({ host, port: engine.port }, engine)).toEqual({ state: 'owned' });
  });

  test('when it is a UNIX socket', async () => {
    await using folder = await testFolder();
    const socketPath = join(folder.path, 'x.sock');
    await using engine = await listening([{ path: socketPath }]);
    expect(await ownership({ socketPath }, engine)).toEqual({ state: 'owned' });
    await rm(socketPath);
    await using impostor = await listening([{ path: socketPath }]);
    // Which of the two has the path now no table tells.
    expect(await ownership({ socketPath }, engine)).toMatchObject({ state: 'unknown' });
    expect(await ownership({ socketPath }, { pgid: 4_194_304, marker: 'nobody' })).toMatchObject({
      state: 'stranger',
    });
    expect(impostor.pid).not.toBe(engine.pid);
  });
});

describe('an engine does not own', () => {
  test('what an impostor answers on, who is named', async () => {
    await using engine = await listening([v4]);
    await using impostor = await listening([v4]);
    expect(await ownership({ host, port: impostor.port }, engine)).toMatchObject({
      state: 'stranger',
      holder: { state: 'visible', pid: impostor.pid, mark: { state: 'marked', marker: impostor.marker } },
    });
  });

  test('what a stranger answers on, told in words; nor has it a group before there is one', async () => {
    await using impostor = await listening([v4]);
    const address = { host, port: impostor.port };
    const whose = () => ({ state: 'live', engine: 'ears' }) as const;
    expect(await ownershipTold(address, { pgid: null, marker: 'mine' }, whose)).toEqual({
      state: 'stranger',
      holder: expect.stringMatching(new RegExp(`^pid ${impostor.pid} \\(.*; engine ears of this gateway$`)),
    });
    expect(await ownershipTold(address, { ...impostor, pgid: null })).toEqual({ state: 'owned' });
  });

  test('127.0.0.1 when it listens on IPv6 alone and somebody else is there', async () => {
    await using impostor = await listening([v4]);
    const { port } = impostor;
    await using engine = await listening([{ host: '::', port, ipv6Only: true }]);
    expect(await ownership({ host, port }, engine)).toMatchObject({
      state: 'stranger',
      holder: { pid: impostor.pid },
    });
    expect(await ownership({ host: '::1', port }, engine)).toEqual({ state: 'owned' });
  });

  test('a port that it shares with a stranger', async () => {
    await using engine = await listening([{ host, port: 0, reusePort: true }]);
    const { port } = engine;
    await using impostor = await listening([{ host, port, reusePort: true }]);
    expect(await ownership({ host, port }, engine)).toMatchObject({
      state: 'stranger',
      holder: { pid: impostor.pid },
    });
  });

  test('what it no longer listens on, although it did when it was asked before', async () => {
    const family = await (async () => {
      await using engine = await listening([v4]);
      expect(await ownership({ host, port: engine.port }, engine)).toEqual({ state: 'owned' });
      return { pgid: engine.pgid, marker: engine.marker, port: engine.port };
    })();
    expect(await ownership({ host, port: family.port }, family)).toEqual({ state: 'nobody' });
    await using next = await listening([{ host, port: family.port }]);
    expect(await ownership({ host, port: family.port }, family)).toMatchObject({
      state: 'stranger',
      holder: { pid: next.pid },
    });
  });

  test('what nobody answers on', async () => {
    expect(await ownership({ host, port: 1 }, { pgid: process.pid, marker: 'a' })).toEqual({
      state: 'nobody',
    });
  });
});

test('it cannot be told of a name that means nothing', async () => {
  expect(await ownership({ host: 'no-such-host.invalid', port: 1 }, { pgid: 1, marker: 'a' })).toEqual({
    state: 'unknown',
    why: expect.stringMatching(/no-such-host/),
  });
});

test.skipIf(!isRoot)('it cannot be told of an engine that runs as another user', async () => {
  // Seen by a user who may not look into the engine that it has started as another.
  const { execFile } = await import('node:child_process');
  const { promisify } = await import('node:util');
  await using engine = await listening([v4]);
  const module = new URL('../../../../src/engines/host/ownership.ts', import.meta.url).pathname;
  const script = `
    const { ownership } = await import(process.argv[1]);
    const [, , port, pgid, marker] = process.argv;
    const address = { host: '127.0.0.1', port: Number(port) };
    console.log(JSON.stringify([
      await ownership(address, { pgid: Number(pgid), marker }),
      await ownership(address, { pgid: 4194304, marker: 'nobody' }),
    ]));
  `;
  const args = ['--input-type=module', '-e', script, module, String(engine.port), String(engine.pgid), 'm'];
  const as = { uid: 65_534, gid: 65_534 };
  const { stdout } = await promisify(execFile)(process.execPath, args, as);
  expect(JSON.parse(stdout)).toEqual([
    {
      state: 'unknown',
      why: `process ${engine.pid} of it runs as another user and cannot be looked into`,
    },
    { state: 'stranger', holder: { state: 'hidden', uid: 0, user: 'root', why: 'other_user' } },
  ]);
});

test('many sockets do not hold the loop, and are no reason not to find the one', async () => {
  await using engine = await listening([v4]);
  const { port } = engine;
  const sockets = Array.from({ length: 500 }, () => connect({ host, port }));
  try {
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    expect(await ownership({ host, port }, engine)).toEqual({ state: 'owned' });
    expect(await ownership({ host, port }, { pgid: 4_194_304, marker: 'a' })).toMatchObject({
      state: 'stranger',
      holder: { pid: engine.pid },
    });
  } finally {
    for (const socket of sockets) socket.destroy();
    await until(() => sockets.every(({ closed }) => closed), { timeoutMs: 2000, what: 'no connection' });
  }
});
