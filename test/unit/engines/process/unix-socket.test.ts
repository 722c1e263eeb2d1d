import { spawn } from 'node:child_process';
import { mkdir, readdir, stat, symlink } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { takeSocket } from '../../../../src/engines/process/unix-socket.ts';
import { systemClock } from '../../../../src/lifecycle/clock.ts';
import { testFolder } from '../../../support/folder.ts';

const take = (wanted: string) => takeSocket(wanted, 'mine', systemClock);

function listening(path: string): Promise<Server> {
  const server = createServer((socket) => socket.end());
  return new Promise((resolve) => server.listen(path, () => resolve(server)));
}
const closed = (server: Server) => new Promise((resolve) => server.close(resolve));

describe('a socket of its own', () => {
  test('is in a folder that its owner alone can look into, and goes with it', async () => {
    const { path, release } = await take('auto');
    const folder = dirname(path);
    expect(dirname(folder)).toBe(tmpdir());
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    expect(path.endsWith('.sock')).toBe(true);
    expect(Buffer.byteLength(path)).toBeLessThan(104);
    const server = await listening(path);
    await release();
    await expect(stat(folder)).rejects.toThrow('ENOENT');
    await closed(server);
  });

  test('is elsewhere when the folder for such things has too long a name', async () => {
    await using folder = await testFolder();
    const long = join(folder.path, 'x'.repeat(90));
    await mkdir(long);
    const before = process.env['TMPDIR'];
    process.env['TMPDIR'] = long;
    try {
      const { path, release } = await take('auto');
      expect(path).toMatch(/^\/tmp\/greenroom-/);
      await release();
    } finally {
      if (before === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = before;
    }
  });
});

describe('a socket at a path', () => {
  test('that is free is taken, and taken away when it is given back', async () => {
    await using folder = await testFolder();
    const path = join(folder.path, 'x.sock');
    const { release } = await take(path);
    const server = await listening(path);
    await release();
    expect(await readdir(folder.path)).toEqual([]);
    await closed(server);
    await release();
  });

  test('that a dead engine left is taken over', async () => {
    await using folder = await testFolder();
    const path = join(folder.path, 'x.sock');
    // Node takes its file away when it closes, but not when it is killed.
    const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
    await new Promise((resolve) => spawn(process.execPath, ['-e', script]).on('exit', resolve));
    expect(await readdir(folder.path)).toEqual(['x.sock']);
    const taken = await take(path);
    const server = await listening(taken.path);
    await taken.release();
    await closed(server);
  });

  test('on which somebody listens is refused, and left alone', async () => {
    await using folder = await testFolder();
    const path = join(folder.path, 'x.sock');
    const server = await listening(path);
    await expect(take(path)).rejects.toMatchObject({
      code: 'engine_port_taken',
      message: `engine mine: socket ${path}: something listens on it; end it, or use \`socket: auto\``,
    });
    expect((await stat(path)).isSocket()).toBe(true);
    await closed(server);
  });

  test('that is no socket is refused, and left alone', async () => {
    await using folder = await testFolder();
    const file = await folder.write('x.sock', 'precious');
    await expect(take(file)).rejects.toThrow(
      `socket ${file}: it is there, and no socket; take it away, or name another`,
    );
    const link = join(folder.path, 'link.sock');
    await symlink(file, link);
    await expect(take(link)).rejects.toThrow('it is there, and no socket');
    expect(await readdir(folder.path)).toEqual(['link.sock', 'x.sock']);
  });

  test('without a folder, or too long, is refused', async () => {
    await expect(take('/no/such/folder/x.sock')).rejects.toThrow(
      'there is no folder /no/such/folder; make it',
    );
    await expect(take(`/tmp/${'x'.repeat(120)}`)).rejects.toThrow(
      'its path has 125 bytes, and 107 at most fit',
    );
  });
});
