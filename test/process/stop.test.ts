// `ps` and `stop` against real gateways, however those are.
import { spawnSync } from 'node:child_process';
import { chmod, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseStat } from '../../src/engines/host/identity.ts';
import { command } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { bin, fixture, GatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';
import { alive } from '../support/processes.ts';

const stubborn = [process.execPath, fixture('gateway/http-engine.mjs'), '--stubborn', '--port', '${port}'];
const config = {
  engines: {
    voice: { worker: fixture('gateway/tone.mjs') },
    activity: { worker: fixture('engines/hears.mjs') },
    program: { run: stubborn },
  },
  pipelines: { default: { kind: 'echo', speak: 'voice', vad: 'activity', needs: ['program'] } },
};
const isRoot = process.getuid?.() === 0;

async function ready(options: object = { config }): Promise<{ gateway: GatewayProcess; cwd: string }> {
  const gateway = await GatewayProcess.start(options);
  await gateway.event('ready');
  return { gateway, cwd: gateway.folder.path };
}

async function allGone(pids: readonly number[]): Promise<void> {
  expect(pids.length).toBeGreaterThan(0);
  await until(() => pids.every((pid) => !alive(pid)), { timeoutMs: 1000, what: `${pids} to be gone` });
}

test('ps shows a gateway with its engines and their processes; stop ends it, and says how it left', async () => {
  const { gateway, cwd } = await ready();
  await using _ = gateway;
  const shown = await command(['ps', '--json'], { cwd });
  const [head, ...engines] = shown.events();
  expect([shown.code, head]).toMatchObject([
    0,
    { event: 'gateway', state: 'running', pid: gateway.pid, url: await gateway.url(), status: 'healthy' },
  ]);
  expect(Number(head?.['memoryBytes'])).toBeGreaterThan(10_000_000);
  expect(engines.map(({ name, state }) => `${name} ${state}`)).toEqual([
    'voice ready',
    'activity ready',
    'program ready',
  ]);
  for (const { memoryBytes, pid } of engines)
    expect([Number(memoryBytes) > 1e6, alive(Number(pid))]).toEqual([true, true]);

  const family = await gateway.family();
  const stopped = await command(['stop', '--json'], { cwd });
  const [asked, shutdown, end] = stopped.events();
  expect(stopped.code).toBe(0);
  expect(asked).toMatchObject({ event: 'asked', pid: gateway.pid, by: 'SIGTERM' });
  expect(shutdown).toMatchObject({ event: 'shutdown', reason: 'SIGTERM', exitCode: 0, forced: [] });
  expect(end).toMatchObject({ event: 'stopped', how: 'left', processes: family.length });
  expect(stopped.stderr).toMatch(/engines +[\d.]+ m?s +done/);
  // It was gone when that was said.
  expect(family.filter(alive)).toEqual([]);
  expect(await gateway.exited).toEqual({ code: 0, signal: null });
  expect((await command(['ps'], { cwd })).code).toBe(69);
  expect(await command(['stop'], { cwd })).toMatchObject({
    code: 0,
    stderr: expect.stringContaining('no gateway runs'),
  });
});

test('a gateway that hangs is shown by its record, is not ended by asking, and is killed by force, engines and all', async () => {
  const { gateway, cwd } = await ready();
  await using _ = gateway;
  const family = await gateway.family();
  gateway.child.kill('SIGSTOP');
  const shown = await command(['ps', '--json'], { cwd });
  expect([shown.code, ...shown.events()]).toMatchObject([
    0,
    {
      state: 'running',
      pid: gateway.pid,
      status: null,
      why: expect.stringContaining('did not answer within 1000 ms'),
    },
  ]);
  const asked = await command(['stop', '--timeout', '300ms', '--json'], { cwd });
  expect(asked.code).toBe(1);
  expect(asked.events().at(-1)).toMatchObject({ event: 'failed', code: 'deadline_exceeded' });
  expect(asked.stderr).toContain('end it with `greenroom stop --force`');
  expect(alive(gateway.pid)).toBe(true);
  const forced = await command(['stop', '--force', '--timeout', '1s', '--json'], { cwd });
  expect(forced.code).toBe(0);
  expect(forced.events().at(-1)).toMatchObject({ event: 'stopped', how: 'killed', processes: family.length });
  expect(family.filter(alive)).toEqual([]);
  expect(await gateway.exited).toEqual({ code: null, signal: 'SIGKILL' });
  await allGone(family);
});

test('a gateway that takes its time is forced by the second signal', async () => {
  const slow = { ...config, shutdown: { total: '20s' } };
  const { gateway, cwd } = await ready({ config: slow });
  await using _ = gateway;
  const forced = await command(['stop', '--force', '--timeout', '8s', '--json'], { cwd });
  expect([forced.code, forced.events().at(-1)]).toMatchObject([0, { how: 'forced' }]);
  expect(await gateway.exited).toEqual({ code: 3, signal: null });
});

test('one that leaves and takes its time is not forced by a second stop, nor by a third one', async () => {
  const program = { ...config.engines.program, stopGrace: '2500ms' };
  const slow = { ...config, engines: { ...config.engines, program }, shutdown: { total: '20s' } };
  const { gateway, cwd } = await ready({ config: slow });
  await using _ = gateway;
  const first = command(['stop', '--json'], { cwd });
  const leavingMs = performance.now();
  await gateway.event('leaving');
  // From here on a signal would count as the second one.
  await until(() => performance.now() - leavingMs > 800, { timeoutMs: 2000, what: 'the pause' });
  const shown = await command(['ps', '--json'], { cwd });
  expect(shown.events()).toMatchObject([{ state: 'running', status: 'shutting_down' }]);
  const others = [command(['stop', '--json'], { cwd }), command(['stop', '--json'], { cwd })];
  expect((await gateway.end(leavingMs)).report).toMatchObject({ forced: [], exitCode: 0 });
  for (const stopped of await Promise.all([first, ...others]))
    expect([stopped.code, stopped.events().at(-1)]).toMatchObject([0, { event: 'stopped', how: 'left' }]);
});

test.skipIf(!isRoot)('of another user is refused with the reason: the folder cannot be read', async () => {
  const { gateway, cwd } = await ready();
  await using _ = gateway;
  await chmod(cwd, 0o755);
  for (const name of ['ps', 'stop']) {
    const refused = await command([name, '--json'], { cwd, uid: 65_534 });
    expect([refused.code, ...refused.events()]).toMatchObject([
      1,
      { event: 'failed', code: 'permission_denied' },
    ]);
    expect(refused.stderr).toContain(
      'cannot be read: permission denied; it is that of the user with the number 0',
    );
  }
  // A folder that may be read makes no difference to the process.
  await chmod(join(cwd, '.greenroom'), 0o755);
  await chmod(join(cwd, '.greenroom', 'gateway.json'), 0o644);
  const refused = await command(['stop'], { cwd, uid: 65_534 });
  expect(refused.stderr).toContain(`process ${gateway.pid} is another user's: SIGTERM is not permitted`);
  expect(alive(gateway.pid)).toBe(true);
});

const ownPids = ['--user', '--map-root-user', '--pid', '--fork', '--mount-proc'];
const canUnshare =
  spawnSync('unshare', [...ownPids, 'test', '-w', '/proc/sys/kernel/ns_last_pid']).status === 0;

test.skipIf(!canUnshare)(
  'who has got the pid of a gateway that is gone is neither shown nor hit',
  async () => {
    await using folder = await testFolder();
    const program = [process.execPath, fixture('cli/reused-pid.mjs'), bin, folder.path];
    const { stdout, stderr } = spawnSync('unshare', [...ownPids, ...program], {
      encoding: 'utf8',
      timeout: 20_000,
    });
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual({ same: true, ps: 'gone', stop: 'absent', state: 'S' });
  },
);

test('a record that names another process has nobody signalled but the gateway, which holds the lock', async () => {
  const { gateway, cwd } = await ready({ config });
  await using _ = gateway;
  const path = join(cwd, '.greenroom', 'gateway.json');
  const record = JSON.parse(await readFile(path, 'utf8'));
  // This very process, which would not survive it.
  const stat = parseStat(await readFile(`/proc/${process.pid}/stat`, 'utf8'));
  await writeFile(path, JSON.stringify({ ...record, pid: process.pid, startTime: stat?.startTime }));
  const stopped = await command(['stop', '--json'], { cwd });
  expect(stopped.events()[0]).toMatchObject({ event: 'asked', pid: gateway.pid });
  expect(await gateway.exited).toMatchObject({ code: 0 });
});

test('a copy of the folder of a gateway that runs is not its folder: nobody is signalled', async () => {
  const { gateway, cwd } = await ready({ config });
  await using _ = gateway;
  // A socket cannot be copied.
  const filter = (path: string) => !path.endsWith('.sock');
  await cp(join(cwd, '.greenroom'), join(cwd, 'copy'), { recursive: true, filter });
  const shown = await command(['ps', '--data', 'copy', '--json'], { cwd });
  expect([shown.code, ...shown.events()]).toMatchObject([69, { state: 'gone', pid: gateway.pid }]);
  const stopped = await command(['stop', '--data', 'copy', '--force', '--json'], { cwd });
  expect([stopped.code, ...stopped.events()]).toMatchObject([0, { event: 'stopped', how: 'absent' }]);
  expect(stopped.stderr).toContain('does not hold this directory');
  expect((await gateway.json('/healthz')).status).toBe(200);
});

test('a pipe or a device in the place of the record is told, and read by nobody', async () => {
  await using folder = await testFolder();
  const data = join(folder.path, '.greenroom');
  for (const make of [
    ['mkfifo', 'gateway.json'],
    ['ln', '-s', '/dev/zero', 'gateway.json'],
  ]) {
    await rm(data, { recursive: true, force: true });
    await mkdir(data, { mode: 0o700 });
    spawnSync(make[0] ?? '', make.slice(1), { cwd: data });
    const shown = await command(['ps', '--json'], { cwd: folder.path });
    expect(shown.events().at(0)).toMatchObject({ event: 'gateway', state: 'corrupt' });
  }
});
