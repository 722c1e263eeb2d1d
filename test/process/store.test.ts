// What a real gateway leaves in its database: after a call, after a kill, on a disk that is full.
import { spawnSync } from 'node:child_process';
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { applicationId } from '../../src/store/ours.ts';
import { Caller } from '../support/caller.ts';
import { type TestFolder, testFolder } from '../support/folder.ts';
import { fixture, GatewayProcess, type GatewayProcessOptions } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';

const config = {
  engines: {
    voice: { worker: fixture('gateway/tone.mjs'), options: { chunkMs: 20 } },
    activity: { builtin: 'silero' },
  },
  pipelines: { default: { kind: 'echo', speak: 'voice', vad: 'activity' } },
};

/** Several gateways, one after the other, have one data directory. */
function up(folder: TestFolder, options: GatewayProcessOptions = {}): Promise<GatewayProcess> {
  return GatewayProcess.start({ config, args: ['--data', join(folder.path, 'data')], ...options });
}

function rows(folder: TestFolder, sql: string): readonly Record<string, unknown>[] {
  const reader = new DatabaseSync(join(folder.path, 'data', 'greenroom.db'), { readOnly: true });
  try {
    return reader.prepare(sql).all();
  } finally {
    reader.close();
  }
}

const sessions = (folder: TestFolder) => rows(folder, 'SELECT * FROM sessions ORDER BY seq');
const items = (folder: TestFolder) => rows(folder, 'SELECT role, status, text FROM items ORDER BY seq');

async function leave(gateway: GatewayProcess, signal: NodeJS.Signals = 'SIGTERM') {
  const askedMs = performance.now();
  gateway.child.kill(signal);
  return gateway.end(askedMs);
}

/** A text is spoken for 20 ms a letter. */
async function answered(caller: Caller, text: string): Promise<void> {
  const before = caller.all('response.done').length;
  caller.say(text);
  await until(() => caller.all('response.done').length > before, { timeoutMs: 10_000, what: 'the answer' });
}

test('leaving writes everything, and the calls that it ended say so', async () => {
  await using folder = await testFolder();
  await using gateway = await up(folder);
  await gateway.event('ready');
  await using caller = await Caller.call(await gateway.url());
  await answered(caller, 'good day');
  expect(await leave(gateway)).toMatchObject({ code: 0, report: { forced: [] } });
  expect(sessions(folder)).toMatchObject([
    {
      state: 'closed',
      reason: 'server_shutdown',
      close_code: 1001,
      pipeline: 'default',
      items: 2,
      answers: 1,
    },
  ]);
  expect(items(folder)).toEqual([
    { role: 'user', status: 'completed', text: 'good day' },
    { role: 'assistant', status: 'completed', text: 'good day' },
  ]);
  const runs = rows(folder, 'SELECT engine, outcome, load_ms > 0 AS loaded FROM engine_runs ORDER BY engine');
  expect(runs).toEqual([
    { engine: 'activity', outcome: 'stopped', loaded: 1 },
    { engine: 'voice', outcome: 'stopped', loaded: 1 },
  ]);
});

test('kill -9 in the middle of calls: what was done 250 ms before is on disk, and the next start marks the rest', async () => {
  await using folder = await testFolder();
  await using killed = await up(folder);
  await killed.event('ready');
  const url = await killed.url();
  await using done = await Caller.call(url);
  await answered(done, 'it is done');
  await using speaking = await Caller.call(url);
  speaking.say('a'.repeat(500));
  await speaking.event('response.output_audio.delta');
  const saidMs = performance.now();
  await until(() => performance.now() - saidMs > 250, { timeoutMs: 1000, what: 'the time that a write has' });
  await leave(killed, 'SIGKILL');

  expect(sessions(folder)).toMatchObject([{ state: 'open' }, { state: 'open' }]);
  expect(items(folder)).toEqual([
    { role: 'user', status: 'completed', text: 'it is done' },
    { role: 'assistant', status: 'completed', text: 'it is done' },
    { role: 'user', status: 'completed', text: 'a'.repeat(500) },
    { role: 'assistant', status: 'in_progress', text: '' },
  ]);

  const startedAtMs = Date.now();
  await using next = await up(folder);
  await next.event('ready');
  const marked = sessions(folder);
  expect(marked).toMatchObject([
    { state: 'unclean', reason: null, items: 2, answers: null },
    { state: 'unclean', reason: null, items: 2, answers: null },
  ]);
  for (const { closed_at: closedAt } of marked) expect(closedAt).toBeGreaterThanOrEqual(startedAtMs);
  expect(items(folder).at(-1)).toMatchObject({ role: 'assistant', status: 'incomplete' });
  const unclean = rows(folder, `SELECT engine FROM engine_runs WHERE outcome = 'unclean' ORDER BY engine`);
  expect(unclean).toEqual([{ engine: 'activity' }, { engine: 'voice' }]);

  await using caller = await Caller.call(await next.url());
  await answered(caller, 'again');
  expect(await leave(next)).toMatchObject({ code: 0 });
  // Closed in order: everything is in the one file.
  const names = await readdir(join(folder.path, 'data'));
  expect(names.filter((name) => name.startsWith('greenroom'))).toEqual(['greenroom.db']);
  expect(sessions(folder).map(({ state }) => state)).toEqual(['unclean', 'unclean', 'closed']);
});

test('with `store: none` nothing is kept', async () => {
  await using folder = await testFolder();
  await using gateway = await up(folder, { config: { ...config, store: 'none' } });
  await gateway.event('ready');
  await using caller = await Caller.call(await gateway.url());
  await answered(caller, 'unheard');
  expect(await leave(gateway)).toMatchObject({ code: 0 });
  expect(await readdir(join(folder.path, 'data'))).not.toContain('greenroom.db');
});

test('a database of a newer greenroom ends the start with the reason, and is left as it is', async () => {
  await using folder = await testFolder();
  await mkdir(join(folder.path, 'data'), { mode: 0o700 });
  const path = join(folder.path, 'data', 'greenroom.db');
  const newer = new DatabaseSync(path);
  newer.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = 99; CREATE TABLE theirs (x)`);
  newer.close();
  const before = await readFile(path);
  await using gateway = await up(folder);
  expect(await gateway.exited).toMatchObject({ code: 2 });
  expect(gateway.stderr).toContain(`${path} is of version 99, written by a newer greenroom`);
  expect((await readFile(path)).equals(before)).toBe(true);
});

test.each([
  ['a pipe', (path: string) => spawnSync('mkfifo', [path]), 'is a pipe, not a file; move it away'],
  ['a device', (path: string) => spawnSync('ln', ['-s', '/dev/zero', path]), 'is a device, not a file'],
  [
    'another program’s',
    (path: string) => {
      const theirs = new DatabaseSync(path);
      theirs.exec('CREATE TABLE sessions (id); CREATE TABLE items (id)');
      theirs.close();
    },
    'another program’s, with tables that are not greenroom’s; move it away, or use another data directory',
  ],
])('a database that is %s ends the start at once, with what to do', async (_what, make, why) => {
  await using folder = await testFolder();
  await mkdir(join(folder.path, 'data'), { mode: 0o700 });
  const path = join(folder.path, 'data', 'greenroom.db');
  make(path);
  await using gateway = await up(folder);
  expect(await gateway.exited).toMatchObject({ code: 2, signal: null });
  expect(gateway.events.at(-1)).toMatchObject({ event: 'failed', code: 'store_unusable' });
  expect(gateway.stderr).toContain(path);
  expect(gateway.stderr).toContain(why);
});

test('a database that is removed under a gateway is told once, and calls that go on are in the next one', async () => {
  await using folder = await testFolder();
  await using gateway = await up(folder);
  await gateway.event('ready');
  const url = await gateway.url();
  {
    await using before = await Caller.call(url);
    await answered(before, 'gone with it');
  }
  await using caller = await Caller.call(url);
  await answered(caller, 'good day');
  const known = `SELECT count(*) AS items FROM items WHERE status = 'completed'`;
  await until(() => rows(folder, known)[0]?.['items'] === 4, { timeoutMs: 5000, what: 'four items' });
  for (const end of ['', '-wal', '-shm']) await rm(join(folder.path, 'data', `greenroom.db${end}`));
  await answered(caller, 'good evening');
  expect(await leave(gateway)).toMatchObject({ code: 0, report: { forced: [] } });
  expect(sessions(folder)).toMatchObject([{ state: 'closed', reason: 'server_shutdown', items: 4 }]);
  expect(items(folder).map(({ text }) => text)).toEqual([
    ...['good day', 'good day', 'good evening', 'good evening'],
  ]);
  const log = await readFile(join(folder.path, 'data', 'logs', 'greenroom.log'), 'utf8');
  expect(log.match(/was removed or moved away while it was in use/g)).toHaveLength(1);
  const runs = rows(folder, 'SELECT outcome FROM engine_runs');
  expect(runs).toEqual([{ outcome: 'stopped' }, { outcome: 'stopped' }]);
});

test('what is older than it is kept goes at the start', async () => {
  await using folder = await testFolder();
  {
    await using first = await up(folder);
    await first.event('ready');
    await using caller = await Caller.call(await first.url());
    await answered(caller, 'long ago');
    expect(await leave(first)).toMatchObject({ code: 0 });
  }
  const database = new DatabaseSync(join(folder.path, 'data', 'greenroom.db'));
  database.exec(`UPDATE sessions SET closed_at = closed_at - 8 * 86400000`);
  database.close();
  await using second = await up(folder, { config: { ...config, store: { keep: '7d' } } });
  await second.event('ready');
  await until(() => sessions(folder).length + items(folder).length === 0, {
    timeoutMs: 5000,
    what: 'the old session to go',
  });
});

test('a damaged database is set aside, told in the log, and the gateway serves', async () => {
  await using folder = await testFolder();
  await mkdir(join(folder.path, 'data'), { mode: 0o700 });
  await writeFile(join(folder.path, 'data', 'greenroom.db'), 'not a database '.repeat(1000));
  await using gateway = await up(folder);
  await gateway.event('ready');
  await using caller = await Caller.call(await gateway.url());
  await answered(caller, 'go on');
  expect(await leave(gateway)).toMatchObject({ code: 0 });
  expect(items(folder)).toHaveLength(2);
  const aside = (await readdir(join(folder.path, 'data'))).find((name) => name.includes('-damaged-'));
  expect(aside).toBeDefined();
  const log = await readFile(join(folder.path, 'data', 'logs', 'greenroom.log'), 'utf8');
  expect(log).toContain(`data/${aside} now, and a new one begins`);
});

/** A small disk of the gateway's own, gone with it. */
const smallDisk = (path: string, size: string) => [
  ...['unshare', '--user', '--map-root-user', '--mount', 'sh', '-c'],
  ...[`mkdir -p "$0" && mount -t tmpfs -o size=${size} tmpfs "$0" && exec "$@"`, path],
];
const { status } = spawnSync(
  'sh',
  [
    '-c',
    'd=$(mktemp -d) && unshare --user --map-root-user --mount mount -t tmpfs tmpfs "$d"; s=$?; rmdir "$d"; exit $s',
  ],
  { stdio: 'ignore' },
);

test.skipIf(status !== 0)(
  'on a full disk the gateway goes on, says so once, and catches up when there is room',
  async () => {
    await using folder = await testFolder();
    await using gateway = await up(folder, { within: smallDisk(join(folder.path, 'data'), '1m') });
    await gateway.event('ready');
    // As the gateway sees it.
    const data = join('/proc', String(gateway.pid), 'root', folder.path, 'data');
    const log = () => readFile(join(data, 'logs', 'greenroom.log'), 'utf8');
    const lines = async (word: string) => (await log()).split('\n').filter((line) => line.includes(word));
    await using caller = await Caller.call(await gateway.url());
    await answered(caller, 'before');
    await writeFile(join(data, 'filler'), Buffer.alloc(1024 * 1024)).catch((thrown: NodeJS.ErrnoException) =>
      expect(thrown.code).toBe('ENOSPC'),
    );
    // More than the room that the database has taken already; of a role that is not spoken.
    caller.send({
      type: 'conversation.item.create',
      item: { type: 'message', role: 'system', content: [{ type: 'input_text', text: 'y'.repeat(400_000) }] },
    });
    const fullMs = performance.now();
    await until(() => performance.now() - fullMs > 2500, { timeoutMs: 4000, what: 'some attempts to write' });
    await answered(caller, 'still here');
    expect((await gateway.json('/healthz')).status).toBe(200);

    await rm(join(data, 'filler'));
    await until(async () => (await lines('records are written again')).length > 0, {
      timeoutMs: 10_000,
      what: 'the store to write again',
    });
    expect(await lines('records cannot be written')).toHaveLength(1);
    expect(await lines('records are written again; 0 were lost')).toHaveLength(1);
    // SQLite takes no path that leads through another's files: what is on the disk is looked at elsewhere.
    await mkdir(join(folder.path, 'data'), { recursive: true });
    const seen = async () => {
      for (const name of ['greenroom.db', 'greenroom.db-wal'])
        await copyFile(join(data, name), join(folder.path, 'data', name));
      return rows(
        folder,
        `SELECT group_concat(role || ' ' || length(text), ', ' ORDER BY seq) AS all_of_it FROM items`,
      );
    };
    await until(
      async () =>
        (await seen())[0]?.['all_of_it'] === 'user 6, assistant 6, system 400000, user 10, assistant 10',
      { timeoutMs: 5000, what: 'every record' },
    );
    expect(await leave(gateway)).toMatchObject({ code: 0, report: { forced: [] } });
  },
);

test.skipIf(status !== 0)('a disk that stays full does not hold the leaving', async () => {
  await using folder = await testFolder();
  await using gateway = await up(folder, { within: smallDisk(join(folder.path, 'data'), '600k') });
  await gateway.event('ready');
  const data = join('/proc', String(gateway.pid), 'root', folder.path, 'data');
  await using caller = await Caller.call(await gateway.url());
  await writeFile(join(data, 'filler'), Buffer.alloc(1024 * 1024)).catch(() => undefined);
  caller.send({
    type: 'conversation.item.create',
    item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'y'.repeat(800_000) }] },
  });
  await caller.event('conversation.item.done');
  const end = await leave(gateway);
  expect(end).toMatchObject({ code: 0, report: { forced: [] } });
  expect(end.ms).toBeLessThan(3000);
});

test('the second start says how long an engine will take: to programs, in the lobby, over HTTP', async () => {
  await using folder = await testFolder();
  const slow = {
    ...config,
    engines: {
      ...config.engines,
      slow: {
        run: [process.execPath, fixture('gateway/http-engine.mjs'), '--port', '${port}', '--after', '1500'],
        // Each gateway of these tests has a folder of its own; a program elsewhere would be another.
        cwd: folder.path,
      },
    },
    pipelines: { default: { ...config.pipelines.default, needs: ['slow'] } },
  };
  const etas = (gateway: GatewayProcess) =>
    gateway.events
      .filter(({ event, name }) => event === 'engine' && name === 'slow')
      .map(({ etaMs }) => etaMs);
  {
    await using first = await up(folder, { config: slow });
    await first.event('ready');
    expect(etas(first).filter((ms) => ms !== null)).toEqual([]);
    expect(await leave(first)).toMatchObject({ code: 0 });
  }
  const [{ load_ms: loadMs } = {}] = rows(folder, `SELECT load_ms FROM engine_runs WHERE engine = 'slow'`);
  expect(loadMs).toBeGreaterThan(1500);
  await using second = await up(folder, { config: slow });
  const shown = await second.event('engine', ({ name, etaMs }) => name === 'slow' && etaMs !== null);
  expect(shown['etaMs']).toBeGreaterThan(0);
  expect(Number(shown['etaMs']) + Number(shown['ms'])).toBe(loadMs);
  const { body } = await second.json('/api/engines');
  expect(body).toMatchObject({
    data: expect.arrayContaining([expect.objectContaining({ expectedMs: loadMs })]),
  });
  await using caller = await Caller.call(await second.url());
  const notice = await caller.lobby('waiting');
  expect(notice['engines']).toContainEqual(
    expect.objectContaining({ name: 'slow', progress: null, eta_ms: expect.any(Number) }),
  );
  await second.event('ready');
});
