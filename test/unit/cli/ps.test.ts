import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ps } from '../../../src/cli/ps.ts';
import { openDataDirectory } from '../../../src/gateway/data-directory.ts';
import { testFolder } from '../../support/folder.ts';
import { type FakeBehaviour, fakeGateway, nobodysUrl } from '../client/fake-gateway.ts';
import { testIo } from './fake-echo.ts';
import { held, record, sleeper } from './records.ts';

const engine = { name: 'voice', kind: 'run', state: 'ready', rung: 'ready', progress: 1, elapsedMs: 1234 };
const health = {
  ...{ status: 'healthy', version: '1.2.3', pid: process.pid, uptime_ms: 65_000 },
  engines: [{ ...engine, pid: process.pid, port: 9000 }],
  sessions: { open: 2, max: 200 },
};

const answering = (body: unknown, status = 200): FakeBehaviour => ({ onRequest: () => ({ status, body }) });

describe('a gateway that runs', () => {
  test('is shown with what it says of itself, and its processes: 0', async () => {
    await using folder = await testFolder();
    await using gateway = await fakeGateway(answering(health));
    await using _ = await held(folder.path);
    await record(folder.path, { url: gateway.url });
    const io = testIo(folder.path);
    expect(await ps({}, io)).toBe(0);
    expect(io.outLines).toEqual([
      expect.stringMatching(
        new RegExp(
          `^healthy {2}pid ${process.pid} at ${gateway.url}, version 1\\.2\\.3, for 3m, 2 of 200 sessions, \\d+ MiB$`,
        ),
      ),
      expect.stringMatching(
        new RegExp(`^ {2}voice {2}ready +1\\.2 s {2}pid ${process.pid} {2}port 9000 {2}\\d+ MiB$`),
      ),
    ]);
    expect([io.errLines, gateway.requests]).toEqual([[], ['/v1/health']]);
  });

  test('is told to programs in one object a line', async () => {
    await using folder = await testFolder();
    await using gateway = await fakeGateway(answering(health));
    await using _ = await held(folder.path);
    const eventsSocket = join(folder.path, '.greenroom', 'events.sock');
    const { startedAt } = await record(folder.path, { url: gateway.url, eventsSocket });
    const io = testIo(folder.path);
    expect(await ps({ json: true }, io)).toBe(0);
    expect(io.errLines[0]).toContain(` MiB, events at ${eventsSocket}`);
    expect(io.events()).toEqual([
      {
        ...{ event: 'gateway', state: 'running', data: join(folder.path, '.greenroom'), pid: process.pid },
        ...{ url: gateway.url, version: '1.2.3', startedAt, ageMs: expect.any(Number), status: 'healthy' },
        ...{ sessions: { open: 2, max: 200 }, memoryBytes: expect.any(Number), eventsSocket },
        why: null,
      },
      {
        ...{ event: 'engine', name: 'voice', kind: 'run', state: 'ready', rung: 'ready', percent: 100 },
        ...{ ms: 1234, etaMs: null, pid: process.pid, port: 9000, memoryBytes: expect.any(Number) },
      },
    ]);
  });

  test('somewhere else is asked by its URL', async () => {
    await using gateway = await fakeGateway(answering(health));
    const io = testIo('/');
    expect(await ps({ url: `${gateway.url.replace('http', 'ws')}/v1/realtime`, json: true }, io)).toBe(0);
    expect(io.events()).toMatchObject([
      {
        state: 'running',
        data: null,
        pid: process.pid,
        ageMs: 65_000,
        memoryBytes: null,
        eventsSocket: null,
      },
      { event: 'engine', memoryBytes: null },
    ]);
  });
});

describe('a gateway that runs and does not answer', () => {
  test('within a second is shown from its record alone, which is said: 0', async () => {
    await using folder = await testFolder();
    const server = createServer((socket) => socket.resume().on('error', () => undefined));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    await using _ = await held(folder.path);
    await record(folder.path, { url: `http://127.0.0.1:${port}` });
    const io = testIo(folder.path);
    const beganMs = performance.now();
    expect(await ps({}, io)).toBe(0);
    expect(performance.now() - beganMs).toBeLessThan(3000);
    expect(io.outLines).toHaveLength(1);
    expect(io.outLines[0]).toMatch(/^no answer {2}pid \d+ at http.*, version 1\.2\.3, for 3m, \d+ MiB, /);
    expect(io.outLines[0]).toMatch(
      /from its run record alone: .*\/v1\/health did not answer within 1000 ms$/,
    );
    await new Promise((resolve) => server.close(resolve));
  });

  test.each([
    ['wants a token', answering({}, 401), 'HTTP 401, it needs a token: --token, or GREENROOM_TOKEN'],
    ['is none', answering('nginx', 200), 'HTTP 200, which no gateway does'],
    ['is another one', answering({ ...health, pid: 7 }), 'another gateway answers, pid 7'],
  ])('since who has its port %s is said', async (_what, behaviour, why) => {
    await using folder = await testFolder();
    await using gateway = await fakeGateway(behaviour);
    await using _ = await held(folder.path);
    await record(folder.path, { url: gateway.url });
    const io = testIo(folder.path);
    expect(await ps({ json: true }, io)).toBe(0);
    const [event, ...engines] = io.events();
    expect([event?.['state'], event?.['status'], engines]).toEqual(['running', null, []]);
    expect(event?.['why']).toContain(why);
  });

  test('since it leaves says so: its record does', async () => {
    await using folder = await testFolder();
    await using _ = await held(folder.path);
    await record(folder.path, { url: await nobodysUrl(), state: 'leaving' });
    const io = testIo(folder.path);
    expect(await ps({ json: true }, io)).toBe(0);
    expect(io.events()).toMatchObject([{ state: 'running', status: 'shutting_down' }]);
    expect(io.errLines[0]).toMatch(/^shutting_down {2}pid \d+ at http/);
  });

  test('since its record leads elsewhere is said, and nobody there is asked', async () => {
    await using folder = await testFolder();
    await using _ = await held(folder.path);
    await record(folder.path, { url: 'http://203.0.113.9:7460' });
    const io = testIo(folder.path);
    expect(await ps({ json: true, token: 'secret' }, io)).toBe(0);
    expect(io.events()).toMatchObject([
      { state: 'running', status: null, why: `pid ${process.pid} does not listen there, so it is not asked` },
    ]);
  });

  test('and has written no record is known by its lock', async () => {
    await using folder = await testFolder();
    await using _directory = await openDataDirectory(join(folder.path, '.greenroom'));
    const io = testIo(folder.path);
    expect(await ps({ json: true }, io)).toBe(0);
    const why = expect.stringContaining('it has not written its address (it starts, or leaves)');
    expect(io.events()).toMatchObject([{ state: 'unrecorded', pid: process.pid, why }]);
    await folder.write('.greenroom/gateway.json', 'garbage');
    expect(await ps({}, io)).toBe(0);
    expect(io.outLines.at(-1)).toMatch(/^somebody holds .*gateway\.json is no run record, pid \d+$/);
  });
});

describe('no gateway', () => {
  test('in a folder is said, with how to start one: 69', async () => {
    await using folder = await testFolder();
    const io = testIo(folder.path);
    expect(await ps({}, io)).toBe(69);
    expect(io.errLines[0]).toMatch(/^no gateway runs in .*\/\.greenroom; start one with `greenroom up`/);
  });

  test('but its record, with a pid that is somebody else’s by now, is named as left behind: 69', async () => {
    await using folder = await testFolder();
    await using stranger = await sleeper();
    await record(folder.path, { pid: stranger.pid, startTime: 1 });
    const io = testIo(folder.path);
    expect(await ps({}, io)).toBe(69);
    expect(io.errLines).toEqual([
      `left behind by pid ${stranger.pid}, gone: no gateway runs in ${folder.path}/.greenroom`,
    ]);
    expect(await ps({ json: true }, io)).toBe(69);
    expect(io.events()).toMatchObject([{ event: 'gateway', state: 'gone', pid: stranger.pid, status: null }]);
  });

  test('but the record of a process that does not hold the folder is told as such: 69', async () => {
    await using folder = await testFolder();
    await record(folder.path);
    const io = testIo(folder.path);
    expect(await ps({ json: true }, io)).toBe(69);
    const why = `the record is of pid ${process.pid}, which runs and does not hold this directory (is it a copy?): no gateway runs in ${folder.path}/.greenroom`;
    expect(io.events()).toMatchObject([{ state: 'gone', pid: process.pid, status: null, why }]);
  });

  test('but garbage in its place is told as such: 69', async () => {
    await using folder = await testFolder();
    await folder.write('.greenroom/gateway.json', '{"pid": "me"}');
    const io = testIo(folder.path);
    expect(await ps({ json: true }, io)).toBe(69);
    expect(io.events()).toMatchObject([
      { state: 'corrupt', why: expect.stringContaining('gateway.json is no run record; no gateway runs in') },
    ]);
  });

  test('at a URL is said: 69', async () => {
    const io = testIo('/');
    const url = await nobodysUrl();
    expect(await ps({ url }, io)).toBe(69);
    expect(io.errLines[0]).toContain(`no gateway answers at ${url}: connection refused`);
  });

  test('is known by a URL that is none: bad usage', async () => {
    await expect(ps({ url: 'nowhere' }, testIo('/'))).rejects.toMatchObject({ code: 'bad_usage' });
  });
});
