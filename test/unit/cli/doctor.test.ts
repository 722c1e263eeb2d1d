import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, readdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { type Check, checkLine, summaryLine } from '../../../src/cli/doctor/check.ts';
import { checkEngine } from '../../../src/cli/doctor/engines.ts';
import { type Past, readPast } from '../../../src/cli/doctor/past.ts';
import { doctor } from '../../../src/cli/doctor.ts';
import { openDataDirectory } from '../../../src/gateway/data-directory.ts';
import { runConfig } from '../../support/engine-configs.ts';
import { type TestFolder, testFolder } from '../../support/folder.ts';
import { ScriptedUpstream } from '../../support/upstream/scripted.ts';
import { testIo } from './fake-echo.ts';

const pipelines = {};

async function examined(folder: TestFolder, config: object, options: object = {}) {
  await folder.write('greenroom.json', JSON.stringify({ listen: '127.0.0.1:0', pipelines, ...config }));
  const io = testIo(folder.path);
  const code = await doctor({ json: true, ...options }, { ...io, env: { PATH: process.env['PATH'] } });
  const checks = io.events() as unknown as readonly (Check & { readonly event: string })[];
  const of = (check: string, engine: string | null = null) =>
    checks.find((each) => each.check === check && each.engine === engine);
  return { code, of, checks, lines: io.errLines };
}

async function listening(): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return { port, [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())) };
}

const stranger: Past = {
  ...{ directory: '/d', presence: { state: 'none' }, pid: null, journalTrouble: null, left: [] },
  whose: () => ({ state: 'stranger' }),
};
const here = { past: stranger, env: { PATH: process.env['PATH'] }, cwd: '/' };

describe('a machine on which nothing is wrong', () => {
  test('is said to be so, line by line: 0', async () => {
    await using folder = await testFolder();
    const io = testIo(folder.path);
    expect(await doctor({ listen: '127.0.0.1:0' }, io)).toBe(0);
    expect(io.outLines).toEqual([
      'ok       config: the embedded default: engines voice, activity; pipelines echo',
      `ok       data directory: no gateway serves ${folder.path}/.greenroom, which will be made`,
      'ok       left behind: nothing of an earlier gateway runs',
      'ok       door: 127.0.0.1, on any port that is free',
      'ok       engine voice, builtin: flite comes with greenroom',
      'ok       engine activity, builtin: silero comes with greenroom',
    ]);
    expect(io.errLines).toEqual(['nothing is wrong']);
  });

  test('is left as it was', async () => {
    await using folder = await testFolder();
    const { readdir } = await import('node:fs/promises');
    await doctor({ listen: '127.0.0.1:0' }, testIo(folder.path));
    expect(await readdir(folder.path)).toEqual([]);
  });
});

describe('the door', () => {
  test('that somebody else has is a problem, with who it is: 1', async () => {
    await using folder = await testFolder();
    await using other = await listening();
    const { code, of, lines } = await examined(folder, { listen: `127.0.0.1:${other.port}` });
    expect([code, of('door')]).toMatchObject([
      1,
      {
        ...{ event: 'check', state: 'problem', next: 'end it, or choose another with --listen' },
        message: expect.stringContaining(`127.0.0.1:${other.port} is taken: pid ${process.pid} (`),
      },
    ]);
    expect(lines.at(-1)).toBe('1 problem');
  });

  test('that the gateway of the data directory has is right', async () => {
    await using folder = await testFolder();
    await using other = await listening();
    await using directory = await openDataDirectory(join(folder.path, '.greenroom'));
    await directory.writeRecord(`http://127.0.0.1:${other.port}`);
    const { code, of } = await examined(folder, { listen: `127.0.0.1:${other.port}` });
    expect([code, of('door')?.message, of('data directory')?.message]).toEqual([
      0,
      `the gateway of this data directory, pid ${process.pid}, listens on 127.0.0.1:${other.port}`,
      expect.stringMatching(`a gateway serves .*: pid ${process.pid} at http`),
    ]);
  });

  test('on an address that is not ours, or with a certificate that cannot be used, is a problem', async () => {
    await using folder = await testFolder();
    const tls = { cert: './cert.pem', key: './key.pem' };
    const auth = { tokens: ['abcdefgh'], admin: ['ijklmnop'] };
    const { code, of } = await examined(folder, { listen: '203.0.113.7:7460', tls, auth });
    expect([code, of('door')?.state, of('door')?.message]).toEqual([
      ...[1, 'problem', expect.stringContaining('this machine has no such address')],
    ]);
    expect([of('certificate')?.state, of('certificate')?.message]).toEqual([
      ...['problem', expect.stringContaining('cert.pem')],
    ]);
  });
});

test('a configuration that is wrong is told as by every command: 2', async () => {
  await using folder = await testFolder();
  await expect(examined(folder, { engins: {} })).rejects.toMatchObject({
    code: 'config_invalid',
    exitCode: 2,
  });
  await expect(doctor({ config: 'no.yaml' }, testIo(folder.path))).rejects.toMatchObject({ exitCode: 2 });
});

test('a data directory that somebody holds without a record is a warning', async () => {
  await using folder = await testFolder();
  await using _ = await openDataDirectory(join(folder.path, '.greenroom'));
  const { code, of, lines } = await examined(folder, {});
  expect([code, of('data directory')?.state, of('data directory')?.message]).toEqual([
    ...[0, 'warning', expect.stringContaining(`pid ${process.pid} holds `)],
  ]);
  expect(lines.at(-1)).toBe('1 warning');
});

describe('a data directory that a start would refuse', () => {
  test.each([
    ['whose lock is damaged', 'lock.db', 'x'.repeat(4096), 'lock.db is damaged; remove it', 0o700],
    ['open to others, with their files', 'mine.txt', 'x', "holds files that are not greenroom's", 0o755],
  ])('%s is a problem: 1', async (_, name, content, says, mode) => {
    await using folder = await testFolder();
    await folder.write(join('.greenroom', name), content);
    await chmod(join(folder.path, '.greenroom'), mode);
    const { code, of } = await examined(folder, {});
    const { message, state } = of('data directory') ?? {};
    expect([code, state, message]).toEqual([1, 'problem', expect.stringContaining(says)]);
    // In the very words.
    const refused = await openDataDirectory(join(folder.path, '.greenroom')).catch((error: Error) => error);
    expect((refused as Error).message).toContain(says);
  });

  test.each([
    ['a file for its logs', 'logs', 'logs is no folder; move it away'],
    ['a folder for its log', 'logs/greenroom.log/x', 'greenroom.log is no file; move it away'],
    ['a folder for its record', 'gateway.json/x', 'gateway.json is no file; move it away'],
  ])('with %s is a problem: 1', async (_, name, says) => {
    await using folder = await testFolder();
    await folder.write(join('.greenroom', name), 'x');
    await chmod(join(folder.path, '.greenroom'), 0o700);
    const { code, of } = await examined(folder, {});
    expect([code, of('data directory')]).toMatchObject([
      1,
      { state: 'problem', message: expect.stringContaining(says) },
    ]);
  });

  test('with another program’s database is a problem, unless nothing is kept', async () => {
    await using folder = await testFolder();
    const path = await folder.write(join('.greenroom', 'greenroom.db'), '');
    await chmod(join(folder.path, '.greenroom'), 0o700);
    expect((await examined(folder, {})).of('database')?.state).toBe('ok');
    const database = new DatabaseSync(path);
    database.exec('PRAGMA journal_mode = WAL; CREATE TABLE theirs (a)');
    database.close();
    const { code, of } = await examined(folder, {});
    const says = expect.stringMatching(
      /greenroom\.db cannot be used: it is another program’s.*; move it away/,
    );
    expect([code, of('database')?.state, of('database')?.message]).toEqual([1, 'problem', says]);
    expect(await readdir(join(folder.path, '.greenroom'))).toEqual(['greenroom.db']);
    expect((await examined(folder, { store: 'none' })).code).toBe(0);
    await folder.write(join('.greenroom', 'greenroom.db'), 'x'.repeat(4096));
    expect((await examined(folder, {})).of('database')).toMatchObject({
      ...{ state: 'warning', next: 'the next `greenroom up` sets it aside' },
    });
  });

  test('that is a file is said to be none, to root too', async () => {
    await using folder = await testFolder();
    const data = await folder.write('plain', 'x');
    const refusal = { code: 'data_directory_unusable', exitCode: 2 };
    await expect(examined(folder, {}, { data })).rejects.toMatchObject({
      ...refusal,
      message: `the data directory ${data} is no folder: it is a file; name another one with --data`,
    });
    await expect(examined(folder, {}, { data: join(data, 'x') })).rejects.toMatchObject(refusal);
  });
});

test.each([
  ['a file', (path: string) => writeFile(path, 'x')],
  ['a pipe', async (path: string) => void execFileSync('mkfifo', [path])],
])('a journal that is %s is a warning', async (_, make) => {
  await using folder = await testFolder();
  await folder.write(join('.greenroom', 'lock.db'), '');
  const journal = join(folder.path, '.greenroom', 'journal');
  await make(journal);
  const { code, of } = await examined(folder, {});
  expect([code, of('left behind')]).toMatchObject([0, { state: 'warning', next: `move ${journal} away` }]);
});

test('a configuration that is a pipe is waited for, and no longer than somebody waits', async () => {
  await using folder = await testFolder();
  const pipe = join(folder.path, 'pipe.json');
  execFileSync('mkfifo', [pipe]);
  const leaving = new AbortController();
  const io = { ...testIo(folder.path), signal: leaving.signal };
  const left = doctor({ config: pipe, listen: '127.0.0.1:0' }, io);
  leaving.abort();
  await expect(left).rejects.toMatchObject({ code: 'cancelled' });
  const read = doctor({ config: pipe, listen: '127.0.0.1:0' }, testIo(folder.path));
  await writeFile(pipe, '{"pipelines":{}}');
  expect(await read).toBe(0);
});

describe('the program of an engine', () => {
  test('is found on the PATH, by its path, or not at all', async () => {
    await using folder = await testFolder();
    await folder.write('mine.sh', '#!/bin/sh\n');
    await folder.write('plain.sh', '#!/bin/sh\n');
    await chmod(join(folder.path, 'mine.sh'), 0o755);
    const run = async (program: string, cwd = folder.path) => {
      const [check] = await checkEngine(runConfig({ run: [program], cwd }), here);
      return check && checkLine(check);
    };
    expect(await run('sh')).toMatch(/^ok {7}engine mine, program: \/.*\/sh$/);
    expect(await run('./mine.sh')).toBe(`ok       engine mine, program: ${folder.path}/mine.sh`);
    expect(await run('./plain.sh')).toBe(
      `problem  engine mine, program: ${folder.path}/plain.sh may not be executed; \`chmod +x\` it`,
    );
    expect(await run('./none.sh')).toBe(
      `problem  engine mine, program: ${folder.path}/none.sh does not exist; install it, or name it by its path`,
    );
    expect(await run('no-such-engine')).toBe(
      'problem  engine mine, program: no-such-engine: not found in PATH; install it, or name it by its path',
    );
    expect(await run('sh', '/no/such')).toBe(
      'problem  engine mine, program: its `cwd` /no/such is not a folder; make it, or name another',
    );
  });

  test('is looked for in the PATH that it gets', async () => {
    await using folder = await testFolder();
    await folder.write('mine', '');
    await chmod(join(folder.path, 'mine'), 0o755);
    const [check] = await checkEngine(runConfig({ run: ['mine'], env: { PATH: folder.path } }), here);
    expect(check).toMatchObject({ state: 'ok', message: join(folder.path, 'mine') });
  });
});

describe('the place of an engine', () => {
  const place = async (changes: object, past: Past = stranger) =>
    (await checkEngine(runConfig({ run: ['sh'], cwd: '/', ...changes }), { ...here, past }))[1];

  test('is of no interest where it is chosen', async () => {
    expect([await place({}), await place({ socket: 'auto' })]).toEqual([undefined, undefined]);
  });

  test('is free, or somebody has it', async () => {
    await using other = await listening();
    const { port } = other;
    expect(await place({ port })).toMatchObject({
      ...{
        check: 'port',
        engine: 'mine',
        state: 'problem',
        next: 'end it, or use another port, or `port: auto`',
      },
      message: expect.stringContaining(`127.0.0.1:${port} is taken: pid ${process.pid} (`),
    });
    await other[Symbol.asyncDispose]();
    expect(await place({ port })).toMatchObject({ state: 'ok', message: `127.0.0.1:${port} is free` });
    expect(await place({ host: '203.0.113.7', port })).toMatchObject({ state: 'problem' });
  });

  test('may be a socket', async () => {
    await using folder = await testFolder();
    const socket = join(folder.path, 'x.sock');
    expect(await place({ socket })).toMatchObject({ check: 'socket', state: 'ok' });
    const server = createServer().listen(socket);
    await once(server, 'listening');
    expect(await place({ socket })).toMatchObject({ check: 'socket', state: 'problem' });
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('the model of an engine', () => {
  const model = async (path: string, exclusive = false) => {
    const config = runConfig({ run: ['sh'], cwd: '/', model: { path, format: 'gguf', exclusive } });
    return (await checkEngine(config, here))[1];
  };

  test('is one, is none, or is held by somebody', async () => {
    await using folder = await testFolder();
    const good = Buffer.concat([Buffer.from('GGUF\u0003\0\0\0'), Buffer.alloc(100)]);
    const path = await folder.write('x.gguf', good);
    expect(await model(path)).toMatchObject({
      ...{ check: 'model', state: 'ok', message: `${path} can be read (${good.length} bytes)` },
    });
    expect(await model(join(folder.path, 'none'))).toMatchObject({
      ...{ state: 'problem', message: `${folder.path}/none does not exist` },
    });
    const { open } = await import('node:fs/promises');
    await using _file = await open(path);
    expect(await model(path)).toMatchObject({ state: 'warning', next: expect.stringContaining('twice') });
    expect(await model(path, true)).toMatchObject({ state: 'problem' });
  });
});

test('a package that an engine needs is there or not', async () => {
  const engine = { ...runConfig(), kind: 'builtin', builtin: 'llama', options: {} } as const;
  await using folder = await testFolder();
  const [check] = await checkEngine(engine, { ...here, cwd: folder.path });
  const missing = { state: 'problem', next: `\`npm install node-llama-cpp\` in ${folder.path}` };
  expect(check).toMatchObject(check?.state === 'ok' ? { check: 'package' } : missing);
});

test('what is there of a data directory that is not there is nothing', async () => {
  const past = await readPast('/no/such/directory');
  expect(past).toMatchObject({ pid: null, presence: { state: 'none' }, left: [] });
  expect(past.whose(`a.${'0'.repeat(32)}`)).toEqual({ state: 'stranger' });
});

test('the summary counts', () => {
  const check = (state: Check['state']): Check => ({
    check: 'x',
    engine: null,
    state,
    message: '',
    next: null,
  });
  expect(summaryLine([check('ok')])).toBe('nothing is wrong');
  expect(summaryLine([check('problem'), check('problem'), check('warning')])).toBe('2 problems, 1 warning');
});

describe('the upstream of a bridge', () => {
  const bridgeTo = (url: string) => ({
    engines: {},
    pipelines: { far: { kind: 'bridge', url, key: 'env:KEY' } },
  });
  const examinedWithKey = async (folder: TestFolder, url: string) => {
    await folder.write('greenroom.json', JSON.stringify({ listen: '127.0.0.1:0', ...bridgeTo(url) }));
    const io = testIo(folder.path);
    const code = await doctor({}, { ...io, env: { KEY: 'sk-secret-of-mine' } });
    const line = io.outLines.find((each) => each.includes('pipeline far, upstream'));
    expect(io.outLines.join('\n')).not.toContain('sk-secret-of-mine');
    return { code, line };
  };

  test('that takes calls is fine, and one that is not there is a problem with the next step', async () => {
    await using folder = await testFolder();
    await using good = await ScriptedUpstream.start({});
    expect(await examinedWithKey(folder, good.url)).toMatchObject({
      code: 0,
      line: expect.stringMatching(/^ok .*takes WebSockets \(\d+ ms\)$/),
    });
    await using closed = await listening();
    await closed[Symbol.asyncDispose]();
    expect(await examinedWithKey(folder, `ws://127.0.0.1:${closed.port}/v1/realtime`)).toMatchObject({
      code: 1,
      line: expect.stringMatching(/^problem .*cannot be reached.*; check `url`/),
    });
  });
});
