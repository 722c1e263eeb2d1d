import { readFile, rename } from 'node:fs/promises';
import { createServer, request, type Server } from 'node:http';
import { createServer as createNetServer } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { listen } from '../../../src/llama-server/listen.ts';
import { testFolder } from '../../support/folder.ts';

/** Answers 200 to everything, and is gone at the end of the test. */
function server(): Server & AsyncDisposable {
  const made = createServer((_, response) => response.end('here'));
  return Object.assign(made, {
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => made.close(() => resolve())),
  });
}

const statusAt = (socketPath: string) =>
  new Promise((resolve, reject) => {
    request({ socketPath, path: '/', agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on('error', reject)
      .end();
  });

test('a UNIX socket is opened, and gone with the listener', async () => {
  await using folder = await testFolder();
  const path = join(folder.path, 'm.sock');
  {
    await using http = server();
    expect(await listen(http, { kind: 'socket', path })).toBe(`unix:${path}`);
    expect(await statusAt(path)).toBe(200);
  }
  await expect(statusAt(path)).rejects.toMatchObject({ code: 'ENOENT' });
});

test('a socket that nobody listens on any more is replaced', async () => {
  await using folder = await testFolder();
  const path = join(folder.path, 'm.sock');
  const before = createNetServer();
  await new Promise<void>((resolve) => before.listen(`${path}.old`, resolve));
  // Renamed, so that its end does not remove it: as a killed process leaves it.
  await rename(`${path}.old`, path);
  await new Promise((resolve) => before.close(resolve));
  await using http = server();
  await listen(http, { kind: 'socket', path });
  expect(await statusAt(path)).toBe(200);
});

test('a socket on which somebody listens is left to them', async () => {
  await using folder = await testFolder();
  const path = join(folder.path, 'm.sock');
  await using first = server();
  await listen(first, { kind: 'socket', path });
  await using second = server();
  await expect(listen(second, { kind: 'socket', path })).rejects.toMatchObject({
    code: 'listen_failed',
    message: `cannot listen on ${path}: somebody listens there`,
  });
  second.listen(0);
  expect(await statusAt(path)).toBe(200);
});

test('a file that is no socket is left alone', async () => {
  await using folder = await testFolder();
  const path = await folder.write('m.sock', 'precious');
  await using http = server();
  await expect(listen(http, { kind: 'socket', path })).rejects.toMatchObject({ code: 'listen_failed' });
  expect(await readFile(path, 'utf8')).toBe('precious');
  http.listen(0);
});

test('a port that is taken is an error that names it', async () => {
  await using first = server();
  const url = await listen(first, { kind: 'tcp', host: '127.0.0.1', port: 0 });
  const port = Number(new URL(url).port);
  await using second = server();
  await expect(listen(second, { kind: 'tcp', host: '127.0.0.1', port })).rejects.toThrow(
    `cannot listen on 127.0.0.1:${port}: listen EADDRINUSE`,
  );
  second.listen(0);
});
