// One gateway at a time in a data directory, whatever has happened there before.
import { execFileSync } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { command } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { fixture, GatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';
import { alive } from '../support/processes.ts';

const config = {
  engines: {
    voice: { worker: fixture('gateway/tone.mjs') },
    activity: { worker: fixture('engines/hears.mjs') },
  },
  pipelines: { default: { kind: 'echo', speak: 'voice', vad: 'activity' } },
};
const soon = { timeoutMs: 5000 };
const isRoot = process.getuid?.() === 0;

const start = (data: string, more: object = {}) =>
  GatewayProcess.start({ config, args: ['--data', data], ...more });

async function recordIn(data: string): Promise<{ readonly pid: number; readonly url: string }> {
  return JSON.parse(await readFile(join(data, 'gateway.json'), 'utf8')) as { pid: number; url: string };
}

test('of two that start at the very same moment exactly one serves, ten times over', async () => {
  await using folder = await testFolder();
  const data = join(folder.path, 'data');
  for (let round = 0; round < 10; round += 1) {
    const both = await Promise.all([start(data), start(data)]);
    await using one = both[0];
    await using two = both[1];
    const loser = await Promise.race([one.exited.then(() => one), two.exited.then(() => two)]);
    const winner = loser === one ? two : one;
    expect([round, await loser.exited]).toEqual([round, { code: 2, signal: null }]);
    expect(loser.events.at(-1)).toMatchObject({ event: 'failed', code: 'data_directory_locked' });
    expect(loser.stderr).toContain('stop it with `greenroom stop --data ');
    expect(loser.stderr).not.toContain('fatal');
    await winner.event('ready');
    expect(await recordIn(data)).toMatchObject({ pid: winner.pid, url: await winner.url() });
    winner.child.kill('SIGTERM');
    expect(await winner.exited).toEqual({ code: 0, signal: null });
    // The loser has taken nothing of the winner's with it.
    expect((await readdir(data)).sort()).toEqual(['engines', 'greenroom.db', 'journal', 'lock.db', 'logs']);
  }
}, 120_000);

test('after kill -9 the next one starts at once, at the same address, and the engines of before are gone', async () => {
  await using folder = await testFolder();
  const data = join(folder.path, 'data');
  let listen = '127.0.0.1:0';
  for (let round = 0; round < 3; round += 1) {
    await using killed = await start(data, { listen });
    await killed.event('ready');
    const family = await killed.family();
    listen = new URL(await killed.url()).host;
    killed.child.kill('SIGKILL');
    await using next = await start(data, { listen });
    await next.event('ready');
    expect(await recordIn(data)).toMatchObject({ pid: next.pid, url: `http://${listen}` });
    await until(() => family.every((pid) => !alive(pid)), { ...soon, what: `${family} to be gone` });
    next.child.kill('SIGTERM');
    expect((await next.exited).code).toBe(0);
  }
});

describe('what was left behind keeps nobody from starting', () => {
  const stale = {
    // Somebody else's by now: this process's, which began at another time.
    ...{ pid: process.pid, startTime: 1, bootId: 'x', url: 'http://127.0.0.1:9' },
    ...{ version: '0', startedAt: '2026-01-01T00:00:00Z' },
  };
  test.each([
    ['a record whose pid is another process by now', JSON.stringify(stale)],
    ['a record that is garbage', '\u0000\u0001{"pid":'],
    ['an empty record', ''],
  ])('%s', async (_what, text) => {
    await using folder = await testFolder();
    await folder.write('data/gateway.json', text);
    await folder.write('data/lock.db', '');
    await using gateway = await start(join(folder.path, 'data'));
    await gateway.event('ready');
    expect(await recordIn(join(folder.path, 'data'))).toMatchObject({ pid: gateway.pid });
    const stopped = await command(['stop', '--data', 'data'], { cwd: folder.path });
    expect([stopped.code, await gateway.exited]).toEqual([0, { code: 0, signal: null }]);
  });
});

test('a record that becomes garbage while it runs costs nothing: who holds the directory is known by its lock', async () => {
  await using folder = await testFolder();
  await using gateway = await start(join(folder.path, 'data'));
  await gateway.event('ready');
  await folder.write('data/gateway.json', 'garbage');
  const shown = await command(['ps', '--data', 'data', '--json'], { cwd: folder.path });
  expect([shown.code, ...shown.events()]).toMatchObject([0, { state: 'unrecorded', pid: gateway.pid }]);
  const second = await command(['up', '--data', 'data', '--listen', '127.0.0.1:0'], { cwd: folder.path });
  expect([second.code, second.stderr]).toEqual([
    2,
    expect.stringContaining(`another gateway (pid ${gateway.pid}) owns`),
  ]);
  const stopped = await command(['stop', '--data', 'data', '--json'], { cwd: folder.path });
  expect([stopped.code, stopped.events().at(-1)]).toMatchObject([
    0,
    { event: 'stopped', pid: gateway.pid, how: 'left' },
  ]);
  expect(await gateway.exited).toEqual({ code: 0, signal: null });
});

test('a pipe in the place of any file of it holds neither the start nor the leaving', async () => {
  await using folder = await testFolder();
  for (const [name, code] of [
    ['lock.db', 'data_directory_unusable'],
    ['logs/greenroom.log', 'data_directory_unusable'],
    ['greenroom.db-wal', 'store_unusable'],
  ] as const) {
    const data = join(folder.path, name.replaceAll('/', '-'));
    await mkdir(join(data, 'logs'), { recursive: true, mode: 0o700 });
    await writeFile(join(data, 'lock.db'), '');
    await rm(join(data, name), { force: true });
    execFileSync('mkfifo', [join(data, name)]);
    await using refused = await start(data);
    const beganMs = performance.now();
    expect([name, await refused.exited]).toEqual([name, { code: 2, signal: null }]);
    expect(performance.now() - beganMs).toBeLessThan(5000);
    expect(refused.events.at(-1)).toMatchObject({ event: 'failed', code });
    expect(refused.stderr).toContain(`${join(data, name)} is a pipe`);
  }
  const data = join(folder.path, 'records');
  await mkdir(data, { mode: 0o700 });
  for (const name of ['gateway.json', 'gateway.json.next']) execFileSync('mkfifo', [join(data, name)]);
  await using gateway = await start(data);
  await gateway.event('ready');
  expect(await recordIn(data)).toMatchObject({ pid: gateway.pid });
  gateway.child.kill('SIGTERM');
  expect(await gateway.exited).toEqual({ code: 0, signal: null });
});

test.skipIf(!isRoot)(
  'a folder that cannot be written is told, whether it is new or was used before',
  async () => {
    await using folder = await testFolder();
    await chmod(folder.path, 0o755);
    const asNobody = { cwd: folder.path, uid: 65_534 };
    const up = ['up', '--listen', '127.0.0.1:0', '--json', '--data'];
    const { chown } = await import('node:fs/promises');
    for (const name of ['new', 'used']) {
      await mkdir(join(folder.path, name));
      if (name === 'used') await writeFile(join(folder.path, name, 'lock.db'), '');
      for (const path of [
        join(folder.path, name),
        ...(name === 'used' ? [join(folder.path, name, 'lock.db')] : []),
      ])
        await chown(path, 65_534, 65_534);
      await chmod(join(folder.path, name), 0o500);
      const refused = await command([...up, name], asNobody);
      expect([refused.code, refused.events().at(-1)]).toMatchObject([
        2,
        { event: 'failed', code: 'data_directory_unusable' },
      ]);
      expect(refused.stderr).toMatch(/permission denied/i);
      expect(await readdir(join(folder.path, name))).toEqual(name === 'used' ? ['lock.db'] : []);
    }
  },
);
