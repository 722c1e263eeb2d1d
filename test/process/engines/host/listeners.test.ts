// Who listens, asked of real sockets. Needs /proc.
import { execFile } from 'node:child_process';
import { rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { describeHolder } from '../../../../src/engines/host/describe.ts';
import type { Holder } from '../../../../src/engines/host/holder.ts';
import { type Listening as Found, listeners } from '../../../../src/engines/host/listeners.ts';
import { macListeners, macOwnership } from '../../../../src/engines/host/mac.ts';
import type { LocalAddress } from '../../../../src/engines/host/socket-tables.ts';
import { canRun } from '../../../support/command.ts';
import { testFolder } from '../../../support/folder.ts';
import { listening } from './listening.ts';

const run = promisify(execFile);
const isRoot = process.getuid?.() === 0;
const v4 = { host: '127.0.0.1', port: 0 };
const hasLsof = await canRun('lsof', '-v');

/** `answering | barring`, each as `place pid,pid`. */
function shown(found: Found): string {
  if (found.state === 'unknown') return found.why;
  const pid = (holder: Holder) => (holder.state === 'visible' ? holder.pid : holder.why);
  const part = (list: typeof found.answering) =>
    list.map(({ at, holders }) => `${at.replace(/\d+$/, 'PORT')} ${holders.map(pid)}`).join(' ');
  return `${part(found.answering)} | ${part(found.barring)}`;
}

const at = async (address: LocalAddress) => shown(await listeners(address));

describe('who listens at an address', () => {
  test('is named with all that people need to know', async () => {
    await using one = await listening([v4]);
    const found = await listeners({ host: '127.0.0.1', port: one.port });
    const [holder] = found.state === 'known' ? (found.answering[0]?.holders ?? []) : [];
    expect(holder).toEqual({
      ...{ state: 'visible', pid: one.pid, pgid: one.pgid, startTime: expect.any(Number) },
      command: expect.stringMatching(/node .*listens\.mjs$/),
      ...{ uid: process.getuid?.(), user: expect.any(String), ageMs: expect.any(Number) },
      startedAt: expect.stringMatching(/^20.*Z$/),
      mark: { state: 'marked', marker: one.marker },
    });
    if (holder?.state !== 'visible') return expect.unreachable();
    expect(holder.ageMs).toBeLessThan(20_000);
    expect(Math.abs(Date.parse(holder.startedAt ?? '') - Date.now())).toBeLessThan(20_000);
    expect(describeHolder(holder)).toMatch(
      new RegExp(`^pid ${one.pid} \\(.*listens.mjs\\), user \\S+, up \\d+ s; an engine of another greenroom`),
    );
  });

  test('on IPv6 alone is told from who listens on 127.0.0.1 beside it', async () => {
    await using four = await listening([v4]);
    const { port } = four;
    await using six = await listening([{ host: '::', port, ipv6Only: true }]);
    expect(await at({ host: '127.0.0.1', port })).toBe(`127.0.0.1:PORT ${four.pid} | [::]:PORT ${six.pid}`);
    expect(await at({ host: '::1', port })).toBe(`[::]:PORT ${six.pid} | `);
    // A name is tried as whoever connects tries it.
    const named = await at({ host: 'localhost', port });
    expect([four.pid, six.pid].some((pid) => named.includes(` ${pid} |`))).toBe(true);
  });

  test('on IPv6 alone, with nobody beside it, does not answer on IPv4', async () => {
    await using six = await listening([{ host: '::', port: 0, ipv6Only: true }]);
    const { port } = six;
    expect(await at({ host: '127.0.0.1', port })).toBe(` | [::]:PORT ${six.pid}`);
    expect(await at({ host: '::1', port })).toBe(`[::]:PORT ${six.pid} | `);
  });

  test('on every address answers on IPv4 as well', async () => {
    await using both = await listening([{ host: '::', port: 0 }]);
    const { port } = both;
    expect(await at({ host: '127.0.0.1', port })).toBe(`[::]:PORT ${both.pid} | `);
    expect(await at({ host: '0.0.0.0', port })).toBe(`[::]:PORT ${both.pid} | `);
  });

  test('exactly answers before who listens everywhere', async () => {
    await using every = await listening([{ host: '0.0.0.0', port: 0, reusePort: true }]);
    const { port } = every;
    await using exact = await listening([{ host: '127.0.0.1', port, reusePort: true }]);
    expect(await at({ host: '127.0.0.1', port })).toBe(
      `127.0.0.1:PORT ${exact.pid} | 0.0.0.0:PORT ${every.pid}`,
    );
  });

  test('may be several who share the connections, and each is named', async () => {
    const shared = { host: '127.0.0.1', reusePort: true };
    await using one = await listening([{ ...shared, port: 0 }]);
    const { port } = one;
    await using two = await listening([{ ...shared, port }]);
    const found = await listeners({ host: '127.0.0.1', port });
    const pids = found.state === 'known' ? found.answering.map(({ holders: [holder] }) => holder) : [];
    expect(pids.map((holder) => holder?.state === 'visible' && holder.pid).sort()).toEqual(
      [one.pid, two.pid].sort(),
    );
  });

  test('may be nobody', async () => {
    expect(await at({ host: '127.0.0.1', port: 1 })).toBe(' | ');
    expect(await at({ socketPath: '/no/such.sock' })).toBe(' | ');
    expect(await at({ host: 'no-such-host.invalid', port: 1 })).toMatch(/ENOTFOUND|EAI_AGAIN/);
  });
});

describe('who listens on a UNIX socket', () => {
  test('is found by its path, also through a link and where it was bound by a relative one', async () => {
    await using folder = await testFolder();
    await symlink(folder.path, join(folder.path, 'link'));
    await using absolute = await listening([{ path: join(folder.path, 'my engine.sock') }]);
    await using relative = await listening([{ path: './there.sock' }], { cwd: folder.path });
    const socket = (...parts: readonly string[]) => at({ socketPath: join(folder.path, ...parts) });
    expect(await socket('my engine.sock')).toContain(`my engine.sock ${absolute.pid} | `);
    expect(await socket('link', 'my engine.sock')).toContain(` ${absolute.pid} | `);
    expect(await socket('there.sock')).toContain(` ${relative.pid} | `);
    expect(await socket('other.sock')).toBe(' | ');
  });

  test('that was bound again is told with who has the old one', async () => {
    await using folder = await testFolder();
    const path = join(folder.path, 'x.sock');
    await using old = await listening([{ path }]);
    await rm(path);
    await using now = await listening([{ path }]);
    const found = await at({ socketPath: path });
    expect([found.includes(` ${old.pid}`), found.includes(` ${now.pid}`)]).toEqual([true, true]);
  });
});

describe.skipIf(!isRoot)('who cannot be seen', () => {
  const script = `
    const { listeners } = await import(process.argv[1]);
    console.log(JSON.stringify(await listeners({ host: '127.0.0.1', port: Number(process.argv[2]) })));
  `;
  const module = fileURLToPath(new URL('../../../../src/engines/host/listeners.ts', import.meta.url));
  const look = [process.execPath, '--input-type=module', '-e', script, module];

  test('because it is another user’s is told by that user', async () => {
    await using one = await listening([v4]);
    const { stdout } = await run(look[0] ?? '', [...look.slice(1), String(one.port)], {
      uid: 65_534,
      gid: 65_534,
    });
    const hidden = { state: 'hidden', uid: 0, user: 'root', why: 'other_user' };
    expect(JSON.parse(stdout)).toMatchObject({ answering: [{ holders: [hidden] }] });
  });

  test('because it is in another pid namespace is told so', async () => {
    await using one = await listening([v4]);
    const within = ['--pid', '--fork', '--mount-proc', ...look, String(one.port)];
    const { stdout } = await run('unshare', within);
    const hidden = { state: 'hidden', uid: 0, user: 'root', why: 'other_namespace' };
    expect(JSON.parse(stdout)).toMatchObject({ answering: [{ holders: [hidden] }] });
  });
});

describe.skipIf(!hasLsof)('by lsof and ps, as on macOS', () => {
  test('it is the same', async () => {
    await using four = await listening([v4]);
    const { port } = four;
    await using six = await listening([{ host: '::', port, ipv6Only: true }]);
    expect(shown(await macListeners({ host: '127.0.0.1', port }))).toBe(
      `127.0.0.1:PORT ${four.pid} | [::]:PORT ${six.pid}`,
    );
    expect(shown(await macListeners({ host: '::1', port }))).toBe(`[::]:PORT ${six.pid} | `);
    const family = { pgid: four.pgid, marker: four.marker };
    expect(await macOwnership({ host: '127.0.0.1', port }, family)).toEqual({ state: 'owned' });
    expect(await macOwnership({ host: '::1', port }, family)).toMatchObject({
      state: 'stranger',
      holder: { pid: six.pid, command: expect.stringContaining('listens.mjs') },
    });
    expect(await macOwnership({ host: '127.0.0.1', port: 1 }, family)).toEqual({ state: 'nobody' });
  });
});
