import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { symlinkSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { openDataDirectory } from '../../../src/gateway/data-directory.ts';
import { lookInto } from '../../../src/gateway/presence.ts';
import { readRunRecord } from '../../../src/gateway/run-record.ts';
import { GreenroomError } from '../../../src/lifecycle/errors.ts';
import { testFolder } from '../../support/folder.ts';
import { until } from '../../support/poll.ts';

const url = 'http://127.0.0.1:7460';

async function failureOf(opening: Promise<unknown>): Promise<GreenroomError> {
  const outcome = await opening.catch((thrown: unknown) => thrown);
  if (!(outcome instanceof GreenroomError)) throw new Error('expected a failure', { cause: outcome });
  return outcome;
}

const modeOf = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8);

interface Holder extends AsyncDisposable {
  readonly process: ChildProcess;
  /** What it said: `{"held":true}` or the error. */
  readonly said: { readonly held?: boolean; readonly code?: string; readonly message?: string };
  end(how: 'SIGKILL' | 'close'): Promise<void>;
}

/** Another process that opens the data directory, and holds it if it can. */
async function holder(path: string, options: { uid?: number } = {}): Promise<Holder> {
  const script = fileURLToPath(new URL('../../fixtures/data-directory/holder.ts', import.meta.url));
  const define = 'data:text/javascript,globalThis.__VERSION__="0.0.0-other"';
  const child = spawn(process.execPath, ['--import', define, script, path], {
    stdio: ['pipe', 'pipe', 'inherit'],
    ...options,
  });
  const exited = once(child, 'exit');
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const end = async (how: 'SIGKILL' | 'close'): Promise<void> => {
    if (how === 'SIGKILL') child.kill('SIGKILL');
    else child.stdin.end();
    await exited;
  };
  return { process: child, said: JSON.parse(line), end, [Symbol.asyncDispose]: () => end('SIGKILL') };
}

describe('the folder', () => {
  test('is made with everything above it, for its owner alone', async () => {
    await using folder = await testFolder();
    const path = join(folder.path, 'a', 'b');
    await using directory = await openDataDirectory(path);
    expect([directory.path, directory.notices, await modeOf(path)]).toEqual([path, [], '700']);
    expect(await readdir(path)).toEqual(['lock.db']);
    expect(await modeOf(join(path, 'lock.db'))).toBe('600');
  });

  test('is made private when it is empty or one of ours, and that is said', async () => {
    await using folder = await testFolder();
    await chmod(folder.path, 0o755);
    {
      await using directory = await openDataDirectory(folder.path);
      expect(directory.notices).toEqual([`${folder.path} was open to other users (0755); it is 0700 now`]);
    }
    await chmod(folder.path, 0o770);
    await using again = await openDataDirectory(folder.path);
    expect([again.notices.length, await modeOf(folder.path)]).toEqual([1, '700']);
  });

  test('is left alone when others may enter it and it holds what is not ours', async () => {
    await using folder = await testFolder();
    await folder.write('thesis.txt', 'x');
    await chmod(folder.path, 0o1777);
    const failure = await failureOf(openDataDirectory(folder.path));
    expect(failure.code).toBe('data_directory_unusable');
    expect(failure.message).toContain(
      "is open to other users (1777) and holds files that are not greenroom's",
    );
    expect([await modeOf(folder.path), await readdir(folder.path)]).toEqual(['777', ['thesis.txt']]);
  });

  test('cannot be a file, nor lie below one, nor where nothing can be made', async () => {
    await using folder = await testFolder();
    const file = await folder.write('file', '');
    const reasons = await Promise.all(
      [file, join(file, 'x'), '/proc/greenroom'].map(async (path) => {
        const { code, exitCode, message } = await failureOf(openDataDirectory(path));
        return [code, exitCode, message.slice(message.indexOf(': it'))];
      }),
    );
    expect(reasons).toEqual([
      ['data_directory_unusable', 2, ': it cannot be made: there is a file of this name'],
      ['data_directory_unusable', 2, ': it cannot be made: a file stands in its path'],
      ['data_directory_unusable', 2, ': it cannot be made: nothing can be made there'],
    ]);
  });

  test.skipIf(process.getuid?.() !== 0)('must be writable (root becomes nobody to see it)', async () => {
    await using folder = await testFolder();
    await mkdir(join(folder.path, 'mine'), { mode: 0o700 });
    await chmod(folder.path, 0o755);
    await using other = await holder(join(folder.path, 'theirs'), { uid: 65_534 });
    expect(other.said.message).toContain(': it cannot be made: permission denied');
  });

  test('with a damaged lock says which file to remove', async () => {
    await using folder = await testFolder();
    await chmod(folder.path, 0o700);
    const lock = await folder.write('lock.db', 'this is no database '.repeat(100));
    const failure = await failureOf(openDataDirectory(folder.path));
    expect(failure.code).toBe('data_directory_unusable');
    expect(failure.message).toContain(`${lock} is damaged; remove it when no gateway uses this directory`);
  });

  test.each(['lock.db', 'lock.db-journal', 'lock.db-wal'])(
    'with a pipe as %s says what to do at once, and is not taken for held',
    async (name) => {
      await using folder = await testFolder();
      await chmod(folder.path, 0o700);
      if (name !== 'lock.db') await folder.write('lock.db', '');
      execFileSync('mkfifo', [join(folder.path, name)]);
      const failure = await failureOf(openDataDirectory(folder.path));
      expect([failure.code, failure.message]).toEqual([
        'data_directory_unusable',
        `the data directory ${folder.path}: ${join(folder.path, name)} is a pipe, not a file: move it away, or name another folder with --data`,
      ]);
      expect(await lookInto(folder.path)).toEqual({ state: 'none' });
    },
  );
});

describe('one gateway at a time', () => {
  test('a second one is told who holds the directory, where, for how long, and what to do', async () => {
    await using folder = await testFolder();
    await using other = await holder(folder.path);
    expect(other.said).toEqual({ held: true });
    const failure = await failureOf(openDataDirectory(folder.path));
    expect(failure.code).toBe('data_directory_locked');
    expect(failure.message).toMatch(
      new RegExp(
        `^a gateway owns ${folder.path}: pid ${other.process.pid} at http://127\\.0\\.0\\.1:7999, for \\d+s; ` +
          `stop it with \`greenroom stop --data ${folder.path}\`, or use another directory with \`--data\`$`,
      ),
    );
    expect(failure.details).toMatchObject({ pid: other.process.pid, url: 'http://127.0.0.1:7999' });
  });

  test('so is a second one in the same process, and the first keeps its lock', async () => {
    await using folder = await testFolder();
    await using directory = await openDataDirectory(folder.path);
    const failure = await failureOf(openDataDirectory(folder.path));
    expect(failure.message).toContain(`another gateway (pid ${process.pid}) owns ${folder.path}`);
    expect(failure.message).toContain('has not written its address yet');
    await directory.writeRecord(url);
    await using other = await holder(folder.path);
    expect(other.said).toMatchObject({ code: 'data_directory_locked' });
    expect(other.said.message).toContain(`pid ${process.pid} at ${url}`);
  });

  test('of several that start at once exactly one gets it', async () => {
    await using folder = await testFolder();
    const all = await Promise.all(Array.from({ length: 4 }, () => holder(folder.path)));
    const outcomes = all.map(({ said }) => said.code ?? 'held').sort();
    await Promise.all(all.map((one) => one.end('SIGKILL')));
    expect(outcomes).toEqual([...Array(3).fill('data_directory_locked'), 'held']);
  });

  test('kill -9 frees the directory at once, and the record left behind deceives nobody', async () => {
    await using folder = await testFolder();
    const other = await holder(folder.path);
    expect(await readRunRecord(folder.path)).toMatchObject({
      state: 'running',
      record: { pid: other.process.pid },
    });
    await other.end('SIGKILL');
    expect(await readRunRecord(folder.path)).toMatchObject({
      state: 'gone',
      record: { pid: other.process.pid },
    });
    await using directory = await openDataDirectory(folder.path);
    await directory.writeRecord(url);
    expect(await readRunRecord(folder.path)).toMatchObject({
      state: 'running',
      record: { pid: process.pid, url },
    });
  });

  test('one that leaves takes its record with it and frees the directory', async () => {
    await using folder = await testFolder();
    const other = await holder(folder.path);
    other.process.stdin?.end();
    const gone = async () => (await readRunRecord(folder.path)).state === 'none';
    await until(gone, { timeoutMs: 5_000, what: 'the record is removed' });
    await other.end('close');
    expect(await readdir(folder.path)).toEqual(['lock.db']);
    await using directory = await openDataDirectory(folder.path);
    expect(directory.notices).toEqual([]);
  });
});

const good = {
  ...{ pid: 1, startTime: 1, bootId: 'x', url: 'http://127.0.0.1:1', version: '1.0.0-rc.1+x' },
  startedAt: '2026-01-01T00:00:00.000Z',
};

describe('the run record', () => {
  test('of another process is read as that wrote it', async () => {
    await using folder = await testFolder();
    await folder.write('gateway.json', JSON.stringify(good));
    expect(await readRunRecord(folder.path)).toEqual({
      state: 'gone',
      record: { ...good, process: 'owned', state: 'serving' },
    });
  });

  test.each([
    ['/tmp/a b/events.sock', true],
    ['events.sock', false],
    ['/tmp/\u001b[2J', false],
    [`/${'a'.repeat(108)}`, false],
    [7, false],
  ])('names the socket of the events: %j, if that can be one: %j', async (eventsSocket, isOne) => {
    await using folder = await testFolder();
    await folder.write('gateway.json', JSON.stringify({ ...good, eventsSocket }));
    const found = await readRunRecord(folder.path);
    expect(found.state === 'gone' && found.record.eventsSocket).toBe(isOne ? eventsSocket : undefined);
    await using other = await testFolder();
    await using directory = await openDataDirectory(other.path);
    await directory.writeRecord(url, 'owned', String(eventsSocket));
    directory.tellLeaving();
    await directory.writeRecord(url, 'owned', '/tmp/events.sock');
    expect(await readRunRecord(other.path)).toMatchObject({
      record: { url, eventsSocket: '/tmp/events.sock' },
    });
  });

  test('tells that its gateway leaves, and is gone with it', async () => {
    await using folder = await testFolder();
    const directory = await openDataDirectory(folder.path);
    directory.tellLeaving();
    await directory.writeRecord(url, 'shared');
    directory.tellLeaving();
    const leaving = async () => {
      const found = await readRunRecord(folder.path);
      return found.state === 'running' && found.record.state === 'leaving' && found.record;
    };
    const record = await until(leaving, { timeoutMs: 5000, what: 'the record' });
    expect(record).toMatchObject({ url, process: 'shared', pid: process.pid });
    directory.tellLeaving();
    await directory.close();
    directory.tellLeaving();
    expect(await readdir(folder.path)).toEqual(['lock.db']);
  });

  test('is written past whatever stands in the way: a pipe, a link that leads elsewhere', async () => {
    await using folder = await testFolder();
    await using directory = await openDataDirectory(folder.path);
    const next = join(folder.path, 'gateway.json.next');
    const elsewhere = await folder.write('elsewhere', 'of somebody');
    for (const make of [
      () => execFileSync('mkfifo', [next]),
      () => execFileSync('mkfifo', [join(folder.path, 'gateway.json')]),
      () => symlinkSync(elsewhere, next),
    ]) {
      make();
      await directory.writeRecord(url);
      expect((await readRunRecord(folder.path)).state).toBe('running');
      await rm(join(folder.path, 'gateway.json'));
    }
    expect(await readFile(elsewhere, 'utf8')).toBe('of somebody');
  });

  test('says which process serves the directory, and is for its owner alone', async () => {
    await using folder = await testFolder();
    await using directory = await openDataDirectory(folder.path);
    expect(await readRunRecord(folder.path)).toEqual({ state: 'none' });
    await directory.writeRecord('http://127.0.0.1:1');
    await Promise.all([directory.writeRecord('http://127.0.0.1:2'), directory.writeRecord(url)]);
    const path = join(folder.path, 'gateway.json');
    const record = JSON.parse(await readFile(path, 'utf8'));
    expect(record).toEqual({
      pid: process.pid,
      startTime: expect.any(Number),
      bootId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      url,
      process: 'owned',
      version: '0.0.0-test',
      startedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    });
    expect([await modeOf(path), (await readdir(folder.path)).sort()]).toEqual([
      '600',
      ['gateway.json', 'lock.db'],
    ]);
  });

  test.each([
    ['a later process with its pid', { startTime: 1 }],
    ['a machine that was started again', { bootId: 'another-boot' }],
    ['a pid that no process has', { pid: 2 ** 30 }],
  ])('of %s is not running', async (_what, change) => {
    await using folder = await testFolder();
    await using directory = await openDataDirectory(folder.path);
    await directory.writeRecord(url);
    const path = join(folder.path, 'gateway.json');
    await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, 'utf8')), ...change }));
    expect((await readRunRecord(folder.path)).state).toBe('gone');
    await directory.close();
    expect(await readdir(folder.path), 'what is not its own stays').toContain('gateway.json');
  });

  test.each([
    '',
    '{',
    'null',
    '[]',
    '{"pid": 1}',
    JSON.stringify({ ...good, pid: -1 }),
    JSON.stringify({ ...good, version: 'v\u001b[2J' }),
    JSON.stringify({ ...good, version: '1\nno gateway runs' }),
    JSON.stringify({ ...good, version: 'v'.repeat(65) }),
    JSON.stringify({ ...good, url: 'http://127.0.0.1:1/\u009b2J' }),
    JSON.stringify({ ...good, url: 'http://user:word@127.0.0.1:1' }),
    JSON.stringify({ ...good, url: 'file:///etc/passwd' }),
    JSON.stringify({ ...good, startedAt: '2026-01-01 (\u001b]0;title\u0007)' }),
    JSON.stringify({ ...good, bootId: '\u202e' }),
  ])('that is corrupt (%s) is told as such, and is written anew', async (text) => {
    await using folder = await testFolder();
    await folder.write('gateway.json', text);
    expect((await readRunRecord(folder.path)).state).toBe('corrupt');
    await chmod(folder.path, 0o700);
    await using directory = await openDataDirectory(folder.path);
    await directory.writeRecord(url);
    expect((await readRunRecord(folder.path)).state).toBe('running');
  });

  test('is not there where no data directory is', async () => {
    expect(await readRunRecord('/nowhere/at/all')).toEqual({ state: 'none' });
  });

  test('that cannot be written leaves nothing half-written', async () => {
    await using folder = await testFolder();
    await using directory = await openDataDirectory(folder.path);
    await mkdir(join(folder.path, 'gateway.json'));
    const failure = await failureOf(directory.writeRecord(url));
    expect([failure.code, failure.message.includes('gateway.json cannot be written')]).toEqual([
      'data_directory_unusable',
      true,
    ]);
    expect((await readdir(folder.path)).sort()).toEqual(['gateway.json', 'lock.db']);
  });
});

test('close is idempotent, waits for a write under way, and is the end of writing', async () => {
  await using folder = await testFolder();
  const directory = await openDataDirectory(folder.path);
  const writing = directory.writeRecord(url);
  const closing = directory.close();
  expect(directory.close()).toBe(closing);
  await Promise.all([writing, closing]);
  expect(await readdir(folder.path)).toEqual(['lock.db']);
  expect((await failureOf(directory.writeRecord(url))).code).toBe('scope_closed');
});

test('close does well when the directory has been removed under it', async () => {
  await using folder = await testFolder();
  const path = join(folder.path, 'data');
  const directory = await openDataDirectory(path);
  await directory.writeRecord(url);
  await rm(path, { recursive: true });
  await expect(directory.close()).resolves.toBeUndefined();
});
