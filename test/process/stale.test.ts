// A gateway that was killed together with its reaper leaves its engines behind: the next one of the same data directory
// ends exactly those.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { identityOf, readPidNamespace } from '../../src/engines/host/identity.ts';
import { killProcess } from '../../src/engines/host/kill.ts';
import { listeners } from '../../src/engines/host/listeners.ts';
import type { SpawnEntry } from '../../src/engines/journal-entry.ts';
import { reservePort } from '../../src/engines/process/ports.ts';
import { command, type Ended } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { fixture, GatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';
import { alive } from '../support/processes.ts';

const soon = { timeoutMs: 5000 };
const starts = (what: string) => ({ run: ['sh', '-c', what], ready: { log: 'never' } });
const config = {
  engines: {
    voice: { worker: fixture('gateway/tone.mjs') },
    activity: { worker: fixture('engines/hears.mjs') },
    plain: starts('sleep 1000 & echo "$$ $!" >plain; exec sleep 1000'),
    escapes: starts('setsid sleep 1000 & echo "$$ $!" >escapes; exec sleep 1000'),
    ends: starts('setsid sleep 1000 & echo "$!" >ends; exec sleep 1000'),
  },
  pipelines: { default: { kind: 'echo', speak: 'voice', vad: 'activity' } },
};

async function pidsIn(gateway: GatewayProcess, ...files: readonly string[]): Promise<readonly number[]> {
  const pids = await Promise.all(
    files.map((file) =>
      until(async () => (await readFile(join(gateway.folder.path, file), 'utf8')).trim(), {
        ...soon,
        what: file,
      }),
    ),
  );
  return pids.flatMap((text) => text.split(' ').map(Number));
}

/** As a machine does that runs out of memory: nobody is left to clean up, but the test in its end. */
async function killWithReaper(gateway: GatewayProcess): Promise<AsyncDisposable> {
  const family = await Promise.all((await gateway.family()).map(identityOf));
  const reaper = await until(
    async () => {
      for (const pid of await gateway.family())
        if ((await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).includes('reaper.sh'))
          return pid;
      return undefined;
    },
    { ...soon, what: 'the reaper' },
  );
  process.kill(reaper, 'SIGSTOP');
  gateway.child.kill('SIGKILL');
  await gateway.exited;
  process.kill(reaper, 'SIGKILL');
  return {
    async [Symbol.asyncDispose]() {
      for (const { pid, startTime } of family) killProcess({ pid, startTime: startTime ?? 0 });
    },
  };
}

async function logged(data: string, what: string): Promise<readonly string[]> {
  const text = await readFile(join(data, 'logs', 'greenroom.log'), 'utf8');
  const lines = text
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { msg: string }).msg);
  return lines.filter((line) => line.includes(what));
}

function sleeping(env: Readonly<Record<string, string>> = {}): ChildProcess & { readonly pid: number } {
  const options = { detached: true, stdio: 'ignore', env: { ...process.env, ...env } } as const;
  return spawn('sleep', ['1000'], options) as ChildProcess & { readonly pid: number };
}

async function end(...children: readonly ChildProcess[]): Promise<void> {
  for (const child of children) {
    const exited = once(child, 'exit');
    if (child.kill('SIGKILL')) await exited;
  }
}

const journalOf = (data: string) => readdir(join(data, 'journal'));

test('the next gateway ends what was left, says so, and touches nobody else', async () => {
  await using folder = await testFolder();
  const data = join(folder.path, 'data');
  const strangers = [sleeping(), sleeping({ GREENROOM_INSTANCE: `forged.${'a'.repeat(32)}` })];
  try {
    await using other = await GatewayProcess.start({ config });
    await using killed = await GatewayProcess.start({ config, args: ['--data', data] });
    const others = await pidsIn(other, 'plain', 'escapes');
    const left = await pidsIn(killed, 'plain', 'escapes', 'ends');
    const entries = () => journalOf(data).then((names) => names.length === 1 + 5);
    await until(entries, { ...soon, what: 'a run and its five processes in the journal' });
    await using _ = await killWithReaper(killed);
    expect(left.filter(alive)).toEqual(left);

    // Of the journal's first entry the number is another's by now.
    const [first = ''] = (await journalOf(data)).filter((name) => !name.startsWith('run.'));
    const forged = JSON.parse(await readFile(join(data, 'journal', first), 'utf8')) as SpawnEntry;
    const [stranger] = strangers;
    const pid = stranger?.pid ?? 0;
    const name = `reused.${forged.marker.split('.')[1]}.json`;
    const reused = { ...forged, marker: name.slice(0, -5), pid, pgid: pid, engine: 'reused' };
    await writeFile(join(data, 'journal', name), JSON.stringify(reused));
    await writeFile(join(data, 'journal', `x.${'b'.repeat(32)}.json`), '{"marker":');

    await using next = await GatewayProcess.start({ config, args: ['--data', data] });
    await until(() => left.every((each) => !alive(each)), { ...soon, what: `${left} to be gone` });
    expect(strangers.map((each) => alive(each.pid))).toEqual([true, true]);
    expect(others.filter(alive)).toEqual(others);
    // They were gone before the engines started, and the next ones are not taken for them.
    const now = await pidsIn(next, 'plain', 'escapes', 'ends');
    expect(now.filter(alive)).toEqual(now);

    const reaped = await until(
      async () => {
        const lines = await logged(data, 'reaped');
        return lines.length >= 5 && lines;
      },
      { ...soon, what: 'the log' },
    );
    const [plain, , escapes, escaped] = left;
    const whence = `of a gateway, pid ${killed.pid}, that began at `;
    expect(reaped).toContainEqual(expect.stringContaining(`reaped engine plain (pid ${plain}, ${whence}`));
    expect(reaped).toContainEqual(
      expect.stringContaining(`reaped engine escapes (pid ${escapes}, ${whence}`),
    );
    expect(reaped).toContainEqual(
      expect.stringContaining(`reaped engine escapes (pid ${escaped}, which had left its group, ${whence}`),
    );
    expect(await logged(data, 'has dropped')).toEqual([
      `the journal has dropped x.${'b'.repeat(32)}.json: it is no JSON object`,
    ]);
    const names = await until(
      async () => {
        const all = await journalOf(data);
        return all.length === 6 && all;
      },
      { ...soon, what: 'the journal of the next one' },
    );
    expect(names).not.toContain(name);
    next.child.kill('SIGTERM');
    expect(await next.exited).toMatchObject({ code: 0 });
    expect(now.filter(alive)).toEqual([]);
    expect(await journalOf(data)).toEqual([]);
    other.child.kill('SIGTERM');
    expect(await other.exited).toMatchObject({ code: 0 });
  } finally {
    await end(...strangers);
  }
});

test('the port of an engine that was left behind is free for the next one; doctor tells before and after', async () => {
  await using folder = await testFolder();
  const data = join(folder.path, 'data');
  const reserved = await reservePort('127.0.0.1', 'auto', 'a test');
  reserved.release();
  const { port } = reserved;
  const run = [process.execPath, fixture('gateway/http-engine.mjs'), '--port', '${port}'];
  const listen = '127.0.0.1:0';
  const fixed = { listen, engines: { ...config.engines, plain: { run, port } }, pipelines: config.pipelines };
  await folder.write('greenroom.json', JSON.stringify(fixed));
  const doctor = () => command(['doctor', '--data', 'data', '--json'], { cwd: folder.path });
  const told = (ended: Ended, check: string, engine: string | null = null) =>
    ended.events().find((each) => each['check'] === check && each['engine'] === engine);
  const ready = (gateway: GatewayProcess) =>
    gateway.event('engine', ({ name, state }) => name === 'plain' && state === 'ready');

  await using killed = await GatewayProcess.start({ config: fixed, args: ['--data', data] });
  await ready(killed);
  const left = [...(await pidsIn(killed, 'escapes', 'ends')), await holderPid(port)];
  const during = await doctor();
  expect([during.code, told(during, 'port', 'plain')]).toMatchObject([
    0,
    { state: 'ok', message: expect.stringContaining(`pid ${await holderPid(port)} (`) },
  ]);
  expect(told(during, 'data directory')).toMatchObject({
    message: expect.stringContaining(`pid ${killed.pid} at `),
  });
  expect(told(during, 'left behind')).toMatchObject({ state: 'ok' });

  await using _ = await killWithReaper(killed);
  const after = await doctor();
  expect([after.code, told(after, 'left behind'), told(after, 'port', 'plain')]).toMatchObject([
    0,
    { state: 'warning', message: expect.stringContaining(`pid ${left[0]} (engine escapes)`) },
    { state: 'warning', message: expect.stringContaining('an engine of an earlier greenroom (instance ') },
  ]);
  await using next = await GatewayProcess.start({ config: fixed, args: ['--data', data] });
  await ready(next);
  expect(left.filter(alive)).toEqual([]);
});

async function holderPid(port: number): Promise<number> {
  const found = await listeners({ host: '127.0.0.1', port });
  const [holder] = found.state === 'known' ? (found.answering[0]?.holders ?? []) : [];
  return holder?.state === 'visible' ? holder.pid : 0;
}

test('an engine that has ended has no entry, once nobody of it is left', async () => {
  await using gateway = await GatewayProcess.start({
    config: {
      ...config,
      engines: {
        voice: config.engines.voice,
        activity: config.engines.activity,
        short: starts('setsid sleep 1000 & echo "$!" >short; exec sleep 0.2'),
      },
    },
  });
  const data = join(gateway.folder.path, '.greenroom');
  const [escaped = 0] = await pidsIn(gateway, 'short');
  await until(() => !alive(escaped), { ...soon, what: 'the end of who escaped' });
  await gateway.event('engine', ({ name, state }) => name === 'short' && state === 'backoff');
  const two = async () => (await journalOf(data)).filter((name) => !name.startsWith('run.')).length <= 3;
  await until(two, { ...soon, what: 'entries for what runs alone' });
  gateway.child.kill('SIGTERM');
  expect(await gateway.exited).toMatchObject({ code: 0 });
  expect(await journalOf(data)).toEqual([]);
});

test('entries of another boot or pid namespace mean nothing here', async () => {
  await using folder = await testFolder();
  const data = join(folder.path, 'data');
  const run = 'c'.repeat(32);
  const stranger = sleeping({ GREENROOM_INSTANCE: `x.${run}` });
  try {
    const { startTime, bootId } = await identityOf(stranger.pid);
    const here = { bootId, pidNamespace: await readPidNamespace() };
    const entry = (marker: string, place: object) => ({
      ...{
        marker,
        engine: 'old',
        pid: stranger.pid,
        pgid: stranger.pid,
        startTime,
        argvHash: null,
        at: null,
      },
      ...{ spawnedAt: '2026-01-01T00:00:00.000Z', ...here, ...place },
    });
    const write = (marker: string, place: object) =>
      folder.write(`data/journal/${marker}.json`, JSON.stringify(entry(marker, place)));
    await write(`x.${run}`, { bootId: 'another' });
    await write(`y.${run}`, { pidNamespace: 'pid:[1]' });
    // It may be anybody's.
    await write(`z.${'d'.repeat(32)}`, { startTime: null });
    await chmod(data, 0o700);
    await using gateway = await GatewayProcess.start({ args: ['--data', data] });
    await gateway.event('ready');
    expect(await logged(data, 'reaped')).toEqual([]);
    expect(alive(stranger.pid)).toBe(true);
    expect((await journalOf(data)).every((name) => name.startsWith('run.'))).toBe(true);
  } finally {
    await end(stranger);
  }
});
