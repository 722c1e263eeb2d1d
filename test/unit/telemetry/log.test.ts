import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { type FileHandle, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test, vi } from 'vitest';
import { Secret, SecretRegistry } from '../../../src/config/secrets.ts';
import { GreenroomError } from '../../../src/lifecycle/errors.ts';
import { type FileLog, type LogLevel, openFileLog } from '../../../src/telemetry/log.ts';
import { type TestFolder, testFolder } from '../../support/folder.ts';
import { until } from '../../support/poll.ts';

type Line = Readonly<Record<string, unknown>> & { readonly msg: string };

const unmasked = (line: string) => line;
const pathIn = (folder: TestFolder) => join(folder.path, 'logs', 'greenroom.log');
const limits = { sizeBytes: 100 * 1024 * 1024, keep: 5 };
const openAt = (path: string, level: LogLevel = 'info'): Promise<FileLog> =>
  openFileLog({ path, level, limits, mask: unmasked });
const openIn = (folder: TestFolder, level?: LogLevel) => openAt(pathIn(folder), level);

async function linesOf(path: string): Promise<readonly Line[]> {
  const written = await readFile(path, 'utf8');
  return written
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line);
}

/** Ends one of our fixture programs by itself, and answers how. */
async function run(...args: readonly string[]): Promise<{ readonly code: number; readonly stderr: string }> {
  const program = fileURLToPath(new URL('../../fixtures/telemetry/forced-log.ts', import.meta.url));
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    // One that hangs must not outlive its test.
    timeout: 8000,
    killSignal: 'SIGKILL',
  });
  const [[code], stderr] = await Promise.all([once(child, 'exit') as Promise<[number]>, text(child.stderr)]);
  return { code, stderr };
}

/** A disk whose next writes go as it is told: refused, or taken in part. */
async function moodyDisk() {
  await using probe = await open('/dev/null', 'a');
  type Write = (bytes: Uint8Array) => Promise<{ readonly bytesWritten: number }>;
  const files = Object.getPrototypeOf(probe) as { write: Write };
  const real = files.write;
  const write = vi.spyOn(files, 'write');
  return {
    refuse: () => write.mockRejectedValueOnce(Object.assign(new Error('disk full'), { code: 'ENOSPC' })),
    takeSome: (bytes: number) =>
      write.mockImplementationOnce(function (this: FileHandle, all) {
        return real.call(this, all.subarray(0, bytes));
      }),
    /** Resolves when it has been asked so often. */
    asked: (times: number) =>
      until(() => write.mock.calls.length >= times, { timeoutMs: 5000, what: `write ${times}` }),
    [Symbol.dispose]: () => write.mockRestore(),
  };
}

describe('the log file', () => {
  test('has every line, whole and in order, once the log is closed', async () => {
    await using folder = await testFolder();
    const log = await openIn(folder);
    for (let index = 0; index < 5000; index += 1) log.info({ index, more: 'x'.repeat(100) }, 'said');
    await log.close();
    const lines = await linesOf(pathIn(folder));
    expect(lines.map(({ index }) => index)).toEqual(Array.from({ length: 5000 }, (_, index) => index));
    expect(lines[0]).toMatchObject({ level: 30, msg: 'said', time: expect.stringMatching(/^\d{4}-.*Z$/) });
  });

  test('is written by the thread pool, never on the loop', async () => {
    await using folder = await testFolder();
    const log = await openIn(folder);
    for (let index = 0; index < 1000; index += 1) log.info({ index }, 'said');
    expect(statSync(pathIn(folder)).size).toBe(0);
    await log.close();
    expect((await linesOf(pathIn(folder))).length).toBe(1000);
  });

  test('is private, in a private folder, and goes on where the last run ended', async () => {
    await using folder = await testFolder();
    for (const run of ['first', 'second']) {
      const log = await openIn(folder);
      log.info({}, run);
      await log.close();
    }
    expect((await linesOf(pathIn(folder))).map(({ msg }) => msg)).toEqual(['first', 'second']);
    const modes = [pathIn(folder), join(folder.path, 'logs')].map(async (path) => (await stat(path)).mode);
    expect((await Promise.all(modes)).map((mode) => (mode & 0o777).toString(8))).toEqual(['600', '700']);
  });

  test('has the lines of its level and above', async () => {
    await using folder = await testFolder();
    const log = await openIn(folder, 'warn');
    for (const level of ['debug', 'info', 'warn', 'error'] as const) log[level]({}, level);
    await log.close();
    expect((await linesOf(pathIn(folder))).map(({ msg }) => msg)).toEqual(['warn', 'error']);
  });

  test('has the lines of another level from the moment it is given one', async () => {
    await using folder = await testFolder();
    const log = await openIn(folder, 'silent');
    log.error({}, 'before');
    log.level = 'debug';
    log.debug({}, 'while');
    log.level = 'error';
    log.warn({}, 'after');
    await log.close();
    expect([log.level, ...(await linesOf(pathIn(folder))).map(({ msg }) => msg)]).toEqual(['error', 'while']);
  });

  test('has no secret, in whichever field and form it came', async () => {
    await using folder = await testFolder();
    const secrets = new SecretRegistry();
    secrets.add(new Secret('hunter2 "quoted"', 'env:TOKEN'));
    const log = await openFileLog({
      ...{ path: pathIn(folder), level: 'info', limits },
      mask: (line) => secrets.mask(line),
    });
    log.info({ nested: { token: 'hunter2 "quoted"' } }, 'it is hunter2 "quoted"');
    log.error({ error: new Error('hunter2 "quoted" refused') }, 'failed');
    await log.close();
    const written = await readFile(pathIn(folder), 'utf8');
    expect(written).not.toContain('hunter2');
    expect((await linesOf(pathIn(folder)))[0]).toMatchObject({ msg: 'it is ***', nested: { token: '***' } });
  });

  test('keeps what an error says, wherever in the facts it stands', async () => {
    await using folder = await testFolder();
    const log = await openIn(folder);
    const cause = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
    const error = new GreenroomError('engine_exited', 'engine llm exited', { details: { pid: 7 }, cause });
    log.warn({ error, failed: [{ path: 'gateway/thing', error: new TypeError('no') }] }, 'failed');
    await log.close();
    const [line] = await linesOf(pathIn(folder));
    expect(line).toMatchObject({
      error: {
        name: 'GreenroomError',
        code: 'engine_exited',
        message: 'engine llm exited',
        stack: expect.stringContaining('log.test.ts'),
        details: { pid: 7 },
        cause: { message: 'refused', code: 'ECONNREFUSED' },
      },
      failed: [{ path: 'gateway/thing', error: { name: 'TypeError', message: 'no' } }],
    });
  });

  test('takes facts that no JSON can be made of', async () => {
    await using folder = await testFolder();
    const log = await openIn(folder);
    const circle: Record<string, unknown> = { big: 2n ** 64n, when: new Date(0) };
    circle['self'] = circle;
    const error = new Error('in a circle');
    error.cause = error;
    log.info(circle, 'circle');
    log.info({ error }, 'cause');
    await log.close();
    expect(await linesOf(pathIn(folder))).toMatchObject([
      { msg: 'circle', when: '1970-01-01T00:00:00.000Z' },
      { msg: 'cause', error: { message: 'in a circle' } },
    ]);
  });
});

describe('closing the log', () => {
  test('right after it was opened leaves an empty file', async () => {
    await using folder = await testFolder();
    const log = await openIn(folder);
    await log.close();
    expect(await readFile(pathIn(folder), 'utf8')).toBe('');
  });

  test('twice is one close, and what is said afterwards harms nobody', async () => {
    await using folder = await testFolder();
    const log = await openIn(folder);
    log.info({}, 'said');
    const closing = log.close();
    expect(log.close()).toBe(closing);
    log.info({}, 'while it closes');
    await closing;
    log.error({}, 'after it closed');
    await log.close();
    expect((await linesOf(pathIn(folder))).map(({ msg }) => msg)).toEqual(['said']);
  });

  test('is not needed for what was said to be in the file when the process is forced to end', async () => {
    await using folder = await testFolder();
    expect(await run(pathIn(folder))).toEqual({ code: 3, stderr: '' });
    const said = (await linesOf(pathIn(folder))).map(({ index }) => index);
    expect([said.length, new Set(said).size]).toEqual([200, 200]);
  });
});

describe('a disk that fails', () => {
  test.skipIf(!existsSync('/dev/full'))('ends neither the process nor the close', async () => {
    const log = await openAt('/dev/full');
    for (let index = 0; index < 100; index += 1) log.info({ index }, 'said');
    await log.close();
    const again = await openAt('/dev/full');
    await again.close();
  });

  test.skipIf(!existsSync('/dev/full'))('changes nothing about a forced end', async () => {
    const { code } = await run('/dev/full');
    expect(code).toBe(3);
  });

  test('for a while loses nothing: what it refused, or took in part, goes before the next line', async () => {
    await using folder = await testFolder();
    const log = await openIn(folder);
    using disk = await moodyDisk();
    disk.refuse();
    log.info({}, 'refused');
    await disk.asked(1);
    disk.takeSome(7);
    log.info({}, 'taken in part');
    await disk.asked(3);
    log.info({}, 'taken whole');
    await log.close();
    const said = (await linesOf(pathIn(folder))).map(({ msg }) => msg);
    expect(said).toEqual(['refused', 'taken in part', 'taken whole']);
  });

  test('is asked once more by the close, and no more', async () => {
    await using folder = await testFolder();
    const log = await openIn(folder);
    using disk = await moodyDisk();
    disk.refuse();
    log.info({}, 'refused');
    await disk.asked(1);
    await log.close();
    expect((await linesOf(pathIn(folder))).map(({ msg }) => msg)).toEqual(['refused']);
  });

  test('that keeps up takes any number of bytes', async () => {
    await using folder = await testFolder();
    const log = await openIn(folder);
    const lines = 24;
    for (let index = 0; index < lines; index += 1) {
      log.info({ more: 'x'.repeat(1024 * 1024) }, 'said');
      await until(async () => (await stat(pathIn(folder))).size > (index + 1) * 1024 * 1024, {
        timeoutMs: 5000,
        what: `line ${index}`,
      });
    }
    await log.close();
    expect((await linesOf(pathIn(folder))).map(({ msg }) => msg)).toEqual(Array(lines).fill('said'));
  });

  test.each(['removed', 'moved away'])('and a log that is %s with its folder begins again', async (how) => {
    await using folder = await testFolder();
    const log = await openIn(folder);
    log.info({}, 'before');
    await until(async () => (await linesOf(pathIn(folder))).length === 1, {
      timeoutMs: 5000,
      what: 'a line',
    });
    const logs = dirname(pathIn(folder));
    if (how === 'removed') await rm(logs, { recursive: true });
    else await rename(logs, `${logs}.moved`);
    let said = 0;
    const again = async () => {
      said += 1;
      log.info({ said }, 'after');
      return existsSync(pathIn(folder)) && (await linesOf(pathIn(folder))).length > 1;
    };
    await until(again, { timeoutMs: 5000, what: 'the log to begin again' });
    await log.close();
    const lines = await linesOf(pathIn(folder));
    const notice = `the log ${pathIn(folder)} was removed or moved away while it was written: it begins again here`;
    expect(lines.filter(({ msg }) => msg === notice)).toHaveLength(1);
    const after = lines.flatMap((line) => (line.msg === 'after' ? Number(line['said']) : []));
    // Whatever was said from there on, each once and in order.
    expect(after).toEqual(Array.from({ length: after.length }, (_, each) => said - after.length + 1 + each));
    if (how === 'moved away') {
      const moved = await linesOf(join(`${logs}.moved`, basename(pathIn(folder))));
      expect(moved.length + after.length).toBe(1 + said);
    }
  });

  test('that was too slow for a while is told by a line where others are missing', async () => {
    await using folder = await testFolder();
    const path = join(folder.path, 'pipe');
    await promisify(execFile)('mkfifo', [path]);
    // A pipe that nobody reads yet is a disk that takes 64 KiB and then nothing.
    const both = await open(path, 'r+');
    const log = await openAt(path);
    const reader = await open(path, 'r');
    await both.close();
    for (let index = 0; index < 20_000; index += 1) log.info({ index, more: 'x'.repeat(1000) }, 'said');
    const reading = text(reader.createReadStream());
    await log.close();
    const lines = (await reading).split('\n').filter(Boolean);
    const said = lines.map((line) => JSON.parse(line) as Line);
    expect(said.length).toBeLessThan(20_000);
    expect(said.at(-1)?.msg).toMatch(/^\d+ lines are missing here: the disk was full or too slow$/);
    expect(said.length - 1 + Number(said.at(-1)?.['lines'])).toBe(20_000);
  });
});

describe('a log that cannot be opened', () => {
  test('is told with the path and the reason: the folder cannot be made, or the file is none', async () => {
    await using folder = await testFolder();
    const file = await folder.write('file', '');
    const pipe = join(folder.path, 'pipe');
    await promisify(execFile)('mkfifo', [pipe]);
    for (const [path, reason] of [
      [join(file, 'logs', 'greenroom.log'), 'ENOTDIR'],
      [folder.path, 'EISDIR'],
      [pipe, `${pipe} is a pipe that nobody reads`],
    ] as const) {
      const thrown = await openAt(path).catch((error: unknown) => error);
      expect(thrown).toBeInstanceOf(GreenroomError);
      expect(thrown).toMatchObject({ code: 'data_directory_unusable', details: { path } });
      expect((thrown as Error).message).toMatch(new RegExp(`^the log ${path} cannot be opened: ${reason}`));
    }
  });
});
