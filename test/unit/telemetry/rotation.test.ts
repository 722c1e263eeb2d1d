// A log that is full is followed by a new one: no line is lost, cut or out of order, whatever the disk says to it.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LineFile } from '../../../src/telemetry/line-file.ts';
import { openFileLog } from '../../../src/telemetry/log.ts';
import type { LogLimits } from '../../../src/telemetry/rotation.ts';
import { type TestFolder, testFolder } from '../../support/folder.ts';
import { until } from '../../support/poll.ts';

const soon = { timeoutMs: 5000 };
const pathIn = (folder: TestFolder) => join(folder.path, 'greenroom.log');

function openIn(folder: TestFolder, limits: LogLimits, told: string[] = []): LineFile {
  return new LineFile({
    path: pathIn(folder),
    limits,
    waitingBytesMax: 1024 * 1024,
    onGap: ({ lines }) => told.push(`gap ${lines}`),
    onTrouble: (what, error) => told.push(`${what}: ${(error as NodeJS.ErrnoException).code}`),
  });
}

/** The files from the oldest to the one that is written. */
async function filesOf(folder: TestFolder): Promise<readonly string[]> {
  const names = (await readdir(folder.path)).filter((name) => name.startsWith('greenroom.log'));
  const age = (name: string) => Number(name.slice('greenroom.log.'.length) || 0);
  names.sort((a, b) => age(b) - age(a));
  return Promise.all(names.map((name) => readFile(join(folder.path, name), 'utf8')));
}

const line = (number: number, length = 10) => `${String(number).padStart(length - 1, '0')}\n`;

describe('a full log', () => {
  test('is followed by a new one, whichever lines come at a time: none is lost, cut or too much', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.integer({ min: 2, max: 120 }), { maxLength: 12 }), { maxLength: 12 }),
        fc.integer({ min: 20, max: 200 }),
        async (turns, sizeBytes) => {
          await using folder = await testFolder();
          const file = openIn(folder, { sizeBytes, keep: 1000 });
          let written = '';
          for (const lengths of turns) {
            for (const length of lengths) {
              const next = line(written.length, length).slice(-length);
              file.write(next);
              written += next;
            }
            await file.open();
          }
          await file.close();
          const files = await filesOf(folder);
          expect(files.join('')).toBe(written);
          for (const text of files) {
            expect(text === '' || text.endsWith('\n')).toBe(true);
            // Only a line that is too long by itself is more than fits.
            if (text.length > sizeBytes) expect(text.indexOf('\n')).toBe(text.length - 1);
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  test('is kept as often as is wanted, the oldest goes', async () => {
    await using folder = await testFolder();
    const file = openIn(folder, { sizeBytes: 20, keep: 2 });
    for (let number = 0; number < 9; number += 1) file.write(line(number));
    await file.close();
    expect(await filesOf(folder)).toEqual([line(4) + line(5), line(6) + line(7), line(8)]);
    expect(((await stat(`${pathIn(folder)}.1`)).mode & 0o777).toString(8)).toBe('600');
  });

  test('is kept less often from now on when less is wanted', async () => {
    await using folder = await testFolder();
    for (const number of [1, 2, 3, 7]) await folder.write(`greenroom.log.${number}`, line(number));
    await folder.write('greenroom.log', line(0));
    const file = openIn(folder, { sizeBytes: 10, keep: 2 });
    file.write(line(9));
    await file.close();
    expect(await filesOf(folder)).toEqual([line(1), line(0), line(9)]);
  });

  test('is begun anew in its place when none is to be kept', async () => {
    await using folder = await testFolder();
    const file = openIn(folder, { sizeBytes: 20, keep: 0 });
    for (let number = 0; number < 5; number += 1) file.write(line(number));
    await file.close();
    expect(await filesOf(folder)).toEqual([line(4)]);
  });

  test('of the last run is followed by a new one too', async () => {
    await using folder = await testFolder();
    await folder.write('greenroom.log', line(1) + line(2));
    const file = openIn(folder, { sizeBytes: 20, keep: 1 });
    file.write(line(3));
    await file.close();
    expect(await filesOf(folder)).toEqual([line(1) + line(2), line(3)]);
  });

  test('that is a pipe or a device is never moved', async () => {
    await using folder = await testFolder();
    execFileSync('mkfifo', [pathIn(folder)]);
    const file = openIn(folder, { sizeBytes: 20, keep: 1 });
    const reading = readFile(pathIn(folder), 'utf8');
    for (let number = 0; number < 9; number += 1) file.write(line(number));
    await file.close();
    expect([(await reading).length, await readdir(folder.path)]).toEqual([90, ['greenroom.log']]);
  });

  test('loses nothing at a forced exit, whatever of it is just under way', async () => {
    const program = fileURLToPath(new URL('../../fixtures/telemetry/forced-log.ts', import.meta.url));
    for (const sizeBytes of ['300', '3000', '7000', '8000']) {
      await using folder = await testFolder();
      expect(spawnSync(process.execPath, [program, pathIn(folder), sizeBytes]).status).toBe(3);
      const said = (await filesOf(folder)).join('').trimEnd().split('\n');
      const numbers = said.map((text) => (JSON.parse(text) as { index: number }).index);
      expect([said.length, new Set(numbers).size], `files of ${sizeBytes} bytes`).toEqual([200, 200]);
    }
  });
});

describe('a new file that cannot be had', () => {
  test('leaves the log as it is, longer than it should be, and is asked for again later', async () => {
    await using folder = await testFolder();
    const told: string[] = [];
    const file = openIn(folder, { sizeBytes: 20, keep: 1 }, told);
    // A folder of that name cannot be replaced by a file.
    await mkdir(join(folder.path, 'greenroom.log.1', 'x'), { recursive: true });
    let expected = '';
    for (let number = 0; number < 5; number += 1) {
      file.write(line(number));
      expected += line(number);
      await until(async () => (await stat(pathIn(folder))).size === expected.length, {
        ...soon,
        what: `line ${number}`,
      });
    }
    expect(await readdir(folder.path)).not.toContain('greenroom.log.next');
    await rm(join(folder.path, 'greenroom.log.1'), { recursive: true });
    file.write(line(5));
    file.write(line(6));
    await file.close();
    expect(await filesOf(folder)).toEqual([expected + line(5), line(6)]);
    expect(told).toEqual([expect.stringMatching(/^rotate: .*EISDIR/)]);
  });

  test('is told in the log itself', async () => {
    await using folder = await testFolder();
    await mkdir(join(folder.path, 'greenroom.log.1', 'x'), { recursive: true });
    const limits = { sizeBytes: 1024, keep: 1 };
    const log = await openFileLog({ path: pathIn(folder), level: 'info', limits, mask: (text) => text });
    for (let index = 0; index < 20; index += 1) log.info({ index, more: 'x'.repeat(100) }, 'said');
    await log.close();
    const text = await readFile(pathIn(folder), 'utf8');
    expect(text.match(/"msg":"said"/g)).toHaveLength(20);
    expect(text).toMatch(/the log goes on beyond its size: [^"]*EISDIR/);
  });

  test('because the folder was removed under it is made again, with the folder', async () => {
    await using folder = await testFolder();
    const path = join(folder.path, 'logs', 'greenroom.log');
    const file = new LineFile({
      ...{ path, limits: { sizeBytes: 20, keep: 1 }, waitingBytesMax: 1000, onGap: () => undefined },
    });
    file.write(line(1) + line(2));
    await until(async () => (await stat(path)).size === 20, { ...soon, what: 'the first lines' });
    await rm(join(folder.path, 'logs'), { recursive: true });
    file.write(line(3));
    await file.close();
    expect(await readFile(path, 'utf8')).toBe(line(3));
  });

  const asRoot = process.getuid?.() === 0;
  test.skipIf(asRoot)('in a folder that became read-only leaves the log as it is', async () => {
    await using folder = await testFolder();
    const told: string[] = [];
    const file = openIn(folder, { sizeBytes: 20, keep: 1 }, told);
    await file.open();
    await chmod(folder.path, 0o500);
    for (let number = 0; number < 4; number += 1) file.write(line(number));
    await file.close();
    await chmod(folder.path, 0o700);
    expect([(await filesOf(folder)).join(''), told]).toEqual([
      [0, 1, 2, 3].map((number) => line(number)).join(''),
      ['rotate: EACCES'],
    ]);
  });

  const mounts = spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0;
  test.skipIf(!mounts)('on a disk that is full loses nothing that still fits', async () => {
    const program = fileURLToPath(new URL('../../fixtures/telemetry/full-disk.ts', import.meta.url));
    const script = 'mount -t tmpfs -o size=256k,nr_inodes=4 none /mnt && exec "$0" "$1" /mnt/greenroom.log';
    const { stdout, stderr, status } = spawnSync(
      'unshare',
      ['-rm', 'sh', '-c', script, process.execPath, program],
      {
        encoding: 'utf8',
        timeout: 9000,
      },
    );
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
    const { before, told, after } = JSON.parse(stdout) as {
      before: number;
      told: string[];
      after: readonly number[];
    };
    expect(before).toBeGreaterThan(1000);
    expect(told).toContain('write: ENOSPC');
    // Once there is room, it goes on with the first line that was refused.
    expect(after).toEqual(Array.from({ length: after.length }, (_, index) => index + (after[0] ?? 0)));
    expect(after[0]).toBeLessThanOrEqual(before);
  });

  test.skipIf(!existsSync('/dev/full'))('on a device that refuses everything ends nothing', async () => {
    const told: string[] = [];
    const file = new LineFile({
      path: '/dev/full',
      limits: { sizeBytes: 20, keep: 1 },
      waitingBytesMax: 100,
      onGap: ({ lines, bytes }) => told.push(`${lines} lines, ${bytes} bytes`),
      onTrouble: (what, error) => told.push(`${what}: ${(error as NodeJS.ErrnoException).code}`),
    });
    for (let number = 0; number < 5; number += 1) file.write(line(number, 30));
    await file.close();
    expect(told).toEqual(['write: ENOSPC']);
  });
});
