import { execFileSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openDataDirectory } from '../../../src/gateway/data-directory.ts';
import { GatewayLog, logChangeIn, readLastReport } from '../../../src/gateway/gateway-log.ts';
import type { Ending } from '../../../src/lifecycle/report.ts';
import type { ShutdownReport } from '../../../src/lifecycle/shutdown.ts';
import { type TestFolder, testFolder } from '../../support/folder.ts';

const config = { level: 'info', cleanup: false, sizeBytes: 100_000, keep: 1 } as const;
const ending: Ending = { path: 'gateway/thing', kind: 'resource', result: 'done', ms: 1.234 };
const report: ShutdownReport = {
  ...{ reason: 'SIGTERM', forced: [], ms: 12, exitCode: 0 },
  stages: [{ name: 'announce', startMs: 0, ms: 1, outcome: 'done', notes: [] }],
};

async function messages(folder: TestFolder): Promise<readonly string[]> {
  const text = await readFile(join(folder.path, 'logs', 'greenroom.log'), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { msg: string }).msg);
}

async function opened(folder: TestFolder, changes: object = {}) {
  const data = await openDataDirectory(folder.path);
  const log = new GatewayLog({ ...config, ...changes });
  return {
    log,
    open: () => log.open(data, (text) => text),
    async [Symbol.asyncDispose]() {
      await log.close(undefined);
      await data.close();
    },
  };
}

describe('how much the log says', () => {
  test('is changed while it is written: its level, and the time of every release', async () => {
    await using folder = await testFolder();
    {
      await using gateway = await opened(folder);
      const { log } = gateway;
      await gateway.open();
      log.listeners.onRelease(ending);
      log.debug({}, 'debug before');
      expect(log.change({ cleanup: true })).toEqual({ level: 'info', cleanup: true });
      log.listeners.onRelease(ending);
      expect(log.change({ level: 'debug', cleanup: false })).toEqual({ level: 'debug', cleanup: false });
      expect(log.settings).toEqual({ level: 'debug', cleanup: false });
      log.listeners.onRelease(ending);
      log.debug({}, 'debug after');
    }
    expect(await messages(folder)).toEqual([
      'the log has level info, releases on',
      'release gateway/thing: done after 1.2 ms',
      'the log has level debug, releases off',
      'debug after',
    ]);
  });

  test('may be changed before its file is open', async () => {
    await using folder = await testFolder();
    {
      await using gateway = await opened(folder);
      gateway.log.change({ level: 'error' });
      gateway.log.info({}, 'info');
      gateway.log.error({}, 'error');
      await gateway.open();
    }
    expect(await messages(folder)).toEqual(['error']);
  });

  test.each([
    [{ level: 'debug' }, { level: 'debug' }],
    [{ cleanup: true }, { cleanup: true }],
    [
      { level: 'warn', cleanup: false },
      { level: 'warn', cleanup: false },
    ],
  ])('is asked for in JSON: %j', (body, change) => {
    expect(logChangeIn(body)).toEqual(change);
  });

  test.each([
    [null, 'nothing to change'],
    [{}, 'nothing to change'],
    [[], 'nothing to change'],
    [{ level: 'loud' }, '`level` is one of trace, debug, info'],
    [{ level: 3 }, '`level` is one of'],
    [{ cleanup: 'yes' }, '`cleanup` is true or false'],
    [{ level: 'info', colour: 1 }, 'the log has no colour'],
  ])('is not understood as %j', (body, message) => {
    expect(() => logChangeIn(body)).toThrow(message);
  });
});

describe('the report of the last shutdown', () => {
  test('is read from the end of the log, unless it is of an earlier time', async () => {
    await using folder = await testFolder();
    const beganMs = Date.now();
    const data = await openDataDirectory(folder.path);
    const log = new GatewayLog(config);
    await log.open(data, (text) => text);
    log.info({ more: 'x'.repeat(500_000) }, 'long');
    await log.close(report);
    await data.close();
    expect(await readLastReport(folder.path, beganMs)).toMatchObject(report);
    expect(await readLastReport(folder.path, Date.now() + 1000)).toBeUndefined();
  });

  test.each([
    ...['', 'no JSON\n', '{"time":"2026-01-01T00:00:00Z"}\n', 'null\n', '{"stages":[],"time":7}\n'],
    '{"time":"2026-01-01T00:00:00Z","ms":1,"exitCode":0,"forced":[],"stages":[null]}\n',
    '{"time":"2026-01-01T00:00:00Z","ms":1,"exitCode":0,"forced":[],"stages":[{"name":"x","notes":"none"}]}\n',
  ])('is not known where the log ends with %j', async (text) => {
    await using folder = await testFolder();
    await mkdir(join(folder.path, 'logs'));
    await writeFile(join(folder.path, 'logs', 'greenroom.log'), text);
    expect(await readLastReport(folder.path, 0)).toBeUndefined();
  });

  test('is not waited for where the log is a pipe', async () => {
    await using folder = await testFolder();
    await mkdir(join(folder.path, 'logs'));
    execFileSync('mkfifo', [join(folder.path, 'logs', 'greenroom.log')]);
    expect(await readLastReport(folder.path, 0)).toBeUndefined();
  });

  test('is not known where there is no log', async () => {
    expect(await readLastReport('/nowhere/at/all', 0)).toBeUndefined();
  });
});
