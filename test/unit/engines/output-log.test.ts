import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LogFile } from '../../../src/engines/log-file.ts';
import { OutputLog } from '../../../src/engines/output-log.ts';
import { testFolder } from '../../support/folder.ts';
import { until } from '../../support/poll.ts';

const limits = { sizeBytes: 1024 * 1024, keep: 2 };

const never = (message: string): never => {
  throw new Error(message);
};

describe('the tail of an engine', () => {
  test('is its last 20 lines that say something', () => {
    const log = new OutputLog(null);
    for (let line = 1; line <= 30; line += 1) log.write('stdout', `line ${line}\n\n  \n`);
    expect(log.tail).toEqual(Array.from({ length: 20 }, (_, at) => `line ${at + 11}`));
  });

  test('has what was written last, also without a line end', () => {
    const log = new OutputLog(null);
    log.write('stderr', 'Segmentation');
    log.write('stdout', 'one\n');
    log.write('stderr', ' fault');
    expect(log.tail).toEqual(['one', 'Segmentation fault']);
  });

  test('is free of terminal colours, and of the bars that carriage returns draw over', () => {
    const log = new OutputLog(null);
    log.write('stdout', '\u001B[31mred\u001B[0m\r\n10%\r20%\r30%\r');
    log.write('stdout', '\ndone\n');
    expect(log.tail).toEqual(['red', '10%', '20%', '30%', 'done']);
  });

  test('cuts a long line, and says so', () => {
    const log = new OutputLog(null);
    log.write('stdout', `${'x'.repeat(5000)}\nshort\n`);
    expect(log.tail).toEqual([`${'x'.repeat(2000)} …`, 'short']);
  });

  test('takes a line without end for one line, whatever its length', () => {
    const log = new OutputLog(null);
    for (let chunk = 0; chunk < 100; chunk += 1) log.write('stdout', 'z'.repeat(65_536));
    log.write('stdout', 'the end\nnext\n');
    expect(log.tail).toEqual([`${'z'.repeat(2000)} …`, 'next']);
  });

  test('goes on after a cut line that ends at the end of a chunk', () => {
    const log = new OutputLog(null);
    log.write('stdout', 'z'.repeat(3000));
    log.write('stdout', 'zzz\n');
    log.write('stdout', 'next\n');
    expect(log.tail).toEqual([`${'z'.repeat(2000)} …`, 'next']);
  });

  test.each([0, 1, 20, 43, 44])('has nothing of a secret of which our cut left %i characters', (left) => {
    const secret = 'S3CRET-abcdefghijklmnopqrstuvwxyz-0123456789';
    const said = ['x'.repeat(2000 - left), secret, 'z'.repeat(3000)];
    for (const end of ['\n', 'z'.repeat(200_000)]) {
      const log = new OutputLog(null, (text) => text.replaceAll(secret, '***'));
      const tails: string[] = [];
      for (const part of [...said, end, '\nnext\n']) {
        log.write('stdout', part);
        tails.push(...log.tail);
      }
      expect(tails.join('\n')).not.toContain('S3');
      expect(log.tail).toEqual([expect.stringMatching(/^x{1900,2000}\*{0,3}z* …$/), 'next']);
    }
  });

  test('is the same however the bytes are cut', () => {
    const text = 'Größe: 10 €\r\n\u001B[1mläuft\u001B[0m\n\n日本語\n';
    const bytes = Buffer.from(text);
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length)), (cuts) => {
        const log = new OutputLog(null);
        const at = [0, ...cuts.sort((a, b) => a - b), bytes.length];
        for (let part = 1; part < at.length; part += 1)
          log.write('stdout', bytes.subarray(at[part - 1], at[part]));
        expect(log.tail).toEqual(['Größe: 10 €', 'läuft', '日本語']);
      }),
    );
  });

  test('costs a flood of short lines little', () => {
    const log = new OutputLog(null);
    const chunk = Buffer.from('y\n'.repeat(32_768));
    const began = performance.now();
    for (let count = 0; count < 100; count += 1) log.write('stdout', chunk);
    // About 0.2 ms a chunk where this was written.
    expect((performance.now() - began) / 100).toBeLessThan(5);
  });
});

describe('a line that is waited for', () => {
  test('is told once, when it is complete', () => {
    const log = new OutputLog(null);
    let said = 0;
    log.whenSaid('Model loaded', () => {
      said += 1;
    });
    log.write('stdout', 'Model lo');
    log.write('stderr', 'aded\n');
    log.write('stdout', 'aded in');
    expect(said).toBe(0);
    log.write('stdout', ' 3 s\nModel loaded\n');
    log.write('stdout', 'Model loaded\n');
    expect(said).toBe(1);
  });

  test('is not found in what we note ourselves', () => {
    const log = new OutputLog(null);
    log.whenSaid('ready', () => never('told'));
    log.note('greenroom: engine --say ready');
    expect(log.tail).toEqual([]);
  });
});

describe('the log file', () => {
  test('holds everything, notes among it, when it is closed', async () => {
    await using folder = await testFolder();
    const path = join(folder.path, 'engines', 'mine', 'run.log');
    const log = new OutputLog({ path, limits, onTrouble: never });
    log.note('greenroom: node mine.js');
    log.write('stdout', 'one\r');
    log.write('stdout', '\n\u001B[32mtwo\u001B[0m\nthree');
    log.write('stderr', 'oops\n');
    await Promise.all([log.close(), log.close()]);
    expect(await readFile(path, 'utf8')).toBe('greenroom: node mine.js\none\ntwo\noops\nthree\n');
  });

  test('is bounded, and has what was written last', async () => {
    await using folder = await testFolder();
    const path = join(folder.path, 'run.log');
    const file = new LogFile({ path, limits: { sizeBytes: 100, keep: 2 }, onTrouble: never });
    for (let line = 0; line < 22; line += 1) file.append(`${line}`.padEnd(19, '.').concat('\n'));
    await file.close();
    const numbers = async (name: string) =>
      (await readFile(join(folder.path, name), 'utf8')).match(/^\d+/gm)?.map(Number);
    expect((await readdir(folder.path)).sort()).toEqual(['run.log', 'run.log.1', 'run.log.2']);
    expect(await numbers('run.log.2')).toEqual([10, 11, 12, 13, 14]);
    expect(await numbers('run.log.1')).toEqual([15, 16, 17, 18, 19]);
    expect(await numbers('run.log')).toEqual([20, 21]);
  });

  test('of a run takes the place of those long before it; what is not ours stays', async () => {
    await using folder = await testFolder();
    const day = (number: number) => `2026-01-0${number}T00-00-00-000Z.log`;
    const before = [day(1), `${day(1)}.1`, day(2), `${day(2)}.1`, day(3), day(7), 'notes.log', 'notes.txt'];
    for (const name of before) await folder.write(name, '');
    const file = new LogFile({ path: join(folder.path, day(5)), limits, onTrouble: never });
    await file.close();
    const left = [day(2), `${day(2)}.1`, day(3), day(5), day(7), 'notes.log', 'notes.txt'];
    expect((await readdir(folder.path)).sort()).toEqual(left);
  });

  test('declares what the disk was too slow for', async () => {
    await using folder = await testFolder();
    const path = join(folder.path, 'run.log');
    const file = new LogFile({ path, limits, onTrouble: never, waitingBytesMax: 50 });
    const line = (name: string) => `${name.repeat(39)}\n`;
    file.append(line('a'));
    file.append(line('b'));
    const missing = (bytes: number) => `(${bytes} bytes are missing here: the disk was too slow)\n`;
    const first = line('a') + missing(40);
    await until(async () => (await readFile(path, 'utf8')) === first, { timeoutMs: 2000, what: 'the file' });
    file.append('c\n');
    file.append(line('d'));
    file.append(line('e'));
    await file.close();
    expect(await readFile(path, 'utf8')).toBe(`${first}c\n${line('d')}${missing(40)}`);
  });

  test('that cannot be written is told of once, and closes', async () => {
    const told: string[] = [];
    const log = new OutputLog({
      path: '/dev/null/mine/run.log',
      limits,
      onTrouble: (message) => told.push(message),
    });
    log.write('stdout', 'one\n');
    await log.close();
    expect(told).toEqual([expect.stringMatching(/^log file \/dev\/null\/mine\/run.log: ENOTDIR/)]);
    expect(log.tail).toEqual(['one']);
  });

  test('on a full disk is given up, and the engine goes on', async () => {
    const told: string[] = [];
    const file = new LogFile({ path: '/dev/full', limits, onTrouble: (message) => told.push(message) });
    file.append('one\n');
    await until(() => told.length > 0, { timeoutMs: 2000, what: 'the trouble' });
    file.append('two\n');
    await file.close();
    expect(told).toEqual([expect.stringContaining('ENOSPC')]);
  });
});
